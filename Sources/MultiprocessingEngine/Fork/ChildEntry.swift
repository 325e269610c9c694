import CMultiprocessing
import Glibc

/// The child's side of a start, in the order things happen: read the record, run the body, report, tidy up, leave.
final class ChildEntry {
  private let record: Int32
  private let report: Int32
  /// Tells whether `report` is still the socket: the body may have closed it, and the number gone to another file.
  private let reportIdentity: UInt64
  private let catchesTermination: Bool
  private let body: ChildBody
  /// What goes ahead of a crash record; made in the parent, because a handler makes nothing.
  private let crashHeader = FrameHeader(.crash, length: CrashRecord.byteCount).bytes

  init(record: Int32, report: Int32, catchesTermination: Bool, body: @escaping ChildBody) {
    self.record = record
    self.report = report
    self.catchesTermination = catchesTermination
    reportIdentity = mp_file_identity(report)
    self.body = body
  }

  /// What the launcher calls in the child.
  static let start: @convention(c) (UnsafeMutableRawPointer?) -> Void = { context in
    Unmanaged<ChildEntry>.fromOpaque(context!).takeUnretainedValue().run()
  }

  private func run() -> Never {
    crashHeader.withUnsafeBytes { mp_crash_install(report, $0.baseAddress!, $0.count) }
    if catchesTermination { mp_termination_catch() }
    mp_unblock_signals()
    let writer = FrameWriter(socket: report)
    let outcome: ChildOutcome
    do {
      guard let record = try readRecord() else { ChildExit.leave(0) }
      try ChildExit.prepare()
      outcome = body(record)
    } catch {
      Self.tell("the child could not begin: \(error)", writer)
      ChildExit.leave(1)
    }
    guard mp_file_identity(report) == reportIdentity else {
      StandardStreams.complain("process \(getpid()): the descriptor for its result was closed")
      ChildExit.leave(1)
    }
    switch outcome {
    case .value(let bytes):
      ChildExit.leave(Self.send(.value, bytes, writer) ? 0 : 1)
    case .error(let bytes, let announcement):
      _ = Self.send(.error, bytes, writer)
      StandardStreams.complain(announcement)
      ChildExit.leave(1)
    }
  }

  private func readRecord() throws -> Payload? {
    let pipe = Descriptor(inherited: record)
    return try LaunchFrame.read(from: pipe.raw)
  }

  private static func send(_ kind: FrameHeader.Kind, _ bytes: [UInt8], _ writer: FrameWriter) -> Bool {
    do {
      try writer.send(kind, bytes)
      return true
    } catch let failure as SystemFailure where [EPIPE, ECONNRESET].contains(failure.errno) {
      // The parent is gone, and with it whoever could want to know.
      return true
    } catch {
      tell("the result of \(bytes.count) bytes could not be sent: \(error)", writer)
      return false
    }
  }

  /// A sentence for the parent, and where that fails too for whoever reads standard error. Where nobody reads that either, the exit
  /// code still tells.
  private static func tell(_ sentence: String, _ writer: FrameWriter) {
    do {
      try writer.send(.undeliverable, Array(sentence.utf8))
    } catch {
      StandardStreams.complain("process \(getpid()): \(sentence)")
    }
  }
}
