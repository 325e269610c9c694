import Endurance
import Glibc
import Multiprocessing

extension Lane {
  /// Children that end as nobody wants.
  static let crashes = Lane(
    kind: "crashes",
    operations: Crash.allCases.map { crash in Operation("\(crash)") { try check(crash, $0) } } + [
      Operation("memory limit", memoryLimit), Operation("several at once", severalAtOnce),
    ])

  private enum Crash: CaseIterable {
    case index, overflow, nothing, fatal, pointer, wildPointer, bus, abort, division, recursion

    var signals: Set<Signal> {
      switch self {
      case .pointer, .wildPointer, .recursion: [.segmentationFault, .busError]
      case .bus: [.busError]
      case .abort: [.abort]
      case .index, .overflow, .nothing, .fatal, .division: [.illegalInstruction, .trap]
      }
    }

    func happen() {
      switch self {
      case .index: hide([1, 2, 3][hidden(7)])
      case .overflow: hide(Int.max - 1 + hidden(3))
      case .nothing: hide(hidden(Int?.none)!)
      case .fatal: fatalError("as it was asked to")
      case .pointer: hide(UnsafePointer<Int>(bitPattern: hidden(8))!.pointee)
      case .wildPointer: UnsafeMutablePointer<Int>(bitPattern: hidden(0x10_0000_0000))!.pointee = 5
      case .bus: Crash.touchBehindAFile()
      case .abort: Glibc.abort()
      case .division: hide(7 / hidden(0))
      case .recursion: hide(Crash.recur(hidden(0)))
      }
    }

    private static func recur(_ depth: Int) -> Int { depth == -1 ? 0 : recur(depth + 1) + hidden(depth) % 3 }

    private static func touchBehindAFile() {
      guard let file = tmpfile() else { return }
      let memory = mmap(nil, 4096, PROT_READ, MAP_SHARED, fileno(file), 0)
      hide(Int(memory!.load(as: UInt8.self)))
    }
  }

  // Safe: written, never read, by one thread of a child.
  private nonisolated(unsafe) static var sink: UnsafeRawPointer?

  /// Hides a value from the optimizer.
  @inline(never) private static func hidden<Value>(_ value: Value) -> Value {
    var copy = value
    withUnsafeMutablePointer(to: &copy) { sink = UnsafeRawPointer($0) }
    return copy
  }

  @inline(never) private static func hide(_ value: Int) { _ = hidden(value) }

  private static func child(_ crash: Crash) -> Process<Int> {
    Process<Int>(quiet: {
      crash.happen()
      return 0
    })
  }

  private static func check(_ crash: Crash, _ desk: Desk) throws { try examine(child(crash), crash, desk) }

  private static func examine(_ process: Process<Int>, _ crash: Crash, _ desk: Desk) throws {
    do {
      desk.require(try desk.answer(of: process) == nil, "a value came of \(crash)")
    } catch ProcessError.crashed(let report) {
      desk.tally.add("\(crash)", to: .crashes)
      desk.tally.add("crashed", to: .errors)
      desk.require(
        crash.signals.contains(report.signal) && report.pid == process.pid, "\(crash) is reported as \(report.signal)")
      if desk.draw.chance(4) { desk.require(!"\(report)".isEmpty, "a report without text") }
    }
  }

  private static func severalAtOnce(_ desk: Desk) throws {
    let crashes = (0..<desk.draw.number(2...5)).map { _ in desk.draw.one(of: Crash.allCases) }
    let processes = crashes.map(child)
    for process in processes { try process.start() }
    for (process, crash) in zip(processes, crashes) { try examine(process, crash, desk) }
  }

  private static func memoryLimit(_ desk: Desk) throws {
    let process = Process<Int>(quiet: {
      var blocks: [[UInt8]] = []
      while true { blocks.append([UInt8](repeating: 1, count: 1 << 20)) }
    })
    process.limits = ResourceLimits(memory: 32 << 20)
    do {
      desk.require(try desk.answer(of: process) == nil, "a value came of endless memory")
    } catch ProcessError.limitExceeded {
      desk.tally.add("memory limit", to: .crashes)
      desk.tally.add("limit exceeded", to: .errors)
    }
  }
}
