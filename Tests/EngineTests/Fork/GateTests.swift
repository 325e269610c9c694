import CMultiprocessing
import Foundation
import MultiprocessingEngine
import Synchronization
import TestSupport
import XCTest

/// The gate, seen from outside: what the toolchain must keep doing for it to work.
final class GateTests: AuditedTestCase {
  private func startAndWait(_ body: @escaping ChildBody = { _ in .value([]) }) throws {
    let child = try ForkMethod().start(StartRequest(record: [], survivesParent: false, body: body))
    XCTAssertTrue(try child.wait(until: Deadline(after: .seconds(60))))
    XCTAssertEqual(try child.statusIfEnded()?.termination, .exited(0))
  }

  override func setUpWithError() throws {
    try super.setUpWithError()
    try XCTSkipUnless(statistics().active, "the gate is left out of this build or switched off")
  }

  func testTheRuntimeIsSeenToTakeItsLocks() {
    let before = statistics().entered
    // Types that nothing has asked for before.
    var type: any Nested.Type = Int.self
    for bit in 0..<20 { type = type.wrapped(bit.isMultiple(of: 3)) }
    XCTAssertGreaterThan(statistics().entered, before)
    XCTAssertTrue("\(type)".count > 20)
  }

  func testEveryForkGoesThroughTheGate() throws {
    let before = statistics()
    for _ in 0..<3 { try startAndWait() }
    XCTAssertEqual(statistics().closed, before.closed + 3)
    XCTAssertEqual(statistics().gave_up, before.gave_up)
  }

  func testTheProgramsOwnMutexesDoNotHoldAForkBack() throws {
    let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    pthread_mutex_init(mutex, nil)
    defer {
      pthread_mutex_destroy(mutex)
      mutex.deallocate()
    }
    let before = statistics()
    pthread_mutex_lock(mutex)
    try startAndWait()
    pthread_mutex_unlock(mutex)
    XCTAssertEqual(statistics().gave_up, before.gave_up)
  }

  /// A cancellation handler runs under a lock of the concurrency runtime's: a thread that is inside, for sure.
  func testAForkWaitsForWhoeverIsInside() throws {
    let before = statistics()
    let handlerHasBegun = SharedFlag()
    let hasBegun = DispatchSemaphore(value: 0)
    let isInside = DispatchSemaphore(value: 0)
    let forkIsNear = DispatchSemaphore(value: 0)
    let task = Task {
      await withTaskCancellationHandler {
        // Cancelled before this, the handler would run in the task itself, without the lock.
        hasBegun.signal()
        // And one that ended as soon as it is cancelled might end before the handler has begun.
        while !handlerHasBegun.value.load(ordering: .acquiring) { await Task.yield() }
      } onCancel: {
        handlerHasBegun.value.store(true, ordering: .releasing)
        isInside.signal()
        forkIsNear.wait()
        // The fork is waiting when the count of those that did has grown.
        _ = eventually { statistics().waited > before.waited }
      }
    }
    let canceller = Thread { task.cancel() }
    hasBegun.wait()
    canceller.start()
    isInside.wait()
    forkIsNear.signal()
    try startAndWait()
    XCTAssertGreaterThan(statistics().waited, before.waited)
  }

  func testAChildFindsTheGateOpen() throws {
    try startAndWait { _ in
      // Would wait for ever at a closed gate.
      var type: any Nested.Type = String.self
      for bit in 0..<20 { type = type.wrapped(bit.isMultiple(of: 2)) }
      return .value(Array("\(type)".utf8.prefix(1)))
    }
  }
}

private final class SharedFlag: Sendable {
  let value = Atomic(false)
}

private func statistics() -> mp_gate_statistics {
  var statistics = mp_gate_statistics()
  mp_gate_read_statistics(&statistics)
  return statistics
}

/// Types without end: each is made by the runtime when it is first asked for.
private protocol Nested {
  static func wrapped(_ choice: Bool) -> any Nested.Type
}

extension Nested {
  static func wrapped(_ choice: Bool) -> any Nested.Type { choice ? [Self].self : Self?.self }
}

extension Int: Nested {}
extension String: Nested {}
extension Array: Nested where Element: Nested {}
extension Optional: Nested where Wrapped: Nested {}
