import CEngineTestSupport
import CMultiprocessing
import Glibc
import MultiprocessingEngine
import Synchronization
import TestSupport
import XCTest

/// What another thread was initialising at the fork.
final class OnceTests: AuditedTestCase {
  override func setUpWithError() throws {
    try super.setUpWithError()
    // The first start finds the runtime's call.
    _ = try bytes { _ in .value([]) }
    try XCTSkipUnless(statistics().active, "left out of this build or switched off")
  }

  /// What `body` returns in a child.
  private func bytes(_ body: @escaping ChildBody) throws -> [UInt8] {
    let child = try ForkMethod().start(StartRequest(record: [], survivesParent: false, body: body))
    XCTAssertTrue(try child.wait(until: Deadline(after: .seconds(60))))
    let value = try XCTUnwrap(try child.report().value)
    return withExtendedLifetime(value) { [UInt8]($0.bytes) }
  }

  func testAGlobalThatAThreadIsInitialisingIsInitialisedAnewInTheChild() throws {
    let freed = statistics().freed
    let thread = TestThread { XCTAssertEqual(slowGlobal.value, 42) }
    XCTAssertTrue(eventually { slow.isInside.load(ordering: .acquiring) })
    let inChild = try bytes { _ in
      .value([slowGlobal.value, UInt8(slow.runs.load(ordering: .relaxed)), UInt8(statistics().freed - freed)])
    }
    // The run that began in the parent, and the child's own.
    XCTAssertEqual(inChild, [42, 2, 1])
    slow.mayGoOn.store(true, ordering: .releasing)
    thread.join()
    XCTAssertEqual(slowGlobal.value, 42)
    XCTAssertEqual(slow.runs.load(ordering: .relaxed), 1)
    XCTAssertEqual(statistics().freed, freed)
  }

  /// The threads of the child all ask for it, and one of them runs the initialiser.
  func testTheChildsThreadsInitialiseItOnce() throws {
    let thread = TestThread { XCTAssertEqual(slowGlobalOfMany.value, 42) }
    XCTAssertTrue(eventually { slowOfMany.isInside.load(ordering: .acquiring) })
    let inChild = try bytes { _ in
      let values = concurrently(4) { _ in slowGlobalOfMany.value }
      return .value(values + [UInt8(slowOfMany.runs.load(ordering: .relaxed))])
    }
    XCTAssertEqual(inChild, [42, 42, 42, 42, 2])
    slowOfMany.mayGoOn.store(true, ordering: .releasing)
    thread.join()
  }

  func testAContendedGlobalIsInitialisedOnceInTheParentAndInAChild() throws {
    let freed = statistics().freed
    XCTAssertEqual(concurrently(8) { _ in contendedGlobal }, Array(repeating: 1, count: 8))
    let inChild = try bytes { _ in .value(concurrently(8) { _ in contendedGlobalOfTheChild }) }
    XCTAssertEqual(inChild, Array(repeating: 1, count: 8))
    XCTAssertEqual(statistics().freed, freed)
  }

  /// A `Mutex` asks for its word in the same way. What it protects may be half-changed: it stays held.
  func testWordsThatOtherCodeAsksForStayHeld() throws {
    let staysHeld = try bytes { [owner = mp_gettid()] _ in .value([ets_word_stays_held(owner) ? 1 : 0]) }
    XCTAssertEqual(staysHeld, [1])
  }

  /// The parent's id may stand, in a child of the program's own fork, for a thread that runs.
  func testAForkOfTheProgramsOwnIsLeftAlone() throws {
    let launched = try bytes { _ in
      let pid = ets_fork({ _ in _exit(mp_is_launched() ? 1 : 0) }, UnsafeMutableRawPointer(bitPattern: 1)!)
      var status: Int32 = -1
      return .value([mp_is_launched() ? 1 : 0, waitpid(pid, &status, 0) == pid ? UInt8(status >> 8) : 255])
    }
    XCTAssertEqual(launched, [1, 0])
    XCTAssertFalse(mp_is_launched())
  }
}

private func statistics() -> mp_once_statistics {
  var statistics = mp_once_statistics()
  mp_once_read_statistics(&statistics)
  return statistics
}

/// Where a global's initialiser waits in the process that made this, and nowhere else.
private final class SlowInitialiser: Sendable {
  let isInside = Atomic(false)
  let mayGoOn = Atomic(false)
  let runs = Atomic(0)
  private let parent = getpid()

  func run() -> Boxed {
    runs.add(1, ordering: .relaxed)
    if getpid() == parent {
      isInside.store(true, ordering: .releasing)
      _ = eventually { mayGoOn.load(ordering: .acquiring) }
    } else {
      // Long enough for the child's other threads to ask as well.
      usleep(20_000)
    }
    return Boxed(value: 42)
  }
}

private final class Boxed: Sendable {
  let value: UInt8
  init(value: UInt8) { self.value = value }
}

private let slow = SlowInitialiser()
private let slowGlobal = slow.run()
private let slowOfMany = SlowInitialiser()
private let slowGlobalOfMany = slowOfMany.run()

private let contendedRuns = Atomic(UInt8(0))
private func countRun() -> UInt8 {
  usleep(20_000)
  return contendedRuns.add(1, ordering: .relaxed).newValue
}
private let contendedGlobal = countRun()
private let contendedGlobalOfTheChild = countRun() - 1
