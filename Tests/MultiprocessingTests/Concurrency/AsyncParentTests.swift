import TestSupport
import XCTest

/// All kinds of async work, in children of parents with another past each.
final class AsyncParentTests: AuditedTestCase {
  override var patience: Double { 300 }

  private func check(_ parent: String) {
    let program = TestProgram("async-fixture", parent)
    XCTAssertEqual(program.wait(), 0, program.output.text)
    XCTAssert(program.output.lines.last?.hasSuffix("parent \(parent), 0 failed") == true, program.output.text)
  }

  func testAParentThatNeverUsedConcurrency() { check("untouched") }
  func testAnIdleParent() { check("idle") }
  func testABusyParent() { check("busy") }
  func testAParentThatUsedDispatch() { check("dispatch") }
}
