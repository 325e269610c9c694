internal import MultiprocessingEngine

/// What an ended child came to, derived from how it ended and what it had reported.
enum ProcessEnding: Sendable {
  /// The body returned; its encoded result.
  case returned(Payload)
  case failed(any Error)

  init(of name: String, pid: Int32, status: ExitStatus, report: ChildReport, limits: ResourceLimits) {
    switch status.termination {
    case .signaled(let number):
      self = .failed(
        Self.death(
          by: Signal(rawValue: number), of: name, pid: pid, status: status, report: report, limits: limits))
    case .exited(let code):
      self = Self.exit(report) ?? .failed(ProcessError.exited(code))
    case .unknown:
      if let signal = Self.crashRecord(report)?.signal {
        self.init(
          of: name, pid: pid, status: ExitStatus(signaled: signal, like: status), report: report, limits: limits)
      } else {
        self = Self.exit(report) ?? .failed(ProcessError.exited(TerminationStatus(.unknown).exitCode))
      }
    }
  }

  private static func crashRecord(_ report: ChildReport) -> CrashRecord? {
    report.crash.flatMap { crash in withExtendedLifetime(crash) { CrashRecord(crash.bytes) } }
  }

  private static func exit(_ report: ChildReport) -> ProcessEnding? {
    if let value = report.value { return .returned(value) }
    if let error = report.error { return .failed(ThrownError.decode(error)) }
    if let defect = report.defect {
      return .failed(ProcessError.thrown(RemoteError(typeName: "ReportError", description: defect)))
    }
    return nil
  }

  private static func death(
    by signal: Signal, of name: String, pid: Int32, status: ExitStatus, report: ChildReport,
    limits: ResourceLimits
  ) -> ProcessError {
    if let cpuTime = limits.cpuTime {
      // SIGKILL comes from the hard limit, for a program that outlived SIGXCPU.
      let isOver = signal == .processorTimeExceeded || (signal == .kill && status.processorTime >= cpuTime)
      if isOver { return .limitExceeded("\(cpuTime) of processor time") }
    }
    if let fileSize = limits.fileSize, signal == .fileSizeExceeded {
      return .limitExceeded("files of \(fileSize) bytes")
    }
    guard let record = crashRecord(report) else {
      // A thread without an alternate stack that overflows its own leaves no record.
      return signal.isCrash
        ? .crashed(CrashReport(signal: signal, processName: name, pid: pid)) : .killed(signal)
    }
    if record.isFromOutside { return .killed(signal) }
    if let memory = limits.memory, record.isAllocationFailure {
      return .limitExceeded("\(memory) bytes of memory beyond what it started with")
    }
    return .crashed(CrashReport(record, processName: name, pid: pid))
  }

  /// Records how a child ended that was reaped.
  static func trace(of name: String, _ child: ChildProcess) {
    guard let status = try? child.statusIfEnded() else { return }
    let crash = (try? child.report()).flatMap(crashRecord)
    switch status.termination {
    case .exited(let code): Tracing.ended(name, pid: child.pid, code: code, signal: nil, message: nil)
    case .signaled(let signal):
      Tracing.ended(name, pid: child.pid, code: nil, signal: signal, message: crash?.message)
    case .unknown: Tracing.ended(name, pid: child.pid, code: nil, signal: crash?.signal, message: crash?.message)
    }
  }
}
