/// How two ends show each other that they have the same key, without showing the key: what each says in answer to what it
/// hears. No bytes are sent or received here.
///
///     listener → connector   "MPauth-1", the listener's nonce (32 bytes)
///     connector → listener   the connector's nonce (32), code over "connector" and both nonces (32)
///     listener → connector   code over "listener" and both nonces (32)
///
/// The codes are HMAC-SHA-256. Each is bound to its side's role and to both nonces, so none serves a second time, and none
/// serves the other side when it is sent back.
struct Handshake {
  enum Role {
    case listener, connector

    var label: [UInt8] { Array((self == .listener ? "MPauth-1 listener" : "MPauth-1 connector").utf8) }
  }

  enum Step: Equatable {
    /// Say this, and wait for an answer.
    case say([UInt8])
    /// Say this, if anything; the other side has the key.
    case accept([UInt8])
    case refuse
  }

  static let nonceSize = 32
  private static let greeting = Array("MPauth-1".utf8)
  private static let codeSize = 32
  /// No message of a handshake is longer.
  static let longest = 64

  private enum State {
    case begin
    case awaitsAnswer
    case awaitsCode(peerNonce: [UInt8])
    case over
  }

  private let role: Role
  private let key: [UInt8]
  private let nonce: [UInt8]
  private var state = State.begin

  /// - Parameter nonce: 32 bytes that nobody could foresee, and that never come again.
  init(_ role: Role, key: [UInt8], nonce: [UInt8]) {
    precondition(nonce.count == Self.nonceSize)
    self.role = role
    self.key = key
    self.nonce = nonce
  }

  /// What the listener says first; the connector waits.
  mutating func begin() -> [UInt8]? {
    guard role == .listener else { return nil }
    state = .awaitsAnswer
    return Self.greeting + nonce
  }

  mutating func hear(_ message: [UInt8]) -> Step {
    let step = answer(to: message)
    if case .say = step { return step }
    state = .over
    return step
  }

  private mutating func answer(to message: [UInt8]) -> Step {
    switch (role, state) {
    case (.connector, .begin):
      guard message.count == Self.greeting.count + Self.nonceSize, message.starts(with: Self.greeting) else {
        return .refuse
      }
      let peerNonce = Array(message.dropFirst(Self.greeting.count))
      state = .awaitsCode(peerNonce: peerNonce)
      return .say(nonce + code(of: .connector, listenerNonce: peerNonce, connectorNonce: nonce))
    case (.listener, .awaitsAnswer):
      guard message.count == Self.nonceSize + Self.codeSize else { return .refuse }
      let peerNonce = Array(message.prefix(Self.nonceSize))
      let expected = code(of: .connector, listenerNonce: nonce, connectorNonce: peerNonce)
      guard HMAC.areEqual(Array(message.dropFirst(Self.nonceSize)), expected) else { return .refuse }
      return .accept(code(of: .listener, listenerNonce: nonce, connectorNonce: peerNonce))
    case (.connector, .awaitsCode(let peerNonce)):
      let expected = code(of: .listener, listenerNonce: peerNonce, connectorNonce: nonce)
      return HMAC.areEqual(message, expected) ? .accept([]) : .refuse
    default:
      return .refuse
    }
  }

  private func code(of role: Role, listenerNonce: [UInt8], connectorNonce: [UInt8]) -> [UInt8] {
    HMAC.code(for: role.label + listenerNonce + connectorNonce, key: key)
  }
}
