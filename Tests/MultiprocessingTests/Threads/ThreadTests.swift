import CMultiprocessing
import Glibc
import Multiprocessing
import TestSupport
import XCTest

import class Multiprocessing.Thread

/// What `threading.Thread` promises, as CPython's own tests see it, and what this one adds.
final class ThreadTests: TaskTestCase {
  private struct Trouble: Error, Equatable {
    var number: Int
  }

  private final class Quiet: ThreadBase {
    override func run() {}
  }

  private final class Failing: ThreadBase {
    override func run() throws { throw Trouble(number: 2) }
  }

  // MARK: Names and numbers

  func testNamesAreNumberedByType() {
    let (first, second, other) = (Thread {}, Thread {}, Quiet())
    let numbers = [first.name, second.name, other.name].map { Int($0.split(separator: "-")[1]) ?? -1 }
    XCTAssertEqual(first.name, "Thread-\(numbers[0])")
    XCTAssertEqual([second.name, other.name], ["Thread-\(numbers[0] + 1)", "Quiet-\(numbers[0] + 2)"])
    XCTAssertEqual(Thread(name: "worker") {}.name, "worker")
    first.name = "renamed"
    XCTAssertEqual(first.name, "renamed")
  }

  func testAThreadKnowsItself() throws {
    let thread = Thread(target: { (currentThread(), nativeThreadID(), currentProcess().pid) }, name: "worker")
    XCTAssertNil(thread.nativeID)
    try thread.start()
    // Known as soon as the start is over.
    let number = try XCTUnwrap(thread.nativeID)
    let (identity, ownNumber, pid) = try thread.result()
    XCTAssertEqual(identity.name, "worker")
    XCTAssertEqual(identity.nativeID, number)
    XCTAssertFalse(identity.isMain)
    XCTAssertEqual(ownNumber, number)
    XCTAssertEqual(pid, getpid())
    XCTAssertEqual(thread.nativeID, number)
    XCTAssertNotEqual(nativeThreadID(), number)
  }

  func testTheSystemKnowsTheName() throws {
    for (name, expected) in [("worker", "worker"), ("a name that is too long", "a name that is "), ("", "")] {
      let thread = Thread(name: name) { textOfFile("/proc/self/task/\(nativeThreadID())/comm") }
      try thread.start()
      XCTAssertEqual(try thread.result(), expected + "\n")
    }
  }

  func testTheFirstThreadAndForeignOnes() throws {
    XCTAssertEqual(currentThread().isMain, nativeThreadID() == UInt64(getpid()))
    let identity = try Process.run { currentThread() }
    XCTAssertEqual(identity.name, "MainThread")
    XCTAssertTrue(identity.isMain)
    let foreign = concurrently(1) { _ in currentThread() }[0]
    XCTAssertFalse(foreign.isMain)
    XCTAssertFalse(foreign.isDaemon)
    XCTAssertNotEqual(foreign.nativeID, nativeThreadID())
  }

  func testRunningThreadsAreListed() throws {
    let gate = Gate()
    let threads = (0..<3).map { number in Thread(name: "listed \(number)") { gate.pass() } }
    for thread in threads { try thread.start() }
    let listed = activeThreads().filter { $0.name.hasPrefix("listed") }
    XCTAssertEqual(listed.map(\.name), threads.map(\.name))
    XCTAssertEqual(listed.map(\.nativeID), threads.map(\.nativeID))
    gate.open(3)
    for thread in threads { try thread.join() }
    XCTAssertTrue(activeThreads().filter { $0.name.hasPrefix("listed") }.isEmpty)
  }

  // MARK: Life

  func testMisuse() throws {
    let thread = Thread { 1 }
    assertThrows(ThreadError.notStarted) { try thread.join() }
    assertThrows(ThreadError.notStarted) { try thread.result(timeout: .zero) }
    XCTAssertFalse(thread.isAlive)
    try thread.start()
    assertThrows(ThreadError.alreadyStarted) { try thread.start() }
    try thread.join()
    assertThrows(ThreadError.alreadyStarted) { try thread.start() }
    XCTAssertTrue(try thread.join(), "as often as one likes")
    let itself = Held()
    itself.thread = Thread {
      assertThrows(ThreadError.joiningItself) { try itself.thread?.join() }
      assertThrows(ThreadError.joiningItself) { try itself.thread?.join(timeout: .zero) }
    }
    try itself.thread?.start()
    try itself.thread?.join()
    itself.thread = nil
  }

  /// A thread that is told of itself.
  private final class Held: @unchecked Sendable {
    // Sendable: set before the thread starts, and after it has ended.
    var thread: Thread<Void>?
  }

  func testAlive() throws {
    let gate = Gate()
    let thread = Thread { gate.pass() }
    XCTAssertFalse(thread.isAlive)
    try thread.start()
    XCTAssertTrue(thread.isAlive)
    for timeout in [Duration.seconds(-1), .zero, .milliseconds(5)] { XCTAssertFalse(try thread.join(timeout: timeout)) }
    XCTAssertNotNil(thrown(TimeoutError.self) { try thread.result(timeout: .milliseconds(5)) })
    XCTAssertTrue(thread.isAlive)
    gate.open()
    XCTAssertTrue(try thread.join(timeout: .seconds(60)))
    XCTAssertFalse(thread.isAlive)
  }

  func testManyThreadsAndManyWaiters() throws {
    let counter = try SharedAtomic(0)
    for _ in 0..<20 {
      let threads = (0..<10).map { _ in Thread { counter.add(1) } }
      for thread in threads { try thread.start() }
      let joined = concurrently(3) { _ in threads.allSatisfy { (try? $0.join()) == true } }
      XCTAssertEqual(joined, [true, true, true])
      XCTAssertEqual(Set(try threads.map { try $0.result() }).count, 10)
    }
    XCTAssertEqual(counter.load(), 200)
  }

