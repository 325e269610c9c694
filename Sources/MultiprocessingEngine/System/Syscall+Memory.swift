import CMultiprocessing
import Glibc

/// The calls behind memory that processes share.
extension Syscall {
  package static func identity(of descriptor: Int32) throws(SystemFailure) -> FileIdentity {
    var status = stat()
    try attempt(MP_CALL_STATUS, "ask what a descriptor is") { negativeErrno(Int(fstat(descriptor, &status))) }
    return FileIdentity(device: UInt64(status.st_dev), number: UInt64(status.st_ino))
  }

  /// Sets a file's length. Throws EFBIG for what exceeds the process' limit, which the kernel would answer with a signal.
  static func resize(_ descriptor: Int32, to size: Int) throws(SystemFailure) {
    let operation = "set a shared memory file to \(size) bytes"
    var limits = rlimit()
    try attempt(MP_CALL_LIMIT, "read a resource limit") {
      negativeErrno(Int(getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limits)))
    }
    guard rlim_t(size) <= limits.rlim_cur else { throw SystemFailure(operation, errno: EFBIG) }
    try attempt(MP_CALL_RESIZE, operation) { negativeErrno(Int(ftruncate(descriptor, size))) }
  }

  static func fixSize(of descriptor: Int32) throws(SystemFailure) {
    try attempt(MP_CALL_SEAL, "fix the size of a memory file") { Int(mp_memfd_fix_size(descriptor)) }
  }

  static func hasFixedSize(_ descriptor: Int32) throws(SystemFailure) -> Bool {
    do throws(SystemFailure) {
      return try attempt(MP_CALL_STATUS, "ask for a memory file's seals") { Int(mp_memfd_has_fixed_size(descriptor)) }
        == 1
    } catch {
      // A file that cannot be sealed at all.
      if error.errno == EINVAL { return false }
      throw error
    }
  }

  /// Makes sure that a range of a memory file has memory: ENOSPC or ENOMEM here, and no SIGBUS later.
  static func reserve(_ descriptor: Int32, _ range: Range<Int>) throws(SystemFailure) {
    let operation = "reserve \(range.count) bytes of shared memory"
    // The kernel would set about it all the same, and end processes to make room.
    if range.count >= 64 << 20, let available = Host.availableMemory, range.count > available {
      throw SystemFailure(operation, errno: ENOMEM)
    }
    try attempt(MP_CALL_RESERVE, operation) {
      // A signal makes some kernels begin it anew: one every millisecond, a profiler's, would keep a large one from ever ending.
      SignalMask.withAllBlocked { Int(mp_reserve_range(descriptor, Int64(range.lowerBound), Int64(range.count))) }
    }
  }

  /// Gives a range's memory back to the system.
  static func release(_ descriptor: Int32, _ range: Range<Int>) throws(SystemFailure) {
    try attempt(MP_CALL_RELEASE, "give back \(range.count) bytes of shared memory") {
      Int(mp_release_range(descriptor, Int64(range.lowerBound), Int64(range.count)))
    }
  }

  /// Maps a file for all who map it. Address space alone: memory comes with `reserve`.
  static func mapShared(_ descriptor: Int32, length: Int) throws(SystemFailure) -> UnsafeMutableRawPointer {
    var address: UnsafeMutableRawPointer?
    try attempt(MP_CALL_MAP, "map \(length) bytes of shared memory") {
      address = mmap(nil, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, descriptor, 0)
      return address == MAP_FAILED ? -Int(errno) : 0
    }
    // Not null: only MAP_FAILED stands for none; mmap(2).
    return address!
  }
}
