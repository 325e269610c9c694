/// The encoders of the containers that lie in one value and are not complete.
final class WireNestedEncoders {
  struct Place {
    /// Where in the sink of the value the encoded bytes belong.
    let offset: Int
    let name: String
    let encoder: WireValueEncoder
  }

  /// In the order of their offsets.
  private(set) var places: [Place] = []

  // Made when a container may have been asked for twice.
  private var byName: [String: WireValueEncoder]?

  func append(_ encoder: WireValueEncoder, named name: String, at offset: Int) {
    places.append(Place(offset: offset, name: name, encoder: encoder))
    byName?[name] = encoder
  }

  /// The encoder that was last begun under a name.
  func latest(named name: String) -> WireValueEncoder? {
    if byName == nil {
      byName = Dictionary(places.map { ($0.name, $0.encoder) }, uniquingKeysWith: { $1 })
    }
    return byName?[name]
  }
}
