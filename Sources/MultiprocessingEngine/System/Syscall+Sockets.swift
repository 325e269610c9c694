import CMultiprocessing
import Glibc

/// The calls behind sockets that carry messages.
extension Syscall {
  // MARK: Messages

  /// Sends a packet, or as much of the bytes as a stream takes at once.
  @discardableResult
  static func sendMessage(
    _ socket: Int32, header: UnsafeRawBufferPointer, payload: UnsafeRawBufferPointer, passing descriptors: [Int32],
    waits: Bool
  ) throws(SystemFailure) -> Int {
    try attempt(MP_CALL_SEND_PACKET, "send a message") {
      mp_send_message(
        socket, header.baseAddress, header.count, payload.baseAddress, payload.count, descriptors, descriptors.count,
        waits)
    }
  }

  enum Reception {
    case waits, takes, peeks
  }

  /// Receives a packet and its descriptors, into room for `MP_MOST_DESCRIPTORS`; its length, 0 at the end of the stream, nil
  /// when there is none at the moment.
  static func receiveMessage(
    _ socket: Int32, into buffer: UnsafeMutableRawBufferPointer, _ descriptors: UnsafeMutablePointer<Int32>,
    _ receipt: inout mp_receipt, _ reception: Reception
  ) throws(SystemFailure) -> Int? {
    try unlessNone { () throws(SystemFailure) in
      try attempt(MP_CALL_RECEIVE_PACKET, "receive a message") {
        mp_receive_message(
          socket, buffer.baseAddress!, buffer.count, descriptors, &receipt, reception == .waits, reception == .peeks)
      }
    }
  }

  /// The bytes that are there, or the next packet without its descriptors; 0 at the end of the stream, nil when there is
  /// nothing at the moment.
  static func receiveBytes(
    _ socket: Int32, into buffer: UnsafeMutableRawBufferPointer
  ) throws(SystemFailure) -> (count: Int, isCut: Bool)? {
    var isCut = false
    return try unlessNone { () throws(SystemFailure) in
      try attempt(MP_CALL_RECEIVE_PACKET, "receive a message") {
        mp_receive_bytes(socket, buffer.baseAddress!, buffer.count, &isCut)
      }
    }.map { ($0, isCut) }
  }

  private static func unlessNone<Value>(_ body: () throws(SystemFailure) -> Value) throws(SystemFailure) -> Value? {
    do throws(SystemFailure) {
      return try body()
    } catch {
      guard error.errno == EAGAIN else { throw error }
      return nil
    }
  }

  /// Waits until a stream takes bytes again.
  static func waitWritable(_ descriptor: Int32, until deadline: Deadline) throws(SystemFailure) -> Bool {
    var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    return try poll(&entry, count: 1, until: deadline) > 0
  }

  // MARK: Folders

