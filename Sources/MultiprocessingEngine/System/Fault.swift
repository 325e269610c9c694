import CMultiprocessing

/// The door for faults that tests inject, walled up in release builds.
enum Fault {
  /// The errno that `call` has to fail with, or 0.
  static func check(_ call: mp_call) -> Int32 {
    #if DEBUG
      mp_fault_check(call)
    #else
      0
    #endif
  }
}