  func testErrors() throws {
    let failing = Thread { () throws -> Int in throw Trouble(number: 1) }
    let object = Failing()
    let text = try capturing(STDERR_FILENO) {
      try failing.start()
      assertThrows(Trouble(number: 1)) { try failing.result() }
      assertThrows(Trouble(number: 1)) { try failing.result(timeout: .zero) }
      try object.start()
      XCTAssertTrue(try object.join())
    }
    XCTAssertEqual(failing.terminationError as? Trouble, Trouble(number: 1))
    XCTAssertEqual(object.terminationError as? Trouble, Trouble(number: 2))
    XCTAssertEqual(text.split(separator: "\n").count, 2, text)
    for part in [failing.name, object.name, "Trouble"] { XCTAssertTrue(text.contains(part), text) }
    let fine = Quiet()
    try fine.start()
    try fine.join()
    XCTAssertNil(fine.terminationError)
  }

  func testTheTargetOnThisThread() throws {
    let number = nativeThreadID()
    try Thread { XCTAssertEqual(nativeThreadID(), number) }.run()
    assertThrows(Trouble(number: 3)) { try Thread { throw Trouble(number: 3) }.run() }
  }

  func testKeywordsThatDoNotFit() throws {
    struct Names: Decodable { var first: String }
    let thread = Thread(target: { (names: Names) in names.first }, kwargs: ["second": "b"])
    XCTAssertNotNil(thrown(ProcessError.self) { try thread.start() })
    assertThrows(ThreadError.notStarted) { try thread.join() }
  }

  func testAnObjectIsLetGoOfBeforeTheEnd() throws {
    final class Cargo: Sendable {}
    for _ in 0..<50 {
      var cargo: Cargo? = Cargo()
      weak let held = cargo
      var thread: Thread<Void>? = Thread(target: { [cargo] in withExtendedLifetime(cargo) {} })
      cargo = nil
      try thread?.start()
      try thread?.join()
      thread = nil
      XCTAssertNil(held)
    }
  }

  func testAThreadOutlivesItsObject() throws {
    let (gate, flag) = (Gate(), Flag())
    do {
      try Thread {
        gate.pass()
        flag.raise()
      }.start()
    }
    gate.open()
    XCTAssertTrue(eventually { flag.isRaised })
  }

  // MARK: Settings

  func testDaemonsAreInherited() throws {
    XCTAssertFalse(Thread {}.isDaemon)
    XCTAssertTrue(Thread(daemon: true) {}.isDaemon)
    for isDaemon in [true, false] {
      let thread = Thread(daemon: isDaemon) {
        [Thread {}.isDaemon, Thread(daemon: !isDaemon) {}.isDaemon, currentThread().isDaemon]
      }
      try thread.start()
      thread.isDaemon = !isDaemon
      XCTAssertEqual(thread.isDaemon, isDaemon, "settled by the start")
      XCTAssertEqual(try thread.result(), [isDaemon, !isDaemon, isDaemon])
    }
  }

  func testStackSizes() throws {
    // Not in the Glibc module.
    typealias GetAttributes = @convention(c) (pthread_t, UnsafeMutablePointer<pthread_attr_t>) -> Int32
    let symbol = try XCTUnwrap(dlsym(nil, "pthread_getattr_np"))
    let get = unsafeBitCast(symbol, to: GetAttributes.self)
    let size: @Sendable () -> Int = {
      var attributes = pthread_attr_t()
      var size = 0
      _ = get(pthread_self(), &attributes)
      pthread_attr_getstacksize(&attributes, &size)
      pthread_attr_destroy(&attributes)
      return size
    }
    for bytes in [64 << 10, 256 << 10, 32 << 20] {
      let thread = Thread(target: size)
      XCTAssertNil(thread.stackSize)
      thread.stackSize = bytes
      try thread.start()
      XCTAssertEqual(try thread.result(), bytes)
    }
    for bytes in [-1, 0, 100, 40_000] {
      let thread = Thread(target: size)
      thread.stackSize = bytes
      assertThrows(ThreadError.system(errno: EINVAL)) { try thread.start() }
      assertThrows(ThreadError.notStarted) { try thread.join() }
      thread.stackSize = nil
      try thread.start()
      XCTAssertGreaterThan(try thread.result(), 0)
    }
  }

  #if DEBUG
    func testASystemWithoutThreads() throws {
      let thread = Thread { 1 }
      let others = activeThreads()
      mp_fault_arm(MP_SIDE_PARENT, 0, EAGAIN, 1)
      defer { mp_fault_disarm() }
      assertThrows(ThreadError.system(errno: EAGAIN)) { try thread.start() }
      XCTAssertTrue(mp_fault_struck())
      XCTAssertFalse(thread.isAlive)
      XCTAssertEqual(activeThreads(), others)
      try thread.start()
      XCTAssertEqual(try thread.result(), 1)
    }
  #endif

  // MARK: Tasks

  func testTasksWait() async throws {
    let gate = Gate()
    let thread = Thread {
      gate.pass()
      return 42
    }
    try thread.start()
    var hasEnded = try await thread.join(timeout: .milliseconds(5))
    XCTAssertFalse(hasEnded)
    let task = Task { try await thread.value }
    task.cancel()
    guard case .failure(let error) = await task.result else { return XCTFail("no error") }
    XCTAssertTrue(error is CancellationError)
    gate.open()
    let value = try await thread.value
    XCTAssertEqual(value, 42)
    hasEnded = try await thread.join()
    XCTAssertTrue(hasEnded)
  }
}
