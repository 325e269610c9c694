import CMultiprocessing

/// What the C library knows and the Glibc module does not import.
package enum Host {
  /// The processors in this process' affinity mask; nil on a machine with too many to ask so.
  package static var affinityCount: Int? {
    let count = mp_affinity_count()
    return count > 0 ? Int(count) : nil
  }

  /// A signal's name, "SIGKILL"; nil for a number without one.
  package static func signalName(_ number: Int32) -> String? {
    mp_signal_name(number).map { "SIG" + String(cString: $0) }
  }
}
