import CMultiprocessing
import Multiprocessing
import TestSupport
import XCTest

/// Globals whose initialisers start processes that need them.
final class GlobalTests: AuditedTestCase {
  override func setUpWithError() throws {
    try super.setUpWithError()
    try Process.run {}
    var statistics = mp_once_statistics()
    mp_once_read_statistics(&statistics)
    try XCTSkipUnless(statistics.active, "left out of this build or switched off")
  }

  func testAnInitialiserMayStartAProcessThatInitialisesTheGlobalItself() {
    XCTAssertEqual(family, [1, 2])
  }

  func testOneThatAlwaysDoesEndsWithAMessage() throws {
    let failure = try XCTUnwrap(endless)
    XCTAssertTrue("\(failure)".contains("needs the global itself"), "\(failure)")
  }
}

/// In a child, it starts none.
private let family: [Int] = {
  guard parentProcess() == nil else { return [1] }
  return (try? Process.run { family + [2] }) ?? []
}()

/// What the child failed with, which needs to know what its own child failed with, and so on.
private let endless: String? = {
  do {
    return try Process.run { endless }
  } catch {
    return "\(error)"
  }
}()
