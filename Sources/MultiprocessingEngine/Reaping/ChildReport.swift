/// What a child told before it ended.
package struct ChildReport: Sendable {
  /// What the body returned, as the layer above encoded it.
  package var value: Payload?
  /// The error that the body threw, likewise.
  package var error: Payload?
  package var crash: Payload?
  /// Why the outcome could not be sent, or was not understood.
  package var defect: String?

  mutating func add(_ kind: FrameHeader.Kind, _ payload: Payload) {
    switch kind {
    case .value: value = payload
    case .error: error = payload
    case .crash: crash = payload
    case .undeliverable: defect = withExtendedLifetime(payload) { String(decoding: $0.bytes, as: UTF8.self) }
    case .launch: defect = "a child sent a launch record"
    }
  }
}
