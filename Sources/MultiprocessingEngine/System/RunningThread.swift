import CMultiprocessing
import Glibc

/// The thread that this code runs on.
package enum RunningThread {
  /// gettid(2).
  package static var nativeID: UInt64 { UInt64(mp_gettid()) }

  /// Whether it is the one that the process began with.
  package static var isFirst: Bool { mp_gettid() == getpid() }

  /// The name that debuggers and top(1) show, of which the system keeps 15 bytes.
  package static var systemName: String {
    get {
      withUnsafeTemporaryAllocation(of: CChar.self, capacity: 16) { name in
        mp_thread_get_name(name.baseAddress!)
        return String(cString: name.baseAddress!)
      }
    }
    set { mp_thread_set_name(newValue) }
  }

  /// One object for each thread. The first thread of a child begins without.
  package static var object: AnyObject? {
    mp_thread_object().map { Unmanaged<AnyObject>.fromOpaque($0).takeUnretainedValue() }
  }

  /// Gives the thread its object, which is let go of with the next one, or nil.
  package static func hold(_ object: AnyObject?) {
    let before = mp_thread_object()
    mp_thread_set_object(object.map { Unmanaged.passRetained($0).toOpaque() })
    if let before { release(before) }
  }

  /// Gives a thread of somebody else's its object, which is let go of at the thread's end, exit(3) included; the first thread keeps its own
  /// for good.
  package static func holdUntilItsEnd(_ object: AnyObject) {
    hold(object)
    mp_thread_release_at_end { RunningThread.release($0) }
  }

  private static func release(_ object: UnsafeMutableRawPointer) { Unmanaged<AnyObject>.fromOpaque(object).release() }
}
