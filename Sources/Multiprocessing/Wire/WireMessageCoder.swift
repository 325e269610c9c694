import Synchronization

/// Codes many messages of one type, one value each, without making anew what each of them needs.
package final class WireMessageCoder<Value: Codable>: Sendable {
  private let encoder = WireResident(WireEncoder())
  private let message = WireResident(WireMessage())
  /// No code of the user's runs while such a value is coded, so nobody can keep what coded it.
  private let isPrimitive = WireTypeCoding.of(Value.self).primitive != nil

  package init() {}

  /// Encodes a value; the bytes are valid during `body`.
  package func encode(_ value: Value, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    guard encoder.enter() else {
      let encoder = WireEncoder()
      try encoder.append(value)
      return try encoder.withBytes(body)
    }
    defer {
      let isWorthKeeping = encoder.use { $0.clear() }
      encoder.leave(renewing: isWorthKeeping && (isPrimitive || encoder.isUnique) ? nil : WireEncoder())
    }
    try encoder.use {
      try $0.append(value)
      try $0.withBytes(body)
    }
  }

  /// Decodes the value of the message that `fill` copies in, which must take up all of it.
  package func decode(_ fill: (WireMessage) throws -> Void) throws -> Value {
    guard message.enter() else {
      let message = WireMessage()
      try fill(message)
      return try message.decode(Value.self)
    }
    defer {
      let isWorthKeeping = message.use { $0.isSmall && (isPrimitive || $0.isUnshared) }
      message.leave(renewing: isWorthKeeping ? nil : WireMessage())
    }
    return try message.use {
      try fill($0)
      return try $0.decode(Value.self)
    }
  }
}

/// An object that stays where it is, for one user at a time; another one meanwhile, be it a thread or the user's own code
/// while it is being called, makes do without.
struct WireResident<Object: AnyObject>: ~Copyable, @unchecked Sendable {
  // Sendable: the reference and the object are touched between `enter` and `leave` alone.
  private let isBusy = Atomic<Bool>(false)
  // Retained by hand: to count references would take longer than what is saved.
  private let object: UnsafeMutablePointer<Unmanaged<Object>>

  init(_ object: Object) {
    self.object = .allocate(capacity: 1)
    self.object.initialize(to: .passRetained(object))
  }

  deinit {
    object.pointee.release()
    object.deallocate()
  }

  /// False when it is in use. Acquires what its last user wrote.
  func enter() -> Bool { !isBusy.exchange(true, ordering: .acquiring) }

  /// Releases it to the next user, who finds `fresh` in its stead if there is one.
  func leave(renewing fresh: Object?) {
    if let fresh {
      object.pointee.release()
      object.pointee = .passRetained(fresh)
    }
    isBusy.store(false, ordering: .releasing)
  }

  func use<Result>(_ body: (Object) throws -> Result) rethrows -> Result {
    try object.pointee._withUnsafeGuaranteedRef(body)
  }

  /// Whether nobody else refers to it.
  var isUnique: Bool {
    var strong = object.pointee.takeRetainedValue()
    defer { object.pointee = .passRetained(strong) }
    return isKnownUniquelyReferenced(&strong)
  }
}
