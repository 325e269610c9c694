/// A frame's payload: bytes, or a mapped memory file.
package final class Payload: Sendable {
  private let bytes: [UInt8]
  private let mapping: Mapping?

  package init(_ bytes: [UInt8]) {
    self.bytes = bytes
    mapping = nil
  }

  init(_ mapping: Mapping) {
    bytes = []
    self.mapping = mapping
  }

  package var count: Int { mapping?.count ?? bytes.count }

  /// The buffer is valid inside `body` only.
  package func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
    guard let mapping else { return try bytes.withUnsafeBytes(body) }
    return try mapping.withUnsafeBytes(body)
  }
}
