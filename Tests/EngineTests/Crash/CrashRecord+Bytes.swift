import MultiprocessingEngine

extension CrashRecord {
  init?(_ bytes: [UInt8]) {
    guard let record = bytes.withUnsafeBytes({ CrashRecord($0) }) else { return nil }
    self = record
  }
}
