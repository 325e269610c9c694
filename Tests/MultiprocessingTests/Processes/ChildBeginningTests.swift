import CMultiprocessing
import Glibc
import Multiprocessing
import TestSupport
import XCTest

/// What a child starts with: signals, descriptors, threads.
final class ChildBeginningTests: AuditedTestCase {
  private static let crashSignals: Set<Int32> = [
    SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGSYS,
  ]

  /// The signals of this process that are not at their default, but for those that report a crash.
  private static func changedDispositions() -> [Int32] {
    (1...64).filter { number in
      guard number != SIGKILL, number != SIGSTOP, !crashSignals.contains(number) else { return false }
      var action = sigaction()
      // The two signals that glibc keeps for itself cannot be asked for.
      guard sigaction(number, nil, &action) == 0 else { return false }
      return action.__sigaction_handler.sa_handler != nil
    }
  }

  private static func blockedSignals() -> [Int32] {
    var set = sigset_t()
    pthread_sigmask(SIG_BLOCK, nil, &set)
    return (1...64).filter { sigismember(&set, $0) == 1 }
  }

  /// Lets the calling thread, in a process of its own, be as hostile as can be.
  private static func disturbSignals() {
    var all = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_BLOCK, &all, nil)
    for number in 1...64 as ClosedRange<Int32> where !crashSignals.contains(number) {
      signal(number, number % 2 == 0 ? SIG_IGN : { _ in abort() })
    }
  }

  func testSignalsAreAsNew() throws {
    let found = try Process.run {
      Self.disturbSignals()
      precondition(Self.blockedSignals().count > 50 && Self.changedDispositions().count > 50)
      return try Process.run { [Self.blockedSignals(), Self.changedDispositions()] }
    }
    XCTAssertEqual(found, [[], []])
  }

  func testTheParentKeepsItsSignals() throws {
    let isUnchanged = try Process.run {
      Self.disturbSignals()
      let before = [Self.blockedSignals(), Self.changedDispositions()]
      try Process.run {}
      return before == [Self.blockedSignals(), Self.changedDispositions()]
    }
    XCTAssertTrue(isUnchanged)
  }

  func testABrokenPipeEndsAChild() throws {
    let error = thrown(ProcessError.self) {
      try Process.run {
        signal(SIGPIPE, SIG_IGN)
        try Process.run {
          let pipe = TestPipe()
          close(pipe.reader)
          pipe.write([1])
        }
      }
    }
    XCTAssertEqual(error, .killed(.brokenPipe))
  }

  func testTheParentsHandlersDoNotRunInAChild() throws {
    // A signal for the whole group comes between the fork and the child's first instruction.
    let value = try Process.run {
      signal(SIGUSR1) { _ in _exit(99) }
      for _ in 0..<50 {
        let process = Process { while true { pause() } }
        try process.start()
        try process.send(.user1)
        try process.join()
        guard process.exitCode == -SIGUSR1 else { return process.exitCode ?? 0 }
      }
      return 0
    }
    XCTAssertEqual(value, 0)
  }

  func testOneThread() throws {
    let threads = (0..<3).map { _ in Sleeper() }
    defer { for thread in threads { thread.end() } }
    let status = try Process.run { () -> String in
      precondition(getpid() == mp_gettid())
      return textOfFile("/proc/self/status")
    }
    XCTAssert(status.contains("Threads:\t1\n"), status)
  }

  private final class Sleeper {
    private let gate: Gate
    private var thread: TestThread?
    init() {
      let gate = Gate()
      self.gate = gate
      thread = TestThread { gate.pass() }
    }
    func end() {
      gate.open()
      thread.take()?.join()
    }
  }

  // MARK: Descriptors

  /// What /proc/self/fd leads to, without the descriptor that reads it.
  private static func descriptors() -> [String] { Inventory.now().descriptors.sorted() }

  func testNoSiblingHoldsAnothersDescriptor() throws {
    let before = Set(Self.descriptors())
    let gate = Gate()
    let inherited = Set(Self.descriptors()).subtracting(before)
    let long = [UInt8](repeating: 1, count: 300_000)
    let processes = (0..<6).map { number in
      // Every other one with arguments beyond a pipe.
      Process(
        target: { (_: [UInt8]) -> [String] in
          let descriptors = Self.descriptors()
          gate.pass()
          return descriptors
        }, args: (number % 2 == 0 ? [] : long))
    }
    for process in processes {
      try process.start()
      XCTAssertNotNil(process.sentinel)
    }
    gate.open(processes.count)
    var seen: Set<String> = []
    for process in processes {
      let all = try process.result()
      let own = all.filter { !before.contains($0) && !inherited.contains($0) }
      // Its end of its own socket; no pidfd, no pipe, no memory file.
      XCTAssertEqual(own.count, 1, "\(own)")
      XCTAssert(own.allSatisfy { $0.contains("socket:") }, "\(own)")
      let sockets = Set(own.map { $0.split(separator: " ").last.map(String.init) ?? "" })
      XCTAssertTrue(seen.isDisjoint(with: sockets), "\(own)")
      seen.formUnion(sockets)
    }
  }

  func testUserDescriptorsAreKept() throws {
    let pipe = TestPipe()
    let process = Process { pipe.write([7]) }
    try process.start()
    try process.result()
    var byte: UInt8 = 0
    pipe.read(&byte)
    XCTAssertEqual(byte, 7)
  }

  func testNothingOfTheEnginesSurvivesAnExec() throws {
    let before = Set(Self.descriptors())
    let gate = Gate()
    let sibling = Process { gate.pass() }
    try sibling.start()
    let flags = try Process.run {
      Self.descriptors().filter { !before.contains($0) && !$0.contains("pipe:") }
        .map { fcntl(Int32($0.split(separator: " ")[0])!, F_GETFD) }
    }
    XCTAssertEqual(flags, [FD_CLOEXEC])
    gate.open()
    try sibling.join()
  }
}
