import CMultiprocessing
import Glibc

/// Where a listener is found.
package enum SocketAddress: Sendable {
  case unix(path: String)
  case abstract(name: String)
  case tcp(host: String, port: UInt16)

  /// The addresses to try, one after another.
  func resolved(forListening: Bool) throws(SystemFailure) -> [mp_address] {
    switch self {
    case .unix(let path): [try Syscall.unixAddress(path, isAbstract: false)]
    case .abstract(let name): [try Syscall.unixAddress(name, isAbstract: true)]
    case .tcp(let host, let port): try Syscall.resolve(host, port: port, forListening: forListening)
    }
  }

  var isTCP: Bool { if case .tcp = self { true } else { false } }
}

extension MessageSocket {
  /// Connects to a listener, and authenticates where there is a key. Throws `.timedOut`.
  package static func connect(
    to address: SocketAddress, key: [UInt8]?, until deadline: Deadline
  ) throws(SocketFailure) -> MessageSocket {
    let descriptor = try connected(to: address, until: deadline)
    if let key {
      // The listener may take its time until it accepts: nobody but the caller knows how long is too long.
      var authentication = try Authentication(of: descriptor.raw, .connector, key: key)
      try authentication.run(until: deadline)
    }
    return try MessageSocket(descriptor)
  }

  private static func connected(
    to address: SocketAddress, until deadline: Deadline
  ) throws(SocketFailure) -> InheritableDescriptor {
    do throws(SystemFailure) {
      var failure = SystemFailure("connect", errno: EADDRNOTAVAIL)
      for candidate in try address.resolved(forListening: false) {
        let descriptor = InheritableDescriptor(
          owning: try Syscall.openSocket(for: candidate, nonblocking: address.isTCP))
        do throws(SystemFailure) {
          if try connect(descriptor.raw, to: candidate, isTCP: address.isTCP, until: deadline) { return descriptor }
        } catch {
          failure = error
          continue
        }
        throw SystemFailure("connect", errno: ETIMEDOUT)
      }
      throw failure
    } catch {
      // The kernel gave up by itself, or the deadline came: the second is a matter of the caller's time.
      throw error.errno == ETIMEDOUT && deadline.hasPassed ? .timedOut : .system(error)
    }
  }

  /// False when time ran out.
  private static func connect(
    _ socket: Int32, to address: mp_address, isTCP: Bool, until deadline: Deadline
  ) throws(SystemFailure) -> Bool {
    if isTCP {
      guard try Syscall.connectStream(socket, to: address, until: deadline) else { return false }
      try Syscall.setNonblocking(socket, false)
      try Syscall.setImmediate(socket)
      return true
    }
    do throws(SystemFailure) {
      try Syscall.connectUnix(socket, to: address, until: deadline)
      return true
    } catch {
      // No room among the connections that wait for the listener.
      guard error.errno == EAGAIN else { throw error }
      return false
    }
  }
}
