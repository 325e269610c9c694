import CMultiprocessing
import Glibc

/// The file that events are written to.
extension Syscall {
  /// Opens a trace, for every write to go to its end. A file that no process writes a trace to is emptied and begun anew; one that
  /// others write to is joined.
  static func openTrace(_ path: String) throws(SystemFailure) -> Int32 {
    let operation = "write a trace to \(path)"
    // A pipe without a reader would make it wait.
    let raw = try attempt(MP_CALL_TRACE, operation) {
      negativeErrno(Int(Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0o666)))
    }
    let descriptor = Int32(raw)
    do throws(SystemFailure) {
      // What is no file keeps neither lines whole nor writers apart.
      guard try isRegularFile(descriptor) else { throw SystemFailure(operation, errno: EINVAL) }
      if mp_trace_claim(descriptor) {
        try attempt(MP_CALL_TRACE, operation) { negativeErrno(Int(ftruncate(descriptor, 0))) }
        let count = try attempt(MP_CALL_TRACE, operation) { negativeErrno(Glibc.write(descriptor, "[", 1)) }
        guard count == 1 else { throw SystemFailure(operation, errno: ENOSPC) }
      }
      // Another program that comes between finds a file without events, and begins it once more.
      mp_trace_share(descriptor)
    } catch {
      Glibc.close(descriptor)
      throw error
    }
    return outOfTheWay(descriptor)
  }

  /// The same file under a high number: a program that closes numbers that are not its own, and opens files in their place, does not
  /// get this one.
  private static func outOfTheWay(_ descriptor: Int32) -> Int32 {
    let high = fcntl(descriptor, F_DUPFD_CLOEXEC, 250)
    guard high >= 0 else { return descriptor }
    Glibc.close(descriptor)
    return high
  }

  /// Writes a line at once. Throws ENOSPC when only a part of it went in.
  static func writeLine(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) throws(SystemFailure) {
    let count = try attempt(MP_CALL_TRACE, "write to the trace") {
      negativeErrno(Glibc.write(descriptor, bytes.baseAddress, bytes.count))
    }
    if count < bytes.count { throw SystemFailure("write to the trace", errno: ENOSPC) }
  }
}
