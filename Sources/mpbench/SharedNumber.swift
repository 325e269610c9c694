import Glibc
import Measuring

/// A number that a process and its children share.
final class SharedNumber: @unchecked Sendable {
  // Sendable: those who share it take turns, by a lock or by one waiting for the other's end.
  private let memory: UnsafeMutablePointer<UInt64>

  init() throws {
    let size = MemoryLayout<UInt64>.size
    let address = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)
    guard let address, address != MAP_FAILED else { throw WrongOutcome("mmap: errno \(errno)") }
    memory = address.bindMemory(to: UInt64.self, capacity: 1)
  }

  deinit { munmap(memory, MemoryLayout<UInt64>.size) }

  var value: UInt64 {
    get { memory.pointee }
    set { memory.pointee = newValue }
  }
}
