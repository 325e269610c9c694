import CMultiprocessing
import Glibc

/// A socket that connections come to. Every process that has inherited it may accept.
package final class ListeningSocket: Sendable {
  private let socket: OpenSocket
  private let key: [UInt8]?
  private let isTCP: Bool
  /// The port that the system chose, where the address left it open.
  package let port: UInt16?
  private let path: BoundPath?

  package init(at address: SocketAddress, backlog: Int, key: [UInt8]?) throws(SystemFailure) {
    self.key = key
    isTCP = address.isTCP
    var failure = SystemFailure("listen", errno: EADDRNOTAVAIL)
    for candidate in try address.resolved(forListening: true) {
      do throws(SystemFailure) {
        let descriptor = try Self.listen(at: candidate, address, backlog: backlog)
        port = isTCP ? try Syscall.boundPort(descriptor.raw) : nil
        path = if case .unix(let path) = address { BoundPath(path) } else { nil }
        socket = OpenSocket(descriptor)
        return
      } catch {
        failure = error
      }
    }
    throw failure
  }

  deinit { close() }

  private static func listen(
    at candidate: mp_address, _ address: SocketAddress, backlog: Int
  ) throws(SystemFailure) -> InheritableDescriptor {
    // Nonblocking: of several processes that see a connection, one gets it.
    func attempt() throws(SystemFailure) -> InheritableDescriptor {
      let descriptor = InheritableDescriptor(owning: try Syscall.openSocket(for: candidate, nonblocking: true))
      try Syscall.listen(descriptor.raw, at: candidate, backlog: backlog)
      return descriptor
    }
    guard case .unix(let path) = address else { return try attempt() }
    // Others who begin at the same path find this listener whole, or not at all.
    return try FolderLock.withLock(ofPath: path) { () throws(SystemFailure) in
      do throws(SystemFailure) {
        return try attempt()
      } catch {
        guard error.errno == EADDRINUSE else { throw error }
        // A socket that is left over from a program that died is in the way of nobody but its successor.
        guard BoundPath(path) != nil, try !Syscall.isBound(candidate) else { throw error }
        unlink(path)
        return try attempt()
      }
    }
  }

  /// Waits for a connection, and for its authentication where there is a key. Throws `.timedOut`; `.unauthentic` for a peer
  /// without the key, or one that takes too long to show it.
  package func accept(until deadline: Deadline) throws(SocketFailure) -> MessageSocket {
    let descriptor = try socket.use { (socket) throws(SocketFailure) in
      try SocketFailure.of { () throws(SystemFailure) in
        while true {
          if let raw = try Syscall.accept(socket) {
            return InheritableDescriptor(owning: raw) as InheritableDescriptor?
          }
          guard try Syscall.waitReadable(socket, until: deadline) else { return nil }
        }
      }
    }
    guard let descriptor else { throw .timedOut }
    if isTCP { try SocketFailure.of { () throws(SystemFailure) in try Syscall.setImmediate(descriptor.raw) } }
    if let key { try authenticate(descriptor.raw, key, until: deadline) }
    return try MessageSocket(descriptor)
  }

  private func authenticate(_ peer: Int32, _ key: [UInt8], until deadline: Deadline) throws(SocketFailure) {
    let patience = Deadline.earlier(deadline, Deadline(after: Authentication.patience))
    do throws(SocketFailure) {
      let authentication = try SocketFailure.of { () throws(SystemFailure) in
        try Authentication(of: peer, until: patience)
      }
      try authentication.run(.listener, key: key)
    } catch {
      // The connection came in time; its peer did not.
      throw error == .timedOut ? .unauthentic : error
    }
  }

  /// For a wait over several objects; nil when it is closed.
  package func hold() -> HeldSocket? { HeldSocket(socket) }

  package var isClosed: Bool { socket.isClosed }

  /// Closes this process' copy. The path goes with the one that made it.
  package func close() {
    if !socket.isClosed { path?.remove() }
    socket.close()
  }
}

/// The file that a unix address puts in its place.
private struct BoundPath: Sendable {
  private let path: String
  private let identity: FileIdentity
  private let generation = Generation.current

  /// nil for a path at which there is no socket.
  init?(_ path: String) {
    guard let identity = Syscall.socketIdentity(atPath: path) else { return nil }
    self.path = path
    self.identity = identity
  }

  /// Removes the file, in the process that made it and if it is still the same.
  func remove() {
    guard generation.isCurrent, Syscall.socketIdentity(atPath: path) == identity else { return }
    unlink(path)
  }
}
