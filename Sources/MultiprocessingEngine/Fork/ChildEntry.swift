import CMultiprocessing
import Glibc

/// The child's side of a start, in the order things happen: read the record, run the body, report, tidy up, leave.
final class ChildEntry {
  private let record: Int32
  private let report: Int32
  private let body: ChildBody

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
    let isDelivered = Self.send(outcome, writer)
    ChildExit.leave(outcome.exitCode == 0 && !isDelivered ? 1 : outcome.exitCode)
  }

  private func readRecord() throws -> Payload? {
    let pipe = Descriptor(inherited: record)
    return try LaunchFrame.read(from: pipe.raw)
  }

  private static func send(_ outcome: ChildOutcome, _ writer: FrameWriter) -> Bool {
    do {
      try writer.send(.outcome, outcome.bytes)
      return true
    } catch {
      tell("the result of \(outcome.bytes.count) bytes could not be sent: \(error)", writer)
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
