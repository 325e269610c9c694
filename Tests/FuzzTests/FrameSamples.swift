import CMultiprocessing
import Foundation

@testable import Multiprocessing
@testable import MultiprocessingEngine

/// What the writers of frames and records write, for the corpus.
struct FrameSamples {
  struct Refusal: Error, Codable {
    var code: Int
    var reasons: [String]
  }

  let launches: [(name: String, bytes: [UInt8])]

  init() throws {
    let parent = ProcessIdentity(name: "MainProcess", pid: 4711, isDaemon: false)
    launches = [
      (
        "plain",
        LaunchRecord(
          name: "Process-1", path: [1], isDaemon: false, parent: parent, limits: .none, arguments: .none
        ).bytes
      ),
      (
        "limited",
        LaunchRecord(
          name: "Prozeß-1:2", path: [1, 2], isDaemon: true, parent: parent,
          limits: ResourceLimits(memory: 1 << 30, cpuTime: .milliseconds(1500), openFiles: 20, fileSize: 1 << 20),
          arguments: EncodedArguments(bytes: [1, 2, 3], descriptors: [3, 17])
        ).bytes
      ),
    ]
  }

  /// Addresses in them differ from one run to the next.
  func record() throws {
    for (name, bytes) in launches { try FuzzCorpus.store(bytes, "valid-\(name)", "launch") }
    for kind in FrameHeader.Kind.allCases {
      let payload: [UInt8] = kind == .value ? [] : Array("a payload".utf8)
      try FuzzCorpus.store(
        FrameHeader(kind, length: payload.count).bytes + payload, "valid-\(kind)", "frame")
    }
    let errors: [(String, any Error)] = [
      ("typed", Refusal(code: 3, reasons: ["late", "wet"])), ("cancelled", CancellationError()),
      ("text", NSError(domain: "test", code: 1)), ("system", SystemError(SystemFailure("fork", errno: ENOMEM))),
    ]
    for (name, error) in errors {
      try FuzzCorpus.store(ThrownError.encode(error, told: RemoteError(error)), "valid-\(name)", "error")
    }
    for (name, signal) in [("trap", SIGILL), ("pointer", SIGSEGV), ("abort", SIGABRT)] {
      try FuzzCorpus.store(crash(signal), "valid-\(name)", "crash")
    }
    for (name, kind) in [("value", MessageHeader.Kind.value), ("bytes", .bytes), ("handshake", .handshake)] {
      let payload = kind == .handshake ? Array("MPauth-1".utf8) + (0..<32) : Array("a payload".utf8)
      try FuzzCorpus.store(
        MessageHeader(kind, length: payload.count).withBytes { Array($0) } + payload, "valid-\(name)", "message")
    }
    try FuzzCorpus.store(
      MessageHeader(.announcement, descriptorCount: 1, serial: 7, length: 0).withBytes { Array($0) },
      "hostile-announces-nothing", "message")
  }

  private func crash(_ signal: Int32) -> [UInt8] {
    var record = mp_crash_record()
    record.magic = MP_CRASH_MAGIC
    record.version = numericCast(MP_CRASH_VERSION)
    record.signal = signal
    record.code = 1
    record.program_counter = 0x401000
    record.stack_pointer = 0x7fff_0000_1000
    record.fault_address = 0x7fff_0000_0ff8
    record.address_count = 2
    let message = Array("main.swift:3: Fatal error: Index out of range\n".utf8)
    withUnsafeMutableBytes(of: &record.message) { $0.copyBytes(from: message) }
    record.message_length = numericCast(message.count)
    record.last_write_length = numericCast(message.count)
    return withUnsafeBytes(of: record) { Array($0) }
  }
}
