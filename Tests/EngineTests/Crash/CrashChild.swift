import CEngineTestSupport
import CMultiprocessing
import Glibc
import MultiprocessingEngine
import XCTest

/// A forked child with the crash handler installed, and what came of it.
struct CrashOutcome {
  /// As `waitpid` gives it.
  let status: Int32
  /// The messages on the record descriptor.
  let frames: [[UInt8]]
  let standardError: [UInt8]

  var signal: Int32? {
    status & 0x7F == 0 ? nil : status & 0x7F
  }

  var exitCode: Int32? {
    status & 0x7F == 0 ? (status >> 8) & 0xFF : nil
  }

  var standardErrorText: String {
    String(decoding: standardError, as: UTF8.self)
  }

  /// The one record, its header checked.
  func record(file: StaticString = #filePath, line: UInt = #line) throws -> CrashRecord {
    XCTAssertEqual(frames.count, 1, "one message", file: file, line: line)
    let frame = try XCTUnwrap(frames.first, "a record", file: file, line: line)
    XCTAssertEqual(Array(frame.prefix(CrashChild.header.count)), CrashChild.header, file: file, line: line)
    return try XCTUnwrap(
      CrashRecord(Array(frame.dropFirst(CrashChild.header.count))), "a record that can be read", file: file,
      line: line)
  }
}

/// How a child is run.
enum CrashChild {
  static let header: [UInt8] = [0xC0, 1, 2, 3, 4, 5, 6, 7]
  private static let patience: Int32 = 60_000

  fileprivate final class Job {
    let body: (_ descriptor: Int32) -> Void
    let descriptor: Int32
    let standardError: Int32

    init(descriptor: Int32, standardError: Int32, body: @escaping (_ descriptor: Int32) -> Void) {
      self.descriptor = descriptor
      self.standardError = standardError
      self.body = body
    }
  }

  /// Runs `body` in a child and waits for its end. `whileRunning` is called in the parent once the child has installed.
  static func run(
    whileRunning: (pid_t) -> Void = { _ in }, body: @escaping (_ descriptor: Int32) -> Void
  ) throws -> CrashOutcome {
    XCTAssertEqual(mp_crash_prepare(), 0)
    var records: [Int32] = [0, 0]
    var errors: [Int32] = [0, 0]
    try XCTSkipUnless(socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue), 0, &records) == 0)
    try XCTSkipUnless(pipe(&errors) == 0)
    let job = Job(descriptor: records[1], standardError: errors[1], body: body)
    let pid = ets_fork(runCrashChild, Unmanaged.passUnretained(job).toOpaque())
    close(records[1])
    close(errors[1])
    defer {
      close(records[0])
      close(errors[0])
    }
    XCTAssertGreaterThan(pid, 0)
    XCTAssertEqual(receive(records[0], of: pid), [0])
    whileRunning(pid)
    let standardError = readToEnd(errors[0], of: pid)
    var frames: [[UInt8]] = []
    while let frame = receive(records[0], of: pid) { frames.append(frame) }
    var status: Int32 = 0
    XCTAssertEqual(waitpid(pid, &status, 0), pid)
    withExtendedLifetime(job) {}
    return CrashOutcome(status: status, frames: frames, standardError: standardError)
  }

  private static func receive(_ descriptor: Int32, of pid: pid_t) -> [UInt8]? {
    awaitBytes(descriptor, of: pid)
    var buffer = [UInt8](repeating: 0, count: 8_192)
    let count = recv(descriptor, &buffer, buffer.count, 0)
    return count > 0 ? Array(buffer.prefix(count)) : nil
  }

  private static func readToEnd(_ descriptor: Int32, of pid: pid_t) -> [UInt8] {
    var all: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      awaitBytes(descriptor, of: pid)
      let count = read(descriptor, &buffer, buffer.count)
      if count <= 0 { return all }
      all += buffer.prefix(count)
    }
  }

  /// A child that hangs is a failure, and must not hang the tests.
  private static func awaitBytes(_ descriptor: Int32, of pid: pid_t) {
    var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    if poll(&waiting, 1, patience) == 0 {
      XCTFail("the child hangs")
      kill(pid, SIGKILL)
    }
  }
}

private func runCrashChild(_ context: UnsafeMutableRawPointer) {
  // The parent keeps the job until it has reaped the child, which has a copy of it in any case.
  let job = Unmanaged<CrashChild.Job>.fromOpaque(context).takeUnretainedValue()
  dup2(job.standardError, STDERR_FILENO)
  close(job.standardError)
  mp_crash_install(job.descriptor, CrashChild.header, CrashChild.header.count)
  var ready: UInt8 = 0
  send(job.descriptor, &ready, 1, Int32(MSG_NOSIGNAL))
  job.body(job.descriptor)
}

/// The signal of a trap.
var trapSignal: Int32 {
  #if arch(x86_64)
    SIGILL
  #else
    SIGTRAP
  #endif
}

/// Hides a value from the optimizer.
@inline(never) @_optimize(none) func opaque<Value>(_ value: Value) -> Value {
  value
}

/// Writes `text` to `stderr` by one call.
func printError(_ text: String) {
  _ = ets_write_stderr(text, text.utf8.count)
}

private final class ThreadBody {
  let run: () -> Void
  init(_ run: @escaping () -> Void) { self.run = run }
}

func startThread(_ body: @escaping () -> Void) -> pthread_t {
  var thread = pthread_t()
  let started = pthread_create(
    &thread, nil,
    { context in
      // Balances the retain below, once.
      Unmanaged<ThreadBody>.fromOpaque(context!).takeRetainedValue().run()
      return nil
    }, Unmanaged.passRetained(ThreadBody(body)).toOpaque())
  precondition(started == 0)
  return thread
}

func onThread(_ body: @escaping () -> Void) {
  pthread_join(startThread(body), nil)
}
