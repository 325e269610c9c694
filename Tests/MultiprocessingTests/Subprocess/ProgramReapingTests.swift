import Glibc
import Multiprocessing
import TestSupport
import XCTest

import class Multiprocessing.Process

/// Many programs, none of which leaves anything behind.
final class ProgramReapingTests: TaskTestCase {
  override var patience: Double { 240 }

  func testForgottenPrograms() throws {
    let before = Set(childProcesses(of: getpid()))
    let pipe = TestPipe()
    var pids: [Int32] = []
    for number in 0..<30 {
      let program = try Popen(
        ["/bin/sh", "-c", "read x </proc/self/fd/\(pipe.reader)"], stdin: .pipe,
        stdout: number % 2 == 0 ? .pipe : .null,
        stderr: .pipe,
        options: .init(passDescriptors: [pipe.reader]))
      pids.append(program.pid)
    }
    XCTAssertEqual(Set(childProcesses(of: getpid())).subtracting(before), Set(pids), "they run on")
    pipe.write(Array(repeating: 10, count: 30))
    // Nobody starts or waits for anything meanwhile.
    XCTAssert(eventually { pids.allSatisfy { processState($0) == "gone" } })
  }

  func testAForgottenOneThatHasEnded() throws {
    let pid = try { () -> Int32 in
      let program = try Popen(["true"])
      XCTAssert(eventually { processState(program.pid) == "Z" })
      return program.pid
    }()
    XCTAssertEqual(processState(pid), "gone")
  }

  func testAThousandOneAfterTheOther() throws {
    let before = Inventory.now()
    for _ in 0..<300 {
      XCTAssertEqual(try Popen.run(["true"]).status, .exited(0))
      XCTAssertThrowsError(try Popen(["no-such-program"], stdin: .pipe, stdout: .pipe, stderr: .pipe))
    }
    XCTAssertEqual(Inventory.leaks(since: before, patience: 0), [])
  }

  func testAHundredAtOnce() throws {
    let programs = try (0..<100).map { number in
      try Popen(["/bin/sh", "-c", "read x; exit \(number)"], stdin: .pipe, stdout: .pipe, stderr: .pipe)
    }
    for program in programs { XCTAssertNil(program.poll()) }
    for program in programs { program.standardInput?.close() }
    XCTAssertEqual(try programs.map { try $0.wait().exitCode }, (0..<100).map { Int32($0) })
  }

  func testStartsOnManyThreads() throws {
    let outcomes = concurrently(8) { thread in
      (0..<25).map { number in
        do {
          return try Popen.run(["echo", "\(thread) \(number)"], timeout: .seconds(120)).outputText
        } catch {
          return "\(error)"
        }
      }
    }
    XCTAssertEqual(outcomes, (0..<8).map { thread in (0..<25).map { "\(thread) \($0)\n" } })
  }

  func testStartsBesideForks() throws {
    let outcomes = concurrently(4) { thread in
      (0..<25).map { number in
        do {
          if thread % 2 == 0 {
            let options = Popen.Options(diesWithParent: thread == 0)
            return try Popen.run(["cat"], input: [UInt8(number)], options: options).output == [UInt8(number)]
          }
          // A child that counts what it got from its parent besides the streams and its own.
          return try Process.run(timeout: .seconds(120)) { number } == number
        } catch {
          return false
        }
      }
    }
    XCTAssertEqual(outcomes, Array(repeating: Array(repeating: true, count: 25), count: 4))
  }

  /// A file that somebody is writing to is tried again for a while; nobody else waits for that, and no child gets the descriptors that are
  /// on their way.
  func testForksWhileAStartTakesLong() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("#!/bin/sh\n", to: "busy")
    let writer = open(path, O_WRONLY | O_APPEND)
    defer { close(writer) }
    let done = Flag()
    let outcomes = Mailbox()
    let thread = TestThread {
      while !done.isRaised {
        do {
          try Popen([path]).wait()
          outcomes.post("started")
        } catch {
          outcomes.post(error as? PopenError == .system(errno: ETXTBSY) ? "busy" : "\(error)")
        }
      }
    }
    var leaks: [String] = []
    for _ in 0..<40 {
      leaks += try Process.run(timeout: .seconds(100)) { () -> [String] in
        (3..<200).compactMap { number in
          var target = [CChar](repeating: 0, count: 256)
          guard readlink("/proc/self/fd/\(number)", &target, 255) > 0 else { return nil }
          let text = String(decoding: target.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
          return text.contains("pidfd") ? text : nil
        }
      }
    }
    done.raise()
    thread.join()
    XCTAssertEqual(leaks, [])
    XCTAssertEqual(Set(try outcomes.waiting()), ["busy"])
  }

