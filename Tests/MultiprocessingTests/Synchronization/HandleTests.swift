import CMultiprocessing
import Foundation
import Glibc
import Multiprocessing
import TestSupport
import XCTest

/// How the primitives cross to a child: they are the same ones there.
final class HandleTests: AuditedTestCase {
  /// One of each.
  private struct Family: Codable, Sendable {
    var lock: Lock
    var recursive: RecursiveLock
    var semaphore: Multiprocessing.Semaphore
    var bounded: BoundedSemaphore
    var condition: Condition
    var event: Event
    var barrier: Barrier

    init() throws {
      lock = try Lock()
      recursive = try RecursiveLock()
      semaphore = try Semaphore(3)
      bounded = try BoundedSemaphore(3)
      condition = try Condition()
      event = try Event()
      barrier = try Barrier(parties: 2)
    }

    /// Leaves a mark on each, from a process that ends with what it holds.
    func mark() throws {
      try lock.acquire()
      try recursive.acquire()
      try semaphore.acquire()
      try bounded.acquire()
      try condition.acquire()
      event.set()
      barrier.abort()
    }

    /// The marks.
    func marks() throws -> [Bool] {
      try lock.acquire()
      try recursive.acquire()
      try condition.acquire()
      defer {
        try? lock.release()
        try? recursive.release()
        try? condition.release()
      }
      return [
        lock.previousOwnerDied, recursive.previousOwnerDied, condition.previousOwnerDied, semaphore.permits == 2,
        bounded.permits == 2, event.isSet, barrier.isBroken,
      ]
    }

    static let all = [Bool](repeating: true, count: 7)
  }

  private final class Marker: ProcessBase {
    let family: Family
    init(_ family: Family) {
      self.family = family
      super.init()
    }
    override func run() throws { try family.mark() }
  }

  private func check(_ family: Family, _ process: ProcessBase, line: UInt = #line) throws {
    XCTAssertEqual(try family.marks(), [Bool](repeating: false, count: 7), line: line)
    try process.start()
    try process.join()
    XCTAssertEqual(process.exitCode, 0, line: line)
    XCTAssertEqual(try family.marks(), Family.all, line: line)
  }

  func testAsArgumentsCapturesAndProperties() throws {
    var family = try Family()
    try check(family, Process(target: { (family: Family) in try family.mark() }, args: (family)))
    family = try Family()
    let captured = family
    try check(family, Process { try captured.mark() })
    family = try Family()
    try check(family, Marker(family))
    family = try Family()
    try check(
      family,
      Process(
        target: { (families: [Family], last: [String: Family?]) in
          guard families[0].lock === families[1].lock || families.count == 2 else { return }
          try last["here"]??.mark()
        }, args: ([family, family], ["here": family, "nowhere": nil])))
  }

  func testAloneAndThroughAGrandchild() throws {
    let event = try Event()
    let process = Process(
      target: { (event: Event) in
        let child = Process(target: { (event: Event) in event.set() }, args: (event))
        try child.start()
        try child.result()
      }, args: (event))
    try process.start()
    try process.result()
    XCTAssertTrue(event.isSet)
  }

  func testTheParentMayLetGoBeforeTheChildHasBegun() throws {
    let mailbox = Mailbox()
    func start() throws -> Multiprocessing.Process<Void> {
      let semaphore = try Semaphore(2)
      let process = Process(
        target: { (semaphore: Multiprocessing.Semaphore) in
          _ = try mailbox.next()
          try semaphore.acquire()
          mailbox.post("\(semaphore.permits)")
        }, args: (semaphore))
      try process.start()
      return process
    }
    let process = try start()
    mailbox.post("go")
    try process.result()
    XCTAssertEqual(try mailbox.next(), "1")
  }

  func testOtherCodersRefuse() throws {
    let family = try Family()
    func refuses(_ value: some Encodable, line: UInt = #line) {
      let error = thrown(EncodingError.self, line: line) { try JSONEncoder().encode(value) }
      guard case .invalidValue(_, let context) = error else { return XCTFail("\(error as Any)", line: line) }
      XCTAssert(context.debugDescription.contains("\(type(of: value))"), context.debugDescription, line: line)
      XCTAssertNotNil(thrown(EncodingError.self, line: line) { try PropertyListEncoder().encode([value]) })
    }
    refuses(family.lock)
    refuses(family.recursive)
    refuses(family.semaphore)
    refuses(family.bounded)
    refuses(family.condition)
    refuses(family.event)
    refuses(family.barrier)
    XCTAssertNotNil(thrown(DecodingError.self) { try JSONDecoder().decode(Lock.self, from: Data("1".utf8)) })
  }

  #if DEBUG
    func testEveryCallOfMakingOne() throws {
      defer { mp_fault_disarm() }
      let makers: [() throws -> Void] = [
        { _ = try Lock() }, { _ = try RecursiveLock() }, { _ = try Semaphore(1) }, { _ = try BoundedSemaphore(1) },
        { _ = try Condition() }, { _ = try Event() }, { _ = try Barrier(parties: 2) },
      ]
      for make in makers {
        mp_fault_arm(MP_SIDE_PARENT, -1, 0, 0)
        try make()
        let count = mp_fault_trace(MP_SIDE_PARENT, &trace, 1)
        XCTAssertGreaterThan(count, 3)
        let before = Inventory.now()
        for index in 0..<count {
          mp_fault_arm(MP_SIDE_PARENT, index, ENOMEM, 1)
          XCTAssertEqual(thrown(SystemError.self, by: make)?.errno, ENOMEM)
          mp_fault_disarm()
          XCTAssertEqual(Inventory.leaks(since: before), [])
        }
        try make()
      }
    }

    private var trace = MP_CALL_PIPE
  #endif

  func testErrorsAreSentencesAndCross() throws {
    let errors: [SynchronizationError] = [
      .notOwner, .released, .brokenBarrier, .tooManyReleases, .wouldDeadlock, .tooManyWaiters(5), .invalidArgument("x"),
    ]
    for error in errors {
      XCTAssert("\(error)".hasSuffix(".") && "\(error)".contains(" "), "\(error)")
      assertThrows(error) { try Process.run { throw error } }
    }
  }
}
