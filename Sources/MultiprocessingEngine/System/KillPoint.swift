import CMultiprocessing

/// A place where tests kill the process: to be passed ahead of every write to shared memory, and of every call that changes
/// or awaits what others see. Compiled away in release builds.
enum KillPoint {
  @inline(__always)
  static func pass() {
    #if DEBUG
      mp_kill_pass()
    #endif
  }
}
