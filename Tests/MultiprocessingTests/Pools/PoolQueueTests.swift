import XCTest

@testable import Multiprocessing

/// The queue of a pool alone.
final class PoolQueueTests: XCTestCase {
  private final class Load: PoolWork {
    /// How often any of them was looked at.
    nonisolated(unsafe) static var looks = 0

    let number: Int
    var isAbandoned: Bool { isDropped }
    private var wasDropped = false
    var waiting = 0

    var isDropped: Bool {
      Load.looks += 1
      return wasDropped
    }

    init(_ number: Int) { self.number = number }
    func drop() { wasDropped = true }
  }

  private var queue = PoolQueue<Load>()

  private func add(_ load: Load) { queue.append(PoolSlice(load: load, items: 0..<1, function: 0)) }

  private func drop(_ load: Load) {
    load.drop()
    queue.drop(load.waiting)
  }

  private func rest() -> [Int] {
    var numbers: [Int] = []
    while let slice = queue.popFirst() { numbers.append(slice.load.number) }
    return numbers
  }

  override func setUp() { queue = PoolQueue() }

  func testDroppingCostsNoLookAtTheOthers() {
    let count = 20_000
    for order in [Array(0..<count), (0..<count).reversed(), (0..<count).map { ($0 * 7919) % count }] {
      let loads = (0..<count).map { Load($0) }
      loads.forEach(add)
      Load.looks = 0
      for place in order {
        drop(loads[place])
        // What a scheduler asks for after each change.
        _ = queue.first
        _ = queue.count
      }
      XCTAssertLessThan(Load.looks, 8 * count)
      XCTAssertTrue(queue.isEmpty)
      XCTAssertEqual(Set(queue.takeGarbage().map(\.number)).count, count)
      XCTAssertTrue(loads.allSatisfy { $0.waiting == 0 })
    }
  }

  func testTheOthersStayInTheirOrder() {
    let loads = (0..<100).map { Load($0) }
    loads.forEach(add)
    for number in stride(from: 0, to: 100, by: 3) { drop(loads[number]) }
    let left = (0..<100).filter { $0 % 3 != 0 }
    XCTAssertEqual(queue.count, left.count)
    XCTAssertEqual(queue.first?.load.number, 1)
    XCTAssertEqual(rest(), left)
    XCTAssertEqual(Set(queue.takeGarbage().map(\.number)), Set(stride(from: 0, to: 100, by: 3)))
    XCTAssertFalse(queue.hasGarbage)
  }

  func testWhatIsDroppedGoesBeforeItsTurn() {
    // Memory is not held by what nobody wants, whatever waits in front.
    let front = Load(-1)
    add(front)
    let loads = (0..<1000).map { Load($0) }
    loads.forEach(add)
    for load in loads { drop(load) }
    XCTAssertEqual(queue.count, 1)
    XCTAssertGreaterThan(queue.takeGarbage().count, 900)
  }

  func testSeveralSlicesOfOneLoad() {
    let (one, other) = (Load(1), Load(2))
    for load in [one, other, one, one, other] { add(load) }
    XCTAssertEqual(one.waiting, 3)
    drop(one)
    XCTAssertEqual(queue.count, 2)
    XCTAssertEqual(rest(), [2, 2])
    XCTAssertEqual([one.waiting, other.waiting], [0, 0])
  }

  func testWhatComesBackDroppedDoesNotWait() {
    let load = Load(1)
    load.drop()
    queue.prepend(PoolSlice(load: load, items: 0..<1, function: 0))
    add(load)
    XCTAssertTrue(queue.isEmpty)
    XCTAssertEqual(load.waiting, 0)
    XCTAssertEqual(queue.takeGarbage().count, 2)
  }

  func testTakingOutSome() {
    let loads = (0..<10).map { Load($0) }
    loads.forEach(add)
    drop(loads[4])
    XCTAssertEqual(queue.removeAll { $0.load.number % 2 == 0 }.map(\.load.number), [0, 2, 6, 8])
    XCTAssertEqual(rest(), [1, 3, 5, 7, 9])
    XCTAssertEqual(queue.takeGarbage().map(\.number), [4])
  }
}
