import XCTest

@testable import Multiprocessing

final class ProcessLifecycleTests: XCTestCase {
  private enum Step: CaseIterable {
    case begin, launched, failed, ended, close, use
  }

  private func life(_ steps: [Step]) throws -> ProcessLifecycle {
    var life = ProcessLifecycle()
    for step in steps {
      switch step {
      case .begin: try life.begin()
      case .launched: life.launched()
      case .failed: life.failed()
      case .ended: life.ended()
      case .close: try life.close()
      case .use: try life.requireStarted()
      }
    }
    return life
  }

  private func expect(_ steps: [Step], _ error: ProcessError, line: UInt = #line) {
    XCTAssertThrowsError(try life(steps), line: line) { XCTAssertEqual($0 as? ProcessError, error, line: line) }
  }

  func testTheOrdinaryLife() throws {
    XCTAssertEqual(try life([]).phase, .new)
    XCTAssertEqual(try life([.begin]).phase, .starting)
    XCTAssertEqual(try life([.begin, .launched, .use]).phase, .running)
    XCTAssertEqual(try life([.begin, .launched, .ended, .ended, .use]).phase, .ended)
    XCTAssertEqual(try life([.begin, .launched, .ended, .close, .close]).phase, .closed)
  }

  func testAStartThatFailedMayBeTriedAgain() throws {
    XCTAssertEqual(try life([.begin, .failed, .begin, .launched]).phase, .running)
  }

  func testAnObjectStartsOnce() {
    for steps: [Step] in [[.begin], [.begin, .launched], [.begin, .launched, .ended]] {
      expect(steps + [.begin], .alreadyStarted)
    }
    expect([.close, .begin], .closed)
  }

  func testWhatNeedsAChildAsksForAStart() {
    expect([.use], .notStarted)
    expect([.begin, .use], .notStarted)
    expect([.begin, .failed, .use], .notStarted)
    expect([.close, .use], .closed)
    expect([.begin, .launched, .ended, .close, .use], .closed)
  }

  func testCloseWaitsForNobody() {
    expect([.begin, .close], .stillRunning)
    expect([.begin, .launched, .close], .stillRunning)
    XCTAssertNoThrow(try life([.close, .close]))
  }

  func testTheEndIsNewsOnlyWhileItRuns() throws {
    XCTAssertEqual(try life([.ended]).phase, .new)
    XCTAssertEqual(try life([.begin, .launched, .ended, .close, .ended]).phase, .closed)
  }
}
