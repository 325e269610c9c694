import Glibc
import Multiprocessing
import TestSupport
import XCTest

/// Starts on threads with little memory.
final class ProgramStackTests: TaskTestCase {
  func testASmallStack() throws {
    let attributes = UnsafeMutablePointer<pthread_attr_t>.allocate(capacity: 1)
    defer { attributes.deallocate() }
    XCTAssertEqual(pthread_attr_init(attributes), 0)
    defer { pthread_attr_destroy(attributes) }
    XCTAssertEqual(pthread_attr_setstacksize(attributes, 64 << 10), 0)
    var thread: pthread_t = 0
    let failure = pthread_create(
      &thread, attributes,
      { _ in
        do {
          return try Popen(["true"]).wait() == .exited(0) ? nil : UnsafeMutableRawPointer(bitPattern: 1)
        } catch {
          return UnsafeMutableRawPointer(bitPattern: 2)
        }
      }, nil)
    XCTAssertEqual(failure, 0)
    var outcome: UnsafeMutableRawPointer?
    XCTAssertEqual(pthread_join(thread, &outcome), 0)
    XCTAssertNil(outcome)
  }
}
