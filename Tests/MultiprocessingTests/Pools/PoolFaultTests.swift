import CMultiprocessing
import Glibc
import Multiprocessing
import TestSupport
import XCTest

#if DEBUG
  /// Whatever call fails, a pool gives the right results or an error, ends, and leaves nothing behind.
  final class PoolFaultTests: AuditedTestCase {
    // A pool that was let go of ends by itself, in its own time.
    override var patienceWithLeaks: Double { 30 }

    private func use() throws -> [Int] {
      let pool = try Pool(processes: 2)
      defer {
        pool.close()
        XCTAssertEqual(try? pool.join(timeout: .seconds(60)), true)
      }
      let blob = [UInt8](repeating: 1, count: 100_000)
      guard try pool.submit({ (blob: [UInt8]) in blob }, args: blob).result() == blob else { return [] }
      return try pool.map(0..<10, chunkSize: 2) { $0 * 2 }
    }

    func testEachCallThatFailsOnce() throws {
      XCTAssertEqual(try use(), (0..<10).map { $0 * 2 })
      for error in [ENOMEM, EMFILE] {
        var nth: Int32 = 0
        var errors = 0
        while true {
          mp_fault_arm(MP_SIDE_PARENT, nth, error, 1)
          let result = Result { try use() }
          let hasStruck = mp_fault_struck()
          mp_fault_disarm()
          switch result {
          case .success(let values): XCTAssertEqual(values, (0..<10).map { $0 * 2 }, "call \(nth)")
          case .failure(let failure):
            errors += 1
            XCTAssertTrue(
              failure is SystemError || failure is ProcessError || failure is CancellationError
                || failure as? PoolError == .closed, "call \(nth): \(failure)")
          }
          if !hasStruck || nth > 400 { break }
          nth += 1
        }
        XCTAssertGreaterThan(nth, 20)
        XCTAssertGreaterThan(errors, 0)
      }
    }
  }
#endif
