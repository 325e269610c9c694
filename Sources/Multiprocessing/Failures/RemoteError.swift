/// An error of another process that could not cross as itself, because its type is not `Codable`.
public struct RemoteError: Error, Codable, Sendable, Hashable, CustomStringConvertible {
  /// The error's type, as Swift prints it.
  public let typeName: String
  /// The error, as Swift prints it.
  public let message: String

  /// An error told by its type's name and its description.
  public init(typeName: String, description: String) {
    self.typeName = typeName
    message = description
  }

  /// What there is to tell of any error.
  public init(_ error: any Error) {
    self.init(typeName: String(describing: type(of: error)), description: String(describing: error))
  }

  /// "ParseError: line 3 is empty".
  public var description: String {
    // Swift prints many errors with their type in front.
    message.hasPrefix(typeName) ? message : "\(typeName): \(message)"
  }
}
