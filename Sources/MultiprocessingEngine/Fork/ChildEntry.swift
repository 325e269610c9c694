import CMultiprocessing
import Glibc

/// The child's side of a start, in the order things happen: read the record, run the body, report, tidy up, leave.
final class ChildEntry {
  private let record: Int32
  private let report: Int32
  private let body: ChildBody
  /// What goes ahead of a crash record; made in the parent, because a handler makes nothing.
  private let crashHeader = FrameHeader(.crash, length: CrashRecord.byteCount).bytes

  init(record: Int32, report: Int32, body: @escaping ChildBody) {
    self.record = record
    self.report = report
    self.body = body
  }

  /// What the launcher calls in the child.
  static let start: @convention(c) (UnsafeMutableRawPointer?) -> Void = { context in
    Unmanaged<ChildEntry>.fromOpaque(context!).takeUnretainedValue().run()
  }

  private func run() -> Never {
    crashHeader.withUnsafeBytes { mp_crash_install(report, $0.baseAddress!, $0.count) }
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
    let isDelivered =
      switch outcome {
      case .value(let bytes): Self.send(.value, bytes, writer)
      case .error(let bytes): Self.send(.error, bytes, writer)
      }
    guard case .value = outcome, isDelivered else { ChildExit.leave(1) }
    ChildExit.leave(0)
  }

  private func readRecord() throws -> Payload? {
    let pipe = Descriptor(inherited: record)
    return try LaunchFrame.read(from: pipe.raw)
  }

  private static func send(_ kind: FrameHeader.Kind, _ bytes: [UInt8], _ writer: FrameWriter) -> Bool {
    do {
      try writer.send(kind, bytes)
      return true
    } catch {
      tell("the result of \(bytes.count) bytes could not be sent: \(error)", writer)
      return false
    }
  }

  /// A sentence for the parent, and where that fails too for whoever reads standard error.
  private static func tell(_ sentence: String, _ writer: FrameWriter) {
    do {
      try writer.send(.undeliverable, Array(sentence.utf8))
    } catch {
      var line = "process \(getpid()): \(sentence)\n"
      // With standard error closed as well there is nobody left to tell; the exit code still does.
      line.withUTF8 { try? Syscall.writeAll(STDERR_FILENO, UnsafeRawBufferPointer($0)) }
    }
  }
}
