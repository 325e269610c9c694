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
    var guest = try socket.use { (socket) throws(SocketFailure) in
      while true {
        if let guest = try Guest(of: socket, isTCP: isTCP, key: key, until: deadline) { return guest as Guest? }
        let span = Tracing.wait("a connection")
        defer { span.end() }
        let isReadable = try SocketFailure.of { () throws(SystemFailure) in
          try Syscall.waitReadable(socket, until: deadline)
        }
        guard isReadable else { return nil }
      }
    }
    guard guest != nil else { throw .timedOut }
    while true {
      if let connection = try guest!.admit() { return connection }
      let (raw, patience) = (guest!.raw, guest!.patience)
      let isReadable = try SocketFailure.of { () throws(SystemFailure) in
        try Syscall.waitReadable(raw, until: patience)
      }
      // The connection came in time; its peer did not.
      guard isReadable else { throw .unauthentic }
    }
  }

  /// The same in a task. Throws `SocketFailure`; `CancellationError` at once when the task is cancelled: whoever was about to
  /// authenticate itself is turned away then, and nobody else.
  package nonisolated(nonsending) func acceptSuspended(until deadline: Deadline) async throws -> MessageSocket {
    try Task.checkCancellation()
    guard let held = hold() else { throw SocketFailure.closed }
    // Its number stays this socket's until the wait is over.
    defer { withExtendedLifetime(held) {} }
    while true {
      if var guest = try Guest(of: held.raw, isTCP: isTCP, key: key, until: deadline) {
        while true {
          if let connection = try guest.admit() { return connection }
          guard try await isReadable(guest.raw, until: guest.patience) else { throw SocketFailure.unauthentic }
        }
      }
      guard try await isReadable(held.raw, until: deadline) else { throw SocketFailure.timedOut }
    }
  }

  private nonisolated(nonsending) func isReadable(_ raw: Int32, until deadline: Deadline) async throws -> Bool {
    do {
      return try await Reactor.waitReadable([raw], until: deadline)
    } catch let failure as SystemFailure {
      throw SocketFailure.system(failure)
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

/// One who has connected, and may have to show the key.
private struct Guest {
  private let descriptor: InheritableDescriptor
  private var authentication: Authentication?
  /// Until when it has to have shown it.
  let patience: Deadline

  /// Nobody waits for `listener` to accept: nil.
  init?(of listener: Int32, isTCP: Bool, key: [UInt8]?, until deadline: Deadline) throws(SocketFailure) {
    let accepted = try SocketFailure.of { () throws(SystemFailure) in try Syscall.accept(listener) }
    guard let accepted else { return nil }
    descriptor = InheritableDescriptor(owning: accepted)
    patience = Deadline.earlier(deadline, Deadline(after: Authentication.patience))
    if isTCP { try SocketFailure.of { () throws(SystemFailure) in try Syscall.setImmediate(accepted) } }
    authentication = if let key { try Authentication(of: accepted, .listener, key: key) } else { nil }
  }

  var raw: Int32 { descriptor.raw }

  /// Its connection; nil when there is more to come from it.
  mutating func admit() throws(SocketFailure) -> MessageSocket? {
    if try authentication?.advance() == false { return nil }
    return try MessageSocket(descriptor)
  }
}
