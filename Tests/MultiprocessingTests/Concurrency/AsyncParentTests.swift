import TestSupport
import XCTest

/// All kinds of async work, in children of parents with another past each, whoever starts them. `.ci/run` does it with thousands of
/// children.
final class AsyncParentTests: AuditedTestCase {
  override var patience: Double { 600 }

  private func check(_ parent: String, _ starter: String = "main", _ children: Int = 40) {
    let program = TestProgram("async-fixture", parent, "\(children)", starter)
    XCTAssertEqual(program.wait(), 0, program.output.text)
    let summary = "\(children + 1) children of a parent \(parent), started by \(starter), 0 failed"
    XCTAssertEqual(program.output.lines.last, summary)
  }

  func testAParentThatNeverUsedConcurrency() { check("untouched") }
  func testAnIdleParent() { check("idle") }
  func testABusyParent() { check("busy") }
  func testAParentThatUsedDispatch() { check("dispatch") }
  func testAHammeredParent() { check("hammered") }

  func testATaskStartsThem() { check("idle", "task") }
  func testATaskOfABusyParentStartsThem() { check("busy", "task") }
  func testAnActorStartsThem() { check("idle", "actor") }
  func testAnActorOfABusyParentStartsThem() { check("busy", "actor") }
}
