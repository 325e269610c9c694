import Glibc
import Multiprocessing
import TestSupport
import XCTest

final class SharedMemoryTests: AuditedTestCase {
  private func newName() -> String { "mp-test-\(getpid())-\(UInt32.random(in: .min ... .max))" }

  private func exists(_ name: String) -> Bool { access("/dev/shm/\(name)", F_OK) == 0 }

  private func bytes(_ memory: SharedMemory, _ count: Int) throws -> [UInt8] {
    try memory.withUnsafeMutableBytes { Array($0.prefix(count)) }
  }

  private func write(_ text: String, to memory: SharedMemory) throws {
    try memory.withUnsafeMutableBytes { $0.copyBytes(from: text.utf8) }
  }

  private func run(_ process: ProcessBase) throws {
    try process.start()
    try process.join()
    XCTAssertEqual(process.exitCode, 0)
  }

  func testTheBasics() throws {
    let name = newName()
    let memory = try SharedMemory.create(name: name, size: 513)
    XCTAssertEqual(memory.name, name)
    XCTAssertEqual(memory.size, 513)
    XCTAssertTrue("\(memory)".contains(name) && "\(memory)".contains("513"))
    XCTAssertEqual(try bytes(memory, 600), Array(repeating: 0, count: 513))
    try memory.withUnsafeMutableBytes { $0[512] = 42 }

    let other = try SharedMemory.attach(name: name)
    XCTAssertEqual(other.size, 513)
    XCTAssertEqual(try bytes(other, 513)[512], 42)
    other.close()
    XCTAssertEqual(try bytes(memory, 513)[512], 42)

    assertThrows(SharedMemoryError.alreadyExists(name)) { try SharedMemory.create(name: name, size: 10) }
    XCTAssertEqual(try SharedMemory.attach(name: name).size, 513)
    try memory.unlink()
    assertThrows(SharedMemoryError.notFound(name)) { try SharedMemory.attach(name: name) }
    assertThrows(SharedMemoryError.notFound(name)) { try memory.unlink() }
    XCTAssertEqual(try bytes(memory, 513)[512], 42, "the bytes outlive the name")
  }

  func testNamesAreMadeUp() throws {
    let memories = try (0..<20).map { _ in try SharedMemory.create(size: 1) }
    XCTAssertEqual(Set(memories.map(\.name)).count, 20)
    for memory in memories {
      XCTAssertTrue(exists(memory.name))
      try memory.unlink()
      XCTAssertFalse(exists(memory.name))
    }
  }

  func testSizesThatMakeNoSense() throws {
    for size in [0, -1, -2, .min] {
      assertThrows(SharedMemoryError.invalidSize(size)) { try SharedMemory.create(size: size) }
    }
    for size in [1 << 50, 1 << 44] {
      let name = newName()
      assertThrows(SharedMemoryError.noSpace(bytes: size)) { try SharedMemory.create(name: name, size: size) }
      XCTAssertFalse(exists(name))
    }
  }

  func testNamesThatMakeNoSense() throws {
    let name = newName()
    for wrong in ["", "/\(name)", "\(name)/x", ".", "..", "\(name)\0a", String(repeating: "x", count: 255)] {
      assertThrows(SharedMemoryError.invalidName(wrong)) { try SharedMemory.create(name: wrong, size: 1) }
      assertThrows(SharedMemoryError.invalidName(wrong)) { try SharedMemory.attach(name: wrong) }
    }
    let longest = name + String(repeating: "y", count: 254 - name.utf8.count)
    let memory = try SharedMemory.create(name: longest, size: 1)
    let descriptor = shm_open("/" + longest, O_RDWR, 0)
    XCTAssertGreaterThanOrEqual(descriptor, 0, "any program can open it")
    close(descriptor)
    try memory.unlink()
    let korean = try SharedMemory.create(name: "테스트 \(name)", size: 1)
    XCTAssertEqual(try SharedMemory.attach(name: "테스트 \(name)").size, 1)
    try korean.unlink()
  }

  func testAfterClose() throws {
    let memory = try SharedMemory.create(size: 10)
    memory.close()
    memory.close()
    assertThrows(SharedMemoryError.closed) { try memory.withUnsafeMutableBytes { _ in } }
    let process = Process(target: { (_: SharedMemory) in }, args: (memory))
    assertThrows(SharedMemoryError.closed) { try process.start() }
    XCTAssertEqual(memory.size, 10)
    let again = try SharedMemory.attach(name: memory.name)
    try again.withUnsafeMutableBytes { bytes in
      again.close()
      bytes[9] = 1
    }
    // As usual in Python: close first, then unlink.
    try memory.unlink()
    XCTAssertFalse(exists(memory.name))
  }

