import Glibc
import TestSupport
import XCTest

@testable import Endurance

/// An audit that could not fail would prove nothing: each kind of leak is made, and has to be seen.
final class AuditTests: XCTestCase {
  private static let mark = Mark()

  private func violations(since before: Holdings) -> [String] {
    // Dispatch, which Foundation waits with, opens timers and an epoll of its own, whenever it likes.
    Audit(since: before).violations(in: .now(marked: Self.mark)).filter { !$0.contains("anon_inode") }
  }

  private func assertSees(_ text: String, since before: Holdings, line: UInt = #line) {
    let violations = violations(since: before)
    XCTAssertTrue(violations.contains { $0.contains(text) }, "\(violations)", line: line)
  }

  func testNothingHasChanged() {
    let before = Holdings.now(marked: Self.mark)
    XCTAssertGreaterThan(before.descriptorCount, 2)
    XCTAssertGreaterThan(before.heap, 0)
    XCTAssertGreaterThan(before.resident, 0)
    XCTAssertGreaterThan(before.threads, 0)
    XCTAssertEqual(violations(since: before), [])
  }

  func testADescriptor() {
    let before = Holdings.now(marked: Self.mark)
    let copy = dup(STDIN_FILENO)
    assertSees("descriptors of kind", since: before)
    close(copy)
    XCTAssertEqual(violations(since: before), [])
  }

  func testAMapping() {
    let before = Holdings.now(marked: Self.mark)
    let memory = mmap(nil, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0)
    assertSees("mappings of /dev/zero", since: before)
    munmap(memory, 4096)
    XCTAssertEqual(violations(since: before), [])
  }

  func testAChildAndAZombie() throws {
    let before = Holdings.now(marked: Self.mark)
    let pid = try spawn("sleep", "3600")
    assertSees("child \(pid)", since: before)
    kill(pid, SIGKILL)
    XCTAssertTrue(eventually { Holdings.now(marked: Self.mark).children[pid] == "Z" })
    assertSees("child \(pid) in state Z", since: before)
    waitpid(pid, nil, 0)
    XCTAssertEqual(violations(since: before), [])
  }

  func testAnOrphan() throws {
    let before = Holdings.now(marked: Self.mark)
    let shell = try spawn("sh", "-c", "sleep 3600 & exit 0")
    waitpid(shell, nil, 0)
    let stray = try XCTUnwrap(Holdings.now(marked: Self.mark).strays.first { $0.value.contains("sleep 3600") })
    assertSees("process \(stray.key) is left", since: before)
    kill(stray.key, SIGKILL)
    XCTAssertTrue(eventually { self.violations(since: before).isEmpty })
  }

  func testANameAndMemory() {
    var (before, now) = (Holdings(), Holdings())
    now.names = ["mpstress-1-x"]
    before.heap = 1000
    now.heap = 1000 + Audit.Allowances().heap
    now.resident = Audit.Allowances().resident + 1
    now.threads = Audit.Allowances().threads + 1
    let violations = Audit(since: before).violations(in: now)
    XCTAssertEqual(violations.count, 3, "\(violations)")
    XCTAssertEqual(violations.first, "/dev/shm/mpstress-1-x is left")
    XCTAssertEqual(Audit.memoryViolations(from: before, to: now).count, 1)
  }

  func testWhatMallocTells() {
    let text = """
      <heap nr="0"><sizes></sizes><total type="fast" count="1" size="1"/><system type="current" size="5"/></heap>
      <total type="fast" count="2" size="100"/>
      <total type="rest" count="3" size="1000"/>
      <total type="mmap" count="1" size="5000"/>
      <system type="current" size="20000"/>
      <system type="max" size="30000"/>
      """
    XCTAssertEqual(Malloc.bytesInUse(in: text), 20000 - 1100 + 5000)
  }

  private func spawn(_ arguments: String...) throws -> pid_t {
    var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    var pid: pid_t = 0
    XCTAssertEqual(posix_spawnp(&pid, arguments[0], nil, nil, &words, environ), 0)
    return pid
  }
}
