import CMultiprocessing
import Glibc

/// The calls behind memory without a file, which a process shares with the children it forks.
extension Syscall {
  /// Address space alone: memory comes with `populate`, or where it is first touched.
  static func mapAnonymous(length: Int) throws(SystemFailure) -> UnsafeMutableRawPointer {
    var address: UnsafeMutableRawPointer?
    try attempt(MP_CALL_MAP, "map \(length) bytes of shared memory") {
      address = mmap(nil, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
      return address == MAP_FAILED ? -Int(errno) : 0
    }
    // A core file of a worker would walk all of it. Fails for no range that was just mapped.
    madvise(address, length, MADV_DONTDUMP)
    // Not null: only MAP_FAILED stands for none; mmap(2).
    return address!
  }

  /// Puts memory behind whole pages: ENOMEM here, and no SIGBUS later.
  static func populate(_ pages: UnsafeMutableRawBufferPointer) throws(SystemFailure) {
    let operation = "reserve \(pages.count) bytes of shared memory"
    // The kernel would set about it all the same, and end processes to make room.
    if pages.count >= 64 << 20, let available = Host.availableMemory, pages.count > available {
      throw SystemFailure(operation, errno: ENOMEM)
    }
    // MADV_POPULATE_WRITE, which the C library's headers may not know yet.
    let populateWrite: Int32 = 23
    do throws(SystemFailure) {
      try attempt(MP_CALL_RESERVE, operation) {
        negativeErrno(Int(madvise(pages.baseAddress, pages.count, populateWrite)))
      }
    } catch {
      // A kernel before 5.14 gives the memory when it is touched.
      guard error.errno == EINVAL else { throw error }
    }
  }

  /// Takes the memory behind whole pages away from all who share it; they read as zeroes then.
  static func removeMemory(_ pages: UnsafeMutableRawBufferPointer) throws(SystemFailure) {
    try attempt(MP_CALL_RELEASE, "give back \(pages.count) bytes of shared memory") {
      negativeErrno(Int(madvise(pages.baseAddress, pages.count, MADV_REMOVE)))
    }
  }

  /// A descriptor that is readable once somebody rings it, until `silence`.
  static func bellDescriptor() throws(SystemFailure) -> Int32 {
    Int32(try attempt(MP_CALL_EVENT, "open an event descriptor") { Int(mp_event_descriptor(0)) })
  }

  /// Never blocks.
  static func ring(_ bell: Int32) throws(SystemFailure) {
    var one: UInt64 = 1
    do throws(SystemFailure) {
      try attempt(MP_CALL_WRITE, "ring a bell") { negativeErrno(Glibc.write(bell, &one, 8)) }
    } catch {
      // It has been rung so often that no more is counted.
      guard error.errno == EAGAIN else { throw error }
    }
  }

  static func silence(_ bell: Int32) throws(SystemFailure) {
    var count: UInt64 = 0
    do throws(SystemFailure) {
      try attempt(MP_CALL_READ, "silence a bell") { negativeErrno(Glibc.read(bell, &count, 8)) }
    } catch {
      guard error.errno == EAGAIN else { throw error }
    }
  }
}