  static func openFolder(_ path: String) throws(SystemFailure) -> Int32 {
    let descriptor = try attempt(MP_CALL_LOCK_FOLDER, "open the folder \(path)") {
      negativeErrno(Int(Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)))
    }
    return Int32(descriptor)
  }

  /// False when somebody else has locked the file.
  static func tryLock(_ descriptor: Int32) throws(SystemFailure) -> Bool {
    let isLocked: ()? = try unlessNone { () throws(SystemFailure) in
      try attempt(MP_CALL_LOCK_FOLDER, "lock a folder") { negativeErrno(Int(flock(descriptor, LOCK_EX | LOCK_NB))) }
    }
    return isLocked != nil
  }

  static func unlock(_ descriptor: Int32) { flock(descriptor, LOCK_UN) }

  // MARK: Addresses

  static func unixAddress(_ name: String, isAbstract: Bool) throws(SystemFailure) -> mp_address {
    var address = mp_address()
    var name = name
    let error = name.withUTF8 { utf8 in
      // An empty string has no memory to point to.
      utf8.isEmpty
        ? -EINVAL
        : utf8.withMemoryRebound(to: CChar.self) { mp_unix_address(&address, $0.baseAddress!, $0.count, isAbstract) }
    }
    guard error == 0 else { throw SystemFailure("use the socket address \(name)", errno: -error) }
    return address
  }

  /// The addresses of a host, the one to try first at the front.
  static func resolve(_ host: String, port: UInt16, forListening: Bool) throws(SystemFailure) -> [mp_address] {
    guard !host.utf8.contains(0) else { throw SystemFailure("find the host \(host)", errno: EINVAL) }
    var addresses = [mp_address](repeating: mp_address(), count: 16)
    let count = try attempt(MP_CALL_SOCKET, "find the host \(host)") {
      Int(mp_resolve(host, port, forListening, &addresses, Int32(addresses.count)))
    }
    return Array(addresses[..<count])
  }

  // MARK: Making connections

  static func openSocket(for address: mp_address, nonblocking: Bool) throws(SystemFailure) -> Int32 {
    try withUnsafeAddress(address) { (address) throws(SystemFailure) in
      Int32(try attempt(MP_CALL_SOCKET, "open a socket") { Int(mp_open_socket(address, nonblocking)) })
    }
  }

  static func listen(_ socket: Int32, at address: mp_address, backlog: Int) throws(SystemFailure) {
    try withUnsafeAddress(address) { (address) throws(SystemFailure) in
      _ = try attempt(MP_CALL_LISTEN, "listen") { Int(mp_listen(socket, address, Int32(clamping: backlog))) }
    }
  }

  /// Whether a socket is bound to that unix address. False for one whose owner is gone.
  static func isBound(_ address: mp_address) throws(SystemFailure) -> Bool {
    try withUnsafeAddress(address) { (address) throws(SystemFailure) in
      do throws(SystemFailure) {
        try attempt(MP_CALL_CONNECT, "look for a listener") { Int(mp_probe_unix(address)) }
        return true
      } catch {
        if error.errno == EPROTOTYPE { return true }
        if error.errno == ECONNREFUSED { return false }
        throw error
      }
    }
  }

  static func connectUnix(_ socket: Int32, to address: mp_address, until deadline: Deadline) throws(SystemFailure) {
    try withUnsafeAddress(address) { (address) throws(SystemFailure) in
      // Measured anew after each interruption.
      _ = try attempt(MP_CALL_CONNECT, "connect") { Int(mp_connect_unix(socket, address, deadline.nanoseconds)) }
    }
  }

  /// Connects a nonblocking stream; false when `deadline` comes first.
  static func connectStream(
    _ socket: Int32, to address: mp_address, until deadline: Deadline
  ) throws(SystemFailure) -> Bool {
    do throws(SystemFailure) {
      try withUnsafeAddress(address) { (address) throws(SystemFailure) in
        // An interrupted one goes on by itself, as does one under way.
        _ = try attempt(MP_CALL_CONNECT, "connect") { Int(mp_connect_stream(socket, address)) }
      }
      return true
    } catch {
      guard error.errno == EINPROGRESS || error.errno == EALREADY else { throw error }
    }
    guard try waitWritable(socket, until: deadline) else { return false }
    try attempt(MP_CALL_CONNECT, "connect") { Int(mp_connection_error(socket)) }
    return true
  }

  /// The next connection of a nonblocking listener; nil when there is none at the moment.
  static func accept(_ listener: Int32) throws(SystemFailure) -> Int32? {
    do throws(SystemFailure) {
      return Int32(try attempt(MP_CALL_ACCEPT, "accept a connection") { Int(mp_accept(listener)) })
    } catch {
      // None any more: another process took it, or it failed on its way; accept(2).
      let passing = [EAGAIN, ECONNABORTED, EPROTO, ENETDOWN, EHOSTDOWN, EHOSTUNREACH, ENETUNREACH, ENONET, ENOPROTOOPT]
      guard passing.contains(error.errno) else { throw error }
      return nil
    }
  }

  static func boundPort(_ socket: Int32) throws(SystemFailure) -> UInt16 {
    UInt16(truncatingIfNeeded: try attempt(MP_CALL_STATUS, "ask for a port") { Int(mp_bound_port(socket)) })
  }

  // MARK: Settings

  /// 1 for packets over a unix address, 2 for a TCP stream, 0 for anything else.
  static func socketKind(_ descriptor: Int32) throws(SystemFailure) -> Int {
    try attempt(MP_CALL_STATUS, "ask for a socket's kind") { Int(mp_socket_kind(descriptor)) }
  }

  static func setNonblocking(_ descriptor: Int32, _ nonblocking: Bool) throws(SystemFailure) {
    try attempt(MP_CALL_STATUS, "set up a socket") { Int(mp_set_nonblocking(descriptor, nonblocking)) }
  }

  static func setImmediate(_ socket: Int32) throws(SystemFailure) {
    try attempt(MP_CALL_STATUS, "set up a socket") { Int(mp_set_immediate(socket)) }
  }

  /// The kernel doubles the number for what it needs besides; socket(7).
  static func setSendBuffer(_ socket: Int32, _ size: Int) throws(SystemFailure) {
    try attempt(MP_CALL_STATUS, "set up a socket") { Int(mp_set_send_buffer(socket, Int32(size))) }
  }

  static func shutDown(_ socket: Int32, reading: Bool = false, writing: Bool = false) throws(SystemFailure) {
    try attempt(MP_CALL_SHUTDOWN, "make a socket one-way") { Int(mp_shutdown(socket, reading, writing)) }
  }

  /// The socket file at a path; nil when there is none.
  static func socketIdentity(atPath path: String) -> FileIdentity? {
    var status = stat()
    guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return nil }
    return FileIdentity(device: UInt64(status.st_dev), number: UInt64(status.st_ino))
  }

  /// Whether the number is that of an open descriptor.
  static func isOpen(_ descriptor: Int32) -> Bool { fcntl(descriptor, F_GETFD) >= 0 }

  private static func withUnsafeAddress<Value>(
    _ address: mp_address, _ body: (UnsafePointer<mp_address>) throws(SystemFailure) -> Value
  ) throws(SystemFailure) -> Value {
    var address = address
    return try body(&address)
  }
}
