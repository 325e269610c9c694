import Glibc
import Multiprocessing
import TestSupport
import XCTest

/// What goes on around a start, a report and an end, and must not disturb them.
final class InterferenceTests: AuditedTestCase {
  private final class Token: Sendable {
    let path: String
    init(_ path: String) { self.path = path }
    deinit { unlink(path) }
  }

  func testAChildLetsGoOfNothingThatItsParentsExitBlocksHold() throws {
    // In a process of its own, whose exit blocks are its alone.
    let survived = try Process.run {
      let path = "/tmp/multiprocessing-token-\(getpid())"
      close(open(path, O_CREAT | O_WRONLY, 0o600))
      let token = Token(path)
      atExit { _ = token.path }
      try Process.run { atExit {} }
      return access(path, F_OK) == 0
    }
    XCTAssertTrue(survived)
  }

  private struct Refusal: Error, Codable, Equatable {
    var text = "no"
  }

  func testAnErrorArrivesThoughNobodyReadsStandardError() throws {
    try Process.run {
      var pipe: [Int32] = [0, 0]
      precondition(Glibc.pipe(&pipe) == 0)
      close(pipe[0])
      dup2(pipe[1], STDERR_FILENO)
      XCTAssertThrowsError(try Process.run { throw Refusal() }) { precondition($0 as? Refusal == Refusal()) }
    }
  }

  func testAnErrorArrivesThoughStandardErrorIsFull() throws {
    try Process.run {
      var pipe: [Int32] = [0, 0]
      precondition(Glibc.pipe(&pipe) == 0)
      _ = fcntl(pipe[1], F_SETFL, O_NONBLOCK)
      let block = [UInt8](repeating: 0, count: 4096)
      while write(pipe[1], block, block.count) > 0 {}
      _ = fcntl(pipe[1], F_SETFL, 0)
      dup2(pipe[1], STDERR_FILENO)
      XCTAssertThrowsError(try Process.run { throw Refusal() }) { precondition($0 as? Refusal == Refusal()) }
    }
  }

  func testADescriptorThatTheBodyGaveAwayIsNotWrittenTo() throws {
    let process = Process(target: { () -> Int in
      // All of them, however many tests before this one have left to Dispatch.
      closefrom(3)
      var pair: [Int32] = [0, 0]
      // Takes the lowest numbers, the report's own among them.
      for _ in 0..<20 { precondition(socketpair(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0, &pair) == 0) }
      return 1
    })
    try process.start()
    XCTAssertThrowsError(try process.result()) { XCTAssertEqual($0 as? ProcessError, .exited(1)) }
  }

  func testAForkOfTheProgramsOwnLeavesItsFilesAlone() throws {
    let kept = try Process.run { () -> Bool in
      // The library's descriptors are open while this process forks by itself.
      let sleeper = Process(daemon: true) { while true { pause() } }
      try sleeper.start()
      let pid = rawFork()
      if pid == 0 {
        for number in 3..<100 { close(Int32(number)) }
        let files = (0..<20).map { _ in open("/dev/null", O_RDONLY) }
        let child = Process(target: { files.allSatisfy { fcntl($0, F_GETFD) >= 0 } })
        let isFine = (try? child.started().result()) == true
        _exit(isFine ? 0 : 1)
      }
      var status: Int32 = 0
      waitpid(pid, &status, 0)
      return status == 0
    }
    XCTAssertTrue(kept)
  }

  func testAnErrorOfAnothersIsNoSuccess() throws {
    let process = Process { throw ProcessError.exited(0) }
    try process.start()
    try process.join()
    XCTAssertEqual(process.terminationError as? ProcessError, .exited(0))
    let fine = Process { exit(0) }
    try fine.start()
    try fine.join()
    XCTAssertNil(fine.terminationError)
    try fine.close()
    XCTAssertNil(fine.terminationError)
  }
}

extension Multiprocessing.Process {
  fileprivate func started() throws -> Self {
    try start()
    return self
  }
}

@_silgen_name("fork") private func rawFork() -> pid_t
