import CMultiprocessing
import Glibc
import Synchronization

/// Messages over a socket that keeps packets whole: one packet is one message, so that several threads and processes may
/// read or write one end. A payload that is too long for a packet goes into a sealed memory file whose descriptor travels
/// with the packet.
///
/// A packet whose descriptors find the receiver's table full would be lost. So an announcement goes ahead of every packet
/// with descriptors, and whoever has received one looks whether there is room before taking the next packet. (Where several
/// read one end, the announcement may reach another of them; then a full table means an error and a lost message.)
final class PacketTransport: Sendable {
  /// What any packet holds. Well below the least that a unix socket's buffer has.
  static let longestInline = 64 << 10
  /// What a packet holds if the system allows for a buffer of that size, and has so much memory in one piece: a mebibyte, and
  /// a little for what encoding adds. Copied into the kernel and out of it, which recycles its memory, a message is several
  /// times as fast as in a file.
  static let longestPacket = 1 << 20 | 32 << 10
  /// Zeroes that fill a packet which stands for a memory file, so that the socket's buffer bounds how many are under way.
  private static let filling = [UInt8](repeating: 0, count: 32 << 10)

  private let socket: OpenSocket
  /// Announcements received, less the packets with descriptors received since. Too many cost time, nothing else.
  private let announced = Atomic<Int>(0)
  /// Memory to receive into, while nobody is using it.
  private let spare = SpareRoom()

  init(_ socket: OpenSocket) { self.socket = socket }

  // MARK: Sending

  /// Waits while the socket's buffer is full.
  func send(
    _ kind: MessageHeader.Kind, _ payload: UnsafeRawBufferPointer, passing descriptors: [Int32]
  ) throws(SocketFailure) {
    try socket.use { (socket) throws(SocketFailure) in
      if payload.count <= Self.longestInline {
        let header = MessageHeader(kind, length: payload.count)
        return descriptors.isEmpty
          ? try Self.sendPacket(header, payload, [], to: socket)
          : try Self.sendAnnounced(header, payload, descriptors, to: socket)
      }
      if descriptors.isEmpty, try Self.sendLongPacket(MessageHeader(kind, length: payload.count), payload, to: socket) {
        return
      }
      let file = try SocketFailure.of { () throws(SystemFailure) in try SealedMemory.file(holding: payload) }
      let header = MessageHeader(kind, storage: .memoryFile, length: payload.count)
      try Self.filling.withUnsafeBufferPointer { (filling) throws(SocketFailure) in
        try Self.sendAnnounced(header, UnsafeRawBufferPointer(filling), [file.raw] + descriptors, to: socket)
      }
    }
  }

  /// False when the packet is too long for the system as it is.
  private static func sendLongPacket(
    _ header: MessageHeader, _ payload: UnsafeRawBufferPointer, to socket: Int32
  ) throws(SocketFailure) -> Bool {
    guard payload.count <= longestPacket else { return false }
    do throws(SystemFailure) {
      try header.withBytes { (header) throws(SystemFailure) in
        _ = try Syscall.sendMessage(socket, header: header, payload: payload, passing: [], waits: true)
      }
      return true
    } catch {
      guard [EMSGSIZE, ENOBUFS, ENOMEM].contains(error.errno) else { throw SocketFailure(error) }
      return false
    }
  }

  private static func sendAnnounced(
    _ header: MessageHeader, _ payload: UnsafeRawBufferPointer, _ descriptors: [Int32], to socket: Int32
  ) throws(SocketFailure) {
    // What cannot be sent must not be announced.
    guard descriptors.count <= MP_MOST_DESCRIPTORS else { throw .system(SystemFailure("send a message", errno: E2BIG)) }
    guard descriptors.allSatisfy(Syscall.isOpen) else {
      throw .system(SystemFailure("send a descriptor", errno: EBADF))
    }
    var header = header
    header.descriptorCount = descriptors.count
    header.serial = .random(in: 1...UInt32.max)
    try sendPacket(
      MessageHeader(.announcement, length: 0), UnsafeRawBufferPointer(start: nil, count: 0), [], to: socket)
    try sendPacket(header, payload, descriptors, to: socket)
  }

  private static func sendPacket(
    _ header: MessageHeader, _ payload: UnsafeRawBufferPointer, _ descriptors: [Int32], to socket: Int32
  ) throws(SocketFailure) {
    var patience = 1000
    while true {
      let failure: SystemFailure
      do throws(SystemFailure) {
        try header.withBytes { (header) throws(SystemFailure) in
          _ = try Syscall.sendMessage(socket, header: header, payload: payload, passing: descriptors, waits: true)
        }
        return
      } catch {
        failure = error
      }
      // The kernel is short of memory, or as many descriptors are under way as may be: both pass.
      guard patience > 0, [ENOBUFS, ENOMEM, ETOOMANYREFS].contains(failure.errno) else { throw SocketFailure(failure) }
      patience -= 1
      usleep(1000)
    }
  }

