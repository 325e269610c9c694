internal import Glibc
internal import MultiprocessingEngine

/// A place that other processes connect to with `Connection.connect(to:authKey:timeout:)`, whether they run this program or
/// another. Python's `Listener`.
///
///     let listener = try Listener(.unix(path: "/tmp/chat"), authKey: key)
///     let connection = try listener.accept()
///
/// Children inherit it and may accept as well: each connection reaches one of them. It is gone when every process that
/// has it has closed it or ended. The file of a unix address is removed when the process that made it closes it, or lets go
/// of the object; one that a killed program left behind is replaced.
public final class Listener: Sendable {
  let socket: ListeningSocket

  /// Where to connect to: as it was given, with the port that the system chose in place of 0.
  public let address: Address

  /// Listens from now on.
  ///
  /// - Parameters:
  ///   - address: port 0 stands for one that the system chooses.
  ///   - backlog: how many connections may wait to be accepted; listen(2).
  ///   - authKey: what a peer has to have; see `Connection.connect(to:authKey:timeout:)`. nil lets everybody in who can
  ///     reach the address.
  /// - Throws: `ConnectionError.system`: with EADDRINUSE where somebody else listens, EADDRNOTAVAIL for a host that is not
  ///   this machine, ENAMETOOLONG or EINVAL for a name that cannot be, EINVAL for an empty key or a negative backlog.
  public init(_ address: Address, backlog: Int = 16, authKey: [UInt8]? = nil) throws {
    try ConnectionError.checkKey(authKey)
    guard backlog >= 0 else { throw ConnectionError.system(errno: EINVAL) }
    do throws(SystemFailure) {
      socket = try ListeningSocket(at: address.socketAddress, backlog: backlog, key: authKey)
    } catch {
      throw ConnectionError.system(errno: error.errno)
    }
    if case .tcp(let host, _) = address, let port = socket.port {
      self.address = .tcp(host: host, port: port)
    } else {
      self.address = address
    }
  }

  /// Waits for the next connection.
  ///
  /// - Parameter timeout: nil waits for ever. A peer has five seconds, or what is left of `timeout`, to authenticate itself;
  ///   it sends at most a few hundred bytes until then.
  /// - Throws: `TimeoutError`; `ConnectionError.authenticationFailed` for one peer, after which the next may be accepted;
  ///   `.closed`; `.system`, with EMFILE when there is no room for another descriptor: the peer goes on waiting then.
  public func accept(timeout: Duration? = nil) throws -> Connection {
    let deadline = Deadline(after: timeout)
    return try ConnectionError.translating("a connection at \(address)", timeout) {
      Connection(try socket.accept(until: deadline))
    }
  }

  /// Stops listening in this process. Twice is fine. A thread that is waiting in `accept()` goes on waiting for one more
  /// connection: other processes may be listening here as well.
  public func close() { socket.close() }

  /// Whether `close()` was called in this process, or before it was forked.
  public var isClosed: Bool { socket.isClosed }

  func hold() -> HeldSocket? { socket.hold() }
}
