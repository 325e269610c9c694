internal import Glibc
internal import MultiprocessingEngine

/// What a process may use. Applied in the child before its body runs; setrlimit(2).
public struct ResourceLimits: Codable, Sendable, Hashable {
  /// Bytes of private memory beyond what the child starts with. Past it an allocation fails, which ends a Swift program.
  public var memory: Int?
  /// Processor time of all the child's threads together.
  public var cpuTime: Duration?
  /// The number above every descriptor the child may open.
  public var openFiles: Int?
  /// Bytes of any file the child writes. Past it the child gets SIGXFSZ.
  public var fileSize: Int?

  /// No limit but those the parent has.
  public static let none = ResourceLimits()

  /// nil stands for what the parent has. A negative limit makes `start()` throw.
  public init(memory: Int? = nil, cpuTime: Duration? = nil, openFiles: Int? = nil, fileSize: Int? = nil) {
    self.memory = memory
    self.cpuTime = cpuTime
    self.openFiles = openFiles
    self.fileSize = fileSize
  }

  /// Throws `.unsupportedArgument` for a limit that makes no sense.
  func validate() throws(ProcessError) {
    for (name, value) in [("memory", memory), ("openFiles", openFiles), ("fileSize", fileSize)] {
      if let value, value < 0 {
        throw .unsupportedArgument("the limit \(name) is \(value), and cannot be negative")
      }
    }
    if let cpuTime, cpuTime < .zero {
      throw .unsupportedArgument("the limit cpuTime is \(cpuTime), and cannot be negative")
    }
  }

  /// Applies the limits to this process.
  func apply() throws {
    if let memory {
      let (limit, overflow) = Self.privateMemory().addingReportingOverflow(memory)
      if !overflow { try Syscall.limit(.privateMemory, to: limit) }
    }
    if let openFiles { try Syscall.limit(.openFiles, to: openFiles) }
    if let fileSize { try Syscall.limit(.fileSize, to: fileSize) }
    if let cpuTime { try Syscall.limitProcessorTime(to: cpuTime) }
  }

  /// What RLIMIT_DATA counts: writable private memory, in bytes.
  private static func privateMemory() -> Int {
    // The sixth field of statm, in pages; proc(5).
    let fields = SmallFile.read("/proc/self/statm")?.split(separator: " ") ?? []
    return fields.count > 5 ? (Int(fields[5]) ?? 0) * sysconf(Int32(_SC_PAGESIZE)) : 0
  }
}