  // MARK: Receiving

  /// Waits for a message. What `body` is given is valid until it returns.
  func receive<Value>(until deadline: Deadline, _ body: (IncomingMessage) throws -> Value) throws -> Value {
    guard let raw = socket.enter() else { throw SocketFailure.closed }
    defer { socket.leave() }
    let room = spare.take()
    defer { spare.giveBack(room) }
    var wasReset = false
    while true {
      let packet: Packet?
      do throws(SystemFailure) {
        packet = try nextPacket(raw, until: deadline, room)
      } catch {
        // A peer that is gone with our message unread. What it sent before can still be read.
        guard error.errno == ECONNRESET, !wasReset else { throw SocketFailure(error) }
        wasReset = true
        continue
      }
      guard let packet else { throw SocketFailure.timedOut }
      // One without bytes that brings descriptors is nothing that was meant for us, and they have to be closed.
      if packet.length == 0, packet.descriptors.isEmpty { throw SocketFailure.end }
      if let message = try parse(packet, room) { return try body(message) }
    }
  }

  private struct Packet {
    /// 0 at the end of the stream, where there are no descriptors either.
    var length: Int
    var isCut = false
    var descriptors: [Int32] = []
    /// The table had no room for all of its descriptors, and none of them is open.
    var lostDescriptors = false
  }

  /// nil when time ran out.
  private func nextPacket(
    _ socket: Int32, until deadline: Deadline, _ room: ReceiveRoom
  ) throws(SystemFailure) -> Packet? {
    let isCareful = announced.load(ordering: .relaxed) > 0
    // The kernel does not tell whether it has waited.
    if !isCareful && deadline.isNever && !Tracing.isOn { return try Self.takeListed(socket, room, .waits) }
    while true {
      let packet = try isCareful ? Self.takeCarefully(socket, room) : Self.takeListed(socket, room, .takes)
      if let packet { return packet }
      let span = Tracing.wait("a message")
      defer { span.end() }
      guard try Syscall.waitReadable(socket, until: deadline) else { return nil }
    }
  }

  /// nil when there is none at the moment.
  private static func take(
    _ socket: Int32, _ room: ReceiveRoom, _ reception: Syscall.Reception
  ) throws(SystemFailure) -> Packet? {
    var receipt = mp_receipt()
    guard
      let length = try Syscall.receiveMessage(socket, into: room.packet, room.descriptors, &receipt, reception)
    else { return nil }
    var packet = Packet(length: length, isCut: receipt.cut, lostDescriptors: receipt.lost_descriptors)
    guard receipt.descriptor_count > 0 else { return packet }
    packet.descriptors = Array(UnsafeBufferPointer(start: room.descriptors, count: Int(receipt.descriptor_count)))
    if packet.lostDescriptors { close(&packet) }
    return packet
  }

  private static func close(_ packet: inout Packet) {
    for descriptor in packet.descriptors { Glibc.close(descriptor) }
    packet.descriptors = []
  }

  private static var noRoom: SystemFailure { SystemFailure("receive the descriptors of a message", errno: EMFILE) }

  /// The next packet, its memory file kept from children.
  private static func takeListed(
    _ socket: Int32, _ room: ReceiveRoom, _ reception: Syscall.Reception
  ) throws(SystemFailure) -> Packet? {
    let packet = try take(socket, room, reception)
    if packet?.lostDescriptors == true { throw noRoom }
    if let file = memoryFile(of: packet, room) { forkLock.withLock { _ in _ = mp_registry_add(file) } }
    return packet
  }

  /// Takes the next packet when its descriptors have room, else throws EMFILE and leaves it where it is. nil when there is
  /// none at the moment.
  private static func takeCarefully(_ socket: Int32, _ room: ReceiveRoom) throws(SystemFailure) -> Packet? {
    // No fork comes before it is known whose the descriptors are.
    try forkLock.withLock { (_) throws(SystemFailure) in
      // A look brings copies of the descriptors.
      guard var seen = try take(socket, room, .peeks) else { return nil }
      if seen.lostDescriptors { throw noRoom }
      defer { close(&seen) }
      let beginning = room.beginning
      var packet = try take(socket, room, .takes)
      if packet?.lostDescriptors == true {
        // The copies took the last room. They serve as well, unless another process has come between and taken their packet.
        guard !seen.descriptors.isEmpty, room.beginning == beginning else { throw noRoom }
        swap(&seen.descriptors, &packet!.descriptors)
      }
      if let file = memoryFile(of: packet, room) { _ = mp_registry_add(file) }
      return packet
    }
  }

