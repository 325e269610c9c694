import XCTest

@testable import Multiprocessing

final class LaunchRecordTests: XCTestCase {
  private let records = [
    LaunchRecord(
      name: "Process-1", path: [1], isDaemon: false,
      parent: ProcessIdentity(name: "MainProcess", pid: 7, isDaemon: false),
      limits: .none, arguments: .none),
    LaunchRecord(
      name: "이름이 긴 프로세스", path: [3, 1, 2], isDaemon: true,
      parent: ProcessIdentity(name: "", pid: .max, isDaemon: true),
      limits: ResourceLimits(memory: .max, cpuTime: .milliseconds(1500), openFiles: 0, fileSize: 1),
      arguments: EncodedArguments(bytes: [1, 2, 3], descriptors: [0, 1 << 20])),
  ]

  private func parse(_ bytes: [UInt8]) throws -> LaunchRecord {
    try bytes.withUnsafeBytes { buffer in
      var (record, arguments) = try LaunchRecord.parse(buffer)
      record.arguments = EncodedArguments(bytes: Array(arguments.bytes), descriptors: arguments.descriptors)
      return record
    }
  }

  func testARecordSurvivesTheWay() throws {
    for record in records { XCTAssertEqual(try parse(record.bytes), record) }
  }

  func testEveryTruncationIsAnError() {
    for record in records {
      for length in 0..<record.bytes.count - record.arguments.bytes.count {
        XCTAssertThrowsError(try parse(Array(record.bytes[..<length])), "\(length) bytes")
      }
    }
  }
}
