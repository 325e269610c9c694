/// A class whose decoder finds an object that exists already, which an initializer of the class itself could not answer.
protocol FoundObject: Decodable {
  static func found(by decoder: any Decoder) throws -> Self
}

extension FoundObject {
  /// Finds the object that was sent: the same one, where it exists in this process.
  ///
  /// - Throws: `DecodingError` for every coder but the library's own, and for what is no such object.
  public init(from decoder: any Decoder) throws { self = try Self.found(by: decoder) }
}
