import CMultiprocessing

/// How a child ended, and what it had used; waitid(2), getrusage(2).
package struct ExitStatus: Sendable, Equatable {
  package enum Termination: Sendable, Equatable {
    case exited(Int32)
    case signaled(Int32)
    /// Somebody else reaped it: a SIGCHLD that is ignored, or a `waitpid(-1)` of the program's.
    case unknown
  }

  package var termination: Termination
  /// User and system time.
  package var processorTime: Duration = .zero
  /// Bytes, resident.
  package var peakMemory = 0
  package var minorFaults = 0

  init(termination: Termination) { self.termination = termination }

  /// What is known of `other`, which a signal must have ended.
  package init(signaled number: Int32, like other: ExitStatus) {
    self = other
    termination = .signaled(number)
  }

  init(_ status: mp_exit_status) {
    termination = status.signaled ? .signaled(status.code) : .exited(status.code)
    processorTime = .microseconds(status.user_time + status.system_time)
    peakMemory = Int(status.peak_memory)
    minorFaults = Int(status.minor_faults)
  }
}