  func testStartsUnderSignals() throws {
    try SignalStorm.rage(every: 300) {
      for number in 0..<40 {
        let bytes = [UInt8](repeating: UInt8(number), count: 100_000)
        XCTAssertEqual(try Popen.run(["cat"], input: bytes).output, bytes)
      }
      SignalStorm.outlast(5)
    }
  }

  func testAHandlerOfThisProcessNeverRunsInAProgram() throws {
    // The handler would count in memory that both share until the program is there.
    try SignalStorm.rage(every: 200) {
      for _ in 0..<100 {
        let program = try Popen(["sleep", "3600"])
        XCTAssertTrue(program.send(.user1))
        XCTAssertEqual(try program.wait(), .signaled(.user1))
      }
    }
  }

  func testWaitsOnManyThreads() throws {
    let program = try Popen(["cat"], stdin: .pipe)
    let statuses = concurrently(8) { number in
      if number == 0 { program.standardInput?.close() }
      return try? program.wait(timeout: .seconds(100))
    }
    XCTAssertEqual(statuses, Array(repeating: .exited(0), count: 8))
  }

  // MARK: Meddlers

  private func outcomes(_ meddle: @escaping @Sendable () -> Void) throws -> [String] {
    try Process.run(timeout: .seconds(100)) {
      meddle()
      var outcomes: [String] = []
      for _ in 0..<10 {
        outcomes.append("\(try Popen.run(["/bin/sh", "-c", "cat; exit 3"], input: [65]))")
        let sleeper = try Popen(["sleep", "3600"], options: .init(diesWithParent: true))
        sleeper.terminate()
        outcomes.append("\(try sleeper.wait())")
        do { _ = try Popen(["no-such-program"]) } catch { outcomes.append("\(error is PopenError)") }
      }
      return outcomes
    }
  }

  private static let expected = Array(
    repeating: ["/bin/sh -c cat; exit 3 exited with 3", "ended by SIGTERM", "true"], count: 10
  ).flatMap { $0 }

  func testAParentThatIgnoresTheDeathOfItsChildren() throws {
    XCTAssertEqual(try outcomes {}, Self.expected)
    XCTAssertEqual(try outcomes { signal(SIGCHLD, SIG_IGN) }, Self.expected)
  }

  func testAParentThatReapsEverybody() throws {
    XCTAssertEqual(
      try outcomes {
        let thief = TestThread {
          while true {
            if waitpid(-1, nil, 0) < 0 { usleep(200) }
          }
        }
        _ = consume thief
      }, Self.expected)
  }

  // MARK: Room

  func testAFullTableOfDescriptors() throws {
    let outcome = try Process.run(timeout: .seconds(100)) { () -> [String] in
      _ = try Popen.run(["true"])
      var outcomes: Set<String> = []
      var held: [Int32] = []
      var limit = rlimit(rlim_cur: 64, rlim_max: 64)
      setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
      while case let number = open("/dev/null", O_RDONLY), number >= 0 { held.append(number) }
      // One more becomes free each time, until there is room.
      while let number = held.popLast() {
        do {
          let completed = try Popen.run(["cat"], input: [66])
          outcomes.insert(completed.outputText)
          break
        } catch {
          outcomes.insert("\(error as? PopenError == .system(errno: EMFILE))")
        }
        close(number)
      }
      return outcomes.sorted()
    }
    XCTAssertEqual(outcome, ["B", "true"])
  }

  func testWaitingForSeveral() throws {
    let first = try Popen(["sleep", "3600"])
    let second = try Popen(["cat"], stdin: .pipe)
    XCTAssertTrue(try waitAny([first, second], timeout: .milliseconds(10)).isEmpty)
    second.standardInput?.close()
    XCTAssert(try waitAny([first, second]).first === second)
    try first.end()
    XCTAssertEqual(try waitAny([first, second]).count, 2)
    try second.wait()
    let speaker = try Popen(["/bin/sh", "-c", "echo a; read x"], stdin: .pipe, stdout: .pipe)
    let output = try XCTUnwrap(speaker.standardOutput)
    XCTAssert(try waitAny([speaker, output]).first === output)
    XCTAssertEqual(try output.read(upTo: 1), [97])
    XCTAssert(try waitAny([speaker, output]).first === output, "there is more")
    speaker.standardInput?.close()
    XCTAssertEqual(try output.readToEnd(), [10])
    XCTAssertEqual(try speaker.wait(), .exited(1))
    XCTAssertEqual(try waitAny([speaker, output]).count, 2)
  }
}
