import CMultiprocessing
import Glibc
import Multiprocessing
import TestSupport
import XCTest

/// Children of a process whose threads walk over the loaded images: that is done under a lock of the loader's, which would stay held in them.
final class LoaderLockTests: AuditedTestCase {
  func testChildrenThatForkAreBornDuringWalks() throws {
    // The first start does what no later one does.
    try Process.run {}
    let isDone = Flag()
    let walkers = (0..<2).map { _ in
      Walker {
        // A pause, in which the fork has its turn.
        while !isDone.isRaised {
          mp_images_visit({ _, _, _, _ in usleep(10) }, UnsafeMutableRawPointer(bitPattern: 1)!)
          usleep(50)
        }
      }
    }
    for _ in 0..<100 { XCTAssertEqual(try Process.run { try Process.run { 42 } }, 42) }
    isDone.raise()
    for walker in walkers { walker.join() }
  }

  /// Arrays do not hold what cannot be copied.
  private final class Walker {
    private var thread: TestThread?
    init(_ body: @escaping @Sendable () -> Void) { thread = TestThread(body) }
    func join() { thread.take()?.join() }
  }
}
