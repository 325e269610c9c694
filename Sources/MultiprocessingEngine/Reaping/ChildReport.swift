/// What a child told before it ended.
package struct ChildReport: Sendable {
  /// The body's outcome, as the layer above encoded it.
  package var outcome: Payload?
  package var crash: Payload?
  /// Why the outcome could not be sent, or was not understood.
  package var defect: String?

  mutating func add(_ kind: FrameHeader.Kind, _ payload: Payload) {
    switch kind {
    case .outcome: outcome = payload
    case .crash: crash = payload
    case .undeliverable: defect = payload.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    case .launch: defect = "a child sent a launch record"
    }
  }
}
