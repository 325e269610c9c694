public import XCTest

/// A test that leaves nothing behind: no descriptor, no child, no mapping of ours; and that dumps every stack, of its
/// children as well, when it hangs.
open class AuditedTestCase: XCTestCase {
  private var before = Inventory()
  private var watchdog: Watchdog?

  /// Seconds after which a test counts as hung.
  open var patience: Double { 120 }

  /// Seconds that what a test had has to go away after its end.
  open var patienceWithLeaks: Double { 2 }

  /// Whether what is new after the test is its doing.
  open func isLeak(_ leak: String) -> Bool { true }

  override open func setUpWithError() throws {
    // Lazily opened once, and not by the test: the engine's launcher, the test runner's own files.
    before = Inventory.now()
    watchdog = Watchdog(over: name, seconds: patience)
  }

  override open func tearDownWithError() throws {
    watchdog?.stop()
    let leaks = Inventory.leaks(since: before, patience: patienceWithLeaks, isLeak)
    XCTAssertEqual(leaks, [], "\(name) left something behind")
  }
}