  private static func memoryFile(of packet: Packet?, _ room: ReceiveRoom) -> Int32? {
    guard let packet, let first = packet.descriptors.first, room.storesFile(packet.length) else { return nil }
    return first
  }

  /// nil for an announcement.
  private func parse(_ packet: Packet, _ room: ReceiveRoom) throws(SocketFailure) -> IncomingMessage? {
    // Whatever is wrong with the packet, its descriptors have an owner.
    var descriptors: ReceivedDescriptors?
    var file: SharedDescriptor?
    if !packet.descriptors.isEmpty {
      if announced.load(ordering: .relaxed) > 0 { announced.wrappingSubtract(1, ordering: .relaxed) }
      file = Self.memoryFile(of: packet, room).map { SharedDescriptor(Descriptor(inherited: $0)) }
      descriptors = ReceivedDescriptors(Array(packet.descriptors.dropFirst(file == nil ? 0 : 1)))
    }
    guard !packet.isCut else { throw .corrupt("a packet of more than \(Self.longestPacket) bytes") }
    let bytes = UnsafeRawBufferPointer(rebasing: room.packet[..<packet.length])
    let header = try MessageHeader(parsing: bytes)
    guard header.descriptorCount == packet.descriptors.count else {
      throw .corrupt("\(packet.descriptors.count) descriptors instead of \(header.descriptorCount)")
    }
    if let file { return IncomingMessage(header, file: file, descriptors: descriptors ?? ReceivedDescriptors()) }
    guard header.storage == .inline, header.length == packet.length - MessageHeader.size else {
      throw .corrupt("a message of \(header.length) bytes in a packet of \(packet.length)")
    }
    if header.kind == .announcement {
      announced.wrappingAdd(1, ordering: .relaxed)
      return nil
    }
    return IncomingMessage(
      header, inline: UnsafeRawBufferPointer(rebasing: bytes[MessageHeader.size...]), descriptors: descriptors)
  }

  // MARK: Looking

  /// Whether a call to `receive` would not wait.
  func isReadable(until deadline: Deadline) throws(SocketFailure) -> Bool {
    try socket.use { (socket) throws(SocketFailure) in
      try SocketFailure.of { () throws(SystemFailure) in try Syscall.waitReadable(socket, until: deadline) }
    }
  }
}

/// Memory for any packet: its descriptors, then its bytes. Only what is written to takes memory.
private struct ReceiveRoom {
  fileprivate let base: UnsafeMutableRawPointer

  private static let packetSize = MessageHeader.size + PacketTransport.longestPacket
  /// Rounded up, so that the packet's header is aligned.
  private static let descriptorsSize = 1024

  init() { base = .allocate(byteCount: Self.descriptorsSize + Self.packetSize, alignment: 16) }

  init(_ base: UnsafeMutableRawPointer) { self.base = base }

  /// Room for `MP_MOST_DESCRIPTORS`.
  var descriptors: UnsafeMutablePointer<Int32> { base.assumingMemoryBound(to: Int32.self) }

  var packet: UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(start: base + Self.descriptorsSize, count: Self.packetSize)
  }

  /// As much as a header takes, of whatever was received last.
  var beginning: UInt128 { packet.load(as: UInt128.self) }

  func storesFile(_ length: Int) -> Bool {
    length > 2 && packet[2] == MessageHeader.Storage.memoryFile.rawValue
  }
}

/// Keeps one room while nobody is using it. Whoever comes meanwhile makes another.
private final class SpareRoom: Sendable {
  /// The room's address, or 0. Acquiring and releasing: the next user writes after the one before has read.
  private let address = Atomic<UInt>(0)

  deinit { Self.room(address.load(ordering: .relaxed))?.base.deallocate() }

  func take() -> ReceiveRoom { Self.room(address.exchange(0, ordering: .acquiring)) ?? ReceiveRoom() }

  func giveBack(_ room: ReceiveRoom) {
    Self.room(address.exchange(UInt(bitPattern: room.base), ordering: .acquiringAndReleasing))?.base.deallocate()
  }

  private static func room(_ address: UInt) -> ReceiveRoom? {
    UnsafeMutableRawPointer(bitPattern: address).map { ReceiveRoom($0) }
  }
}
