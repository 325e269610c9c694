import Glibc

/// What can go wrong between two ends of a connection.
package enum SocketFailure: Error, Equatable {
  /// The peer is gone.
  case end
  /// Closed on this side.
  case closed
  case timedOut
  /// What came is no message of this library's; a sentence says why.
  case corrupt(String)
  /// A message of that many bytes, where fewer were asked for.
  case tooLong(Int)
  /// The peer does not have the key, or does not say so in time.
  case unauthentic
  case system(SystemFailure)

  /// A failure of one of the calls that meet the peer.
  init(_ failure: SystemFailure) {
    self = failure.errno == EPIPE || failure.errno == ECONNRESET ? .end : .system(failure)
  }

  /// Runs calls of the system, whose failures become these.
  static func of<Value: ~Copyable>(_ body: () throws(SystemFailure) -> Value) throws(SocketFailure) -> Value {
    do throws(SystemFailure) {
      return try body()
    } catch {
      throw SocketFailure(error)
    }
  }
}
