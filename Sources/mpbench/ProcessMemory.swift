import Glibc
import Measuring

/// Runs `body` while this process has written to every page of so much memory, in pages of 4 KiB.
func withTouchedMemory<Result>(mebibytes: Int, _ body: () throws -> Result) throws -> Result {
  guard mebibytes > 0 else { return try body() }
  let length = mebibytes << 20
  let memory = mmap(nil, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
  guard let memory, memory != MAP_FAILED else { throw WrongOutcome("mmap: errno \(errno)") }
  defer { munmap(memory, length) }
  // A kernel without huge pages answers EINVAL, and has small ones anyway.
  madvise(memory, length, MADV_NOHUGEPAGE)
  for offset in stride(from: 0, to: length, by: 4096) {
    memory.storeBytes(of: 1, toByteOffset: offset, as: UInt8.self)
  }
  return try body()
}

/// What the kernel says of this process' memory.
enum OwnMemory {
  /// The dirty pages that no other process maps. Asked without an allocation, which would add to the answer.
  static func privateKibibytes() throws -> Int {
    let file = open("/proc/self/smaps_rollup", O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw WrongOutcome("smaps_rollup: errno \(errno)") }
    defer { close(file) }
    let label = "Private_Dirty:"
    return try withUnsafeTemporaryAllocation(of: CChar.self, capacity: 4096) { buffer in
      let count = read(file, buffer.baseAddress, buffer.count - 1)
      guard count > 0 else { throw WrongOutcome("smaps_rollup: errno \(errno)") }
      buffer[count] = 0
      // "Private_Dirty:       120 kB"
      guard let field = strstr(buffer.baseAddress!, label) else {
        throw WrongOutcome("smaps_rollup has no \(label)")
      }
      return strtol(field + label.utf8.count, nil, 10)
    }
  }
}