  func testAcrossProcesses() throws {
    let memory = try SharedMemory.create(size: 512)
    try run(
      Process(
        target: { (name: String) in
          let memory = try SharedMemory.attach(name: name)
          try memory.withUnsafeMutableBytes { $0.copyBytes(from: "howdy".utf8) }
          memory.close()
        }, args: (memory.name)))
    XCTAssertEqual(try bytes(memory, 5), Array("howdy".utf8))
    try run(
      Process(
        target: { (memories: [SharedMemory]) in
          try memories[0].withUnsafeMutableBytes { $0.copyBytes(from: "HELLO".utf8) }
          memories[0].close()
        }, args: ([memory])))
    XCTAssertEqual(try bytes(memory, 5), Array("HELLO".utf8))
    try run(Process { try memory.withUnsafeMutableBytes { $0[0] = UInt8(ascii: "J") } })
    XCTAssertEqual(try bytes(memory, 5), Array("JELLO".utf8))
    // Its name may be gone already: the memory itself goes along.
    try memory.unlink()
    try run(
      Process(target: { (memory: SharedMemory) in try memory.withUnsafeMutableBytes { $0[4] = 33 } }, args: (memory)))
    XCTAssertEqual(try bytes(memory, 5), Array("JELL!".utf8))
  }

  func testAChildMayRemoveTheName() throws {
    let memory = try SharedMemory.create(size: 10)
    try run(Process(target: { (memory: SharedMemory) in try memory.unlink() }, args: (memory)))
    XCTAssertFalse(exists(memory.name))
    assertThrows(SharedMemoryError.notFound(memory.name)) { try memory.unlink() }
  }

  func testANameThatIsSomebodyElsesNowIsLeftAlone() throws {
    let first = try SharedMemory.create(size: 10)
    XCTAssertEqual(shm_unlink("/" + first.name), 0)
    let second = try SharedMemory.create(name: first.name, size: 20)
    assertThrows(SharedMemoryError.notFound(first.name)) { try first.unlink() }
    XCTAssertEqual(try SharedMemory.attach(name: first.name).size, 20)
    try second.unlink()
  }

  func testWhatIsNoMemoryIsNotAttached() throws {
    let name = newName()
    let empty = shm_open("/" + name, O_RDWR | O_CREAT | O_EXCL, 0o600)
    assertThrows(SharedMemoryError.system(errno: EINVAL)) { try SharedMemory.attach(name: name) }
    XCTAssertEqual(ftruncate(empty, 5), 0)
    XCTAssertEqual(try SharedMemory.attach(name: name).size, 5)
    close(empty)
    shm_unlink("/" + name)
    XCTAssertEqual(mkfifo("/dev/shm/\(name)", 0o600), 0)
    assertThrows(SharedMemoryError.system(errno: EINVAL)) { try SharedMemory.attach(name: name) }
    shm_unlink("/" + name)
    XCTAssertEqual(symlink("/dev/shm/\(name)-2", "/dev/shm/\(name)"), 0)
    assertThrows(SharedMemoryError.system(errno: ELOOP)) { try SharedMemory.attach(name: name) }
    shm_unlink("/" + name)
  }

  func testManyAtOnce() throws {
    let prefix = newName()
    let counts = concurrently(4) { number in
      (0..<50).count { round in
        // Everybody wants the same names: one of them gets each.
        guard let memory = try? SharedMemory.create(name: "\(prefix)-\(round)", size: 100 + number) else {
          return false
        }
        memory.close()
        return true
      }
    }
    XCTAssertEqual(counts.reduce(0, +), 50)
    for round in 0..<50 { try SharedMemory.attach(name: "\(prefix)-\(round)").unlink() }
  }

  func testHundredsOfNames() throws {
    // More than the register's first pages hold.
    var memories = try (0..<600).map { _ in try SharedMemory.create(size: 1) }
    memories.shuffle()
    for memory in memories { try memory.unlink() }
    for memory in memories { XCTAssertFalse(exists(memory.name)) }
  }
}
