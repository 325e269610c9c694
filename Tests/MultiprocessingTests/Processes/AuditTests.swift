import CMultiprocessing
import Glibc
import TestSupport
import XCTest

/// The audit around every other test is worth something only if it sees what is left behind.
final class AuditTests: AuditedTestCase {
  override var patienceWithLeaks: Double { complaints == nil ? 2 : 0 }

  /// What the audit complained of, while this test plays a bad one.
  private var complaints: [String]?

  override func recordFailure(
    withDescription description: String, inFile file: String, atLine line: Int, expected: Bool
  ) {
    if complaints == nil {
      super.recordFailure(withDescription: description, inFile: file, atLine: line, expected: expected)
    } else {
      complaints?.append(description)
    }
  }

  /// What the audit says at this point.
  private func audit() throws -> String {
    complaints = []
    defer { complaints = nil }
    try tearDownWithError()
    return complaints!.joined(separator: "\n")
  }

  func testADescriptorIsSeen() throws {
    XCTAssertEqual(try audit(), "")
    let descriptor = open("/dev/null", O_RDONLY)
    XCTAssert(try audit().contains("descriptor \(descriptor) -> /dev/null"))
    close(descriptor)
    XCTAssertEqual(try audit(), "")
  }

  func testAZombieIsSeen() throws {
    let program = TestProgram("fixture", "names")
    XCTAssert(eventually { processState(program.pid) == "Z" })
    XCTAssert(try audit().contains("child \(program.pid) (Z)"))
    XCTAssertEqual(program.wait(), 0)
  }

  func testARunningChildIsSeen() throws {
    let program = TestProgram("fixture", "family")
    XCTAssert(try audit().contains("child \(program.pid) "))
    XCTAssertEqual(kill(program.pid, SIGKILL), 0)
    XCTAssertEqual(program.wait(), -SIGKILL)
  }

  func testAMappingIsSeen() throws {
    let file = mp_memfd_create("multiprocessing")
    let mapping = try XCTUnwrap(mmap(nil, 4096, PROT_READ, MAP_SHARED, file, 0))
    close(file)
    XCTAssert(try audit().contains("1 mappings of memory files"))
    munmap(mapping, 4096)
    XCTAssertEqual(try audit(), "")
  }
}
