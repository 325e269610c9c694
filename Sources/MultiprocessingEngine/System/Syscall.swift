import CMultiprocessing
import Glibc

/// Every system call of the engine: EINTR is handled here, an errno becomes a `SystemFailure` here, and in debug
/// builds a test can make each of them fail (`mp_fault_arm`).
package enum Syscall {
  /// Runs `body`, which answers a negative errno when it fails, until no signal interrupts it.
  @discardableResult
  static func attempt(
    _ call: mp_call, _ operation: @autoclosure () -> String, _ body: () -> Int
  ) throws(SystemFailure) -> Int {
    while true {
      let fault = Fault.check(call)
      let result = fault == 0 ? body() : -Int(fault)
      if result >= 0 { return result }
      if result == -Int(EINTR) { continue }
      throw SystemFailure(operation(), errno: Int32(-result))
    }
  }

  // MARK: Descriptors

  static func pipe() throws(SystemFailure) -> (Int32, Int32) {
    var pair: (Int32, Int32) = (-1, -1)
    try attempt(MP_CALL_PIPE, "open a pipe") { onPair(&pair, mp_pipe) }
    return pair
  }

  static func packetPair() throws(SystemFailure) -> (Int32, Int32) {
    var pair: (Int32, Int32) = (-1, -1)
    try attempt(MP_CALL_PACKET_PAIR, "open a socket pair") { onPair(&pair, mp_packet_pair) }
    return pair
  }

  static func onPair(_ pair: inout (Int32, Int32), _ call: (UnsafeMutablePointer<Int32>) -> Int32)
    -> Int
  {
    // A homogeneous tuple is laid out as an array of its elements.
    withUnsafeMutableBytes(of: &pair) { Int(call($0.assumingMemoryBound(to: Int32.self).baseAddress!)) }
  }

  /// A descriptor that is always readable.
  static func readableDescriptor() throws(SystemFailure) -> Int32 {
    Int32(try attempt(MP_CALL_EVENT, "open an event descriptor") { Int(mp_event_descriptor(1)) })
  }

  /// The bytes an empty pipe takes without blocking.
  static func capacity(ofPipe descriptor: Int32) throws(SystemFailure) -> Int {
    try attempt(MP_CALL_STATUS, "ask for a pipe's capacity") {
      Int(mp_pipe_capacity(descriptor))
    }
  }

  // MARK: Bytes

  /// Reads up to `buffer.count` bytes; 0 at the end of the stream.
  static func read(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer) throws(SystemFailure)
    -> Int
  {
    try attempt(MP_CALL_READ, "read") {
      negativeErrno(Glibc.read(descriptor, buffer.baseAddress, buffer.count))
    }
  }

  /// Fills the buffer from a file's beginning. Throws ENODATA for a file that is shorter.
  static func readAll(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer) throws(SystemFailure) {
    var filled = 0
    while filled < buffer.count {
      let count = try attempt(MP_CALL_READ, "read a memory file") {
        negativeErrno(Glibc.pread(descriptor, buffer.baseAddress! + filled, buffer.count - filled, off_t(filled)))
      }
      guard count > 0 else { throw SystemFailure("read a memory file", errno: ENODATA) }
      filled += count
    }
  }

  package static func writeAll(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) throws(SystemFailure) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let part = UnsafeRawBufferPointer(rebasing: rest)
      let count = try attempt(MP_CALL_WRITE, "write") {
        negativeErrno(Glibc.write(descriptor, part.baseAddress, part.count))
      }
      rest = rest.dropFirst(count)
    }
  }

  // MARK: Packets

  /// Sends one packet, never blocking; a kernel short of memory is asked a few times more.
  static func sendPacket(
    _ socket: Int32, header: UnsafeRawBufferPointer, payload: UnsafeRawBufferPointer,
    passing descriptor: Int32 = -1
  ) throws(SystemFailure) {
    var patience = 10
    while true {
      do throws(SystemFailure) {
        try sendMessage(
          socket, header: header, payload: payload, passing: descriptor < 0 ? [] : [descriptor], waits: false)
        return
      } catch {
        guard patience > 0, [ENOBUFS, ENOMEM, EAGAIN].contains(error.errno) else { throw error }
        patience -= 1
        usleep(1000)
      }
    }
  }

  /// The length of the next packet, 0 at the end of the stream, nil when there is none at the moment.
  static func receivePacket(_ socket: Int32, into buffer: UnsafeMutableRawBufferPointer) throws(SystemFailure)
    -> Int?
  {
    do throws(SystemFailure) {
      return try attempt(MP_CALL_RECEIVE_PACKET, "receive a message") {
        mp_receive_packet(socket, buffer.baseAddress, buffer.count)
      }
    } catch {
      // A peer that is gone with our message unread: what it sent before can still be read, then this.
      if error.errno == ECONNRESET { return 0 }
      if error.errno == EAGAIN { return nil }
      throw error
    }
  }

  /// The descriptor of the next packet, which stays where it is.
  static func peekDescriptor(_ socket: Int32) throws(SystemFailure) -> Int32 {
    Int32(try attempt(MP_CALL_RECEIVE_DESCRIPTOR, "receive a descriptor") { Int(mp_peek_descriptor(socket)) })
  }

  // MARK: Memory

  /// The name is for people who look into proc(5).
  static func memoryDescriptor(named name: String = "multiprocessing") throws(SystemFailure) -> Int32 {
    Int32(try attempt(MP_CALL_MEMFD, "create a memory file") { Int(mp_memfd_create(name)) })
  }

  static func seal(_ descriptor: Int32) throws(SystemFailure) {
    try attempt(MP_CALL_SEAL, "seal a memory file") { Int(mp_memfd_seal(descriptor)) }
  }

  static func isSealed(_ descriptor: Int32) throws(SystemFailure) -> Bool {
    do throws(SystemFailure) {
      return try attempt(MP_CALL_STATUS, "ask for a memory file's seals") { Int(mp_memfd_is_sealed(descriptor)) } == 1
    } catch {
      // A file that cannot be sealed at all.
      if error.errno == EINVAL { return false }
      throw error
    }
  }

  static func size(of descriptor: Int32) throws(SystemFailure) -> Int {
    var status = stat()
    try attempt(MP_CALL_STATUS, "ask for a file's size") { negativeErrno(Int(fstat(descriptor, &status))) }
    return Int(status.st_size)
  }

  /// The bytes that a file has memory or disk space for.
  static func allocatedSize(of descriptor: Int32) throws(SystemFailure) -> Int {
    var status = stat()
    try attempt(MP_CALL_STATUS, "ask for a file's size") { negativeErrno(Int(fstat(descriptor, &status))) }
    // In units of 512 bytes, whatever the file system's are; stat(2).
    return Int(status.st_blocks) * 512
  }

  static func mapForReading(_ descriptor: Int32, length: Int) throws(SystemFailure) -> UnsafeRawBufferPointer {
    var address: UnsafeMutableRawPointer?
    try attempt(MP_CALL_MAP, "map memory") {
      address = mmap(nil, length, PROT_READ, MAP_SHARED, descriptor, 0)
      return address == MAP_FAILED ? -Int(errno) : 0
    }
    return UnsafeRawBufferPointer(start: address, count: length)
  }

  // MARK: Processes

  /// Whether one of `descriptors` became readable before `deadline`.
  static func waitReadable(_ descriptor: Int32, until deadline: Deadline) throws(SystemFailure)
    -> Bool
  {
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return try poll(&entry, count: 1, until: deadline) > 0
  }

  /// Which of `descriptors` are readable, as soon as one is; none when time ran out. A negative number never is.
  package static func readable(_ descriptors: [Int32], until deadline: Deadline) throws(SystemFailure) -> [Bool] {
    // poll(2) passes over negative numbers.
    var entries = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    _ = try poll(&entries, count: entries.count, until: deadline)
    return entries.map { $0.revents != 0 }
  }

  /// Waits until one of the entries is ready; the number that are, 0 when time ran out.
  static func poll(
    _ entries: UnsafeMutablePointer<pollfd>, count: Int, until deadline: Deadline
  ) throws(SystemFailure) -> Int {
    while true {
      do throws(SystemFailure) {
        return try attempt(MP_CALL_POLL, "wait for a descriptor") {
          // Measured anew after each interruption.
          Int(mp_poll(entries, count, deadline.nanoseconds))
        }
      } catch {
        // The kernel could not allocate for a moment; poll(2).
        guard error.errno == EAGAIN else { throw error }
      }
    }
  }

  package static func sleep(until deadline: Deadline) throws(SystemFailure) {
    var none = pollfd()
    _ = try poll(&none, count: 0, until: deadline)
  }

  /// Waits for ever for the child behind `pidfd` to end. The kernel wakes a waitid(2) on the processor that the child leaves,
  /// and a poll(2) on the one where the waiter slept, which takes longer.
  static func waitForEnd(_ pidfd: Int32) throws(SystemFailure) {
    do throws(SystemFailure) {
      try attempt(MP_CALL_WAIT, "wait for a child") { Int(mp_pidfd_wait(pidfd)) }
    } catch {
      // Another thread, or the program by itself, has reaped it.
      guard error.errno == ECHILD else { throw error }
    }
  }

  /// Reaps the child behind `pidfd` if it has ended; nil while it runs.
  static func reap(_ pidfd: Int32) throws(SystemFailure) -> mp_exit_status? {
    var status = mp_exit_status()
    try attempt(MP_CALL_REAP, "reap a child") { Int(mp_pidfd_reap(pidfd, &status)) }
    return status.ended ? status : nil
  }

  static func send(signal: Int32, to pidfd: Int32) throws(SystemFailure) {
    try attempt(MP_CALL_SEND_SIGNAL, "send a signal") { Int(mp_pidfd_send_signal(pidfd, signal)) }
  }

  // MARK: Limits

  package enum Limit {
    case privateMemory, openFiles, fileSize

    fileprivate var resource: __rlimit_resource_t {
      switch self {
      case .privateMemory: __rlimit_resource_t(RLIMIT_DATA.rawValue)
      case .openFiles: __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
      case .fileSize: __rlimit_resource_t(RLIMIT_FSIZE.rawValue)
      }
    }
  }

  /// Lowers the soft limit of this process. The hard one stays, so that what has to follow the limited part can lift it.
  package static func limit(_ limit: Limit, to value: Int) throws(SystemFailure) {
    var limits = rlimit()
    try attempt(MP_CALL_LIMIT, "read a resource limit") {
      negativeErrno(Int(getrlimit(limit.resource, &limits)))
    }
    limits.rlim_cur = min(rlim_t(value), limits.rlim_max)
    try attempt(MP_CALL_LIMIT, "set a resource limit") {
      negativeErrno(Int(setrlimit(limit.resource, &limits)))
    }
  }

  /// Lifts the soft limit up to the hard one.
  package static func lift(_ limit: Limit) throws(SystemFailure) { try Self.limit(limit, to: .max) }

  package static func limitProcessorTime(to time: Duration) throws(SystemFailure) {
    let (seconds, attoseconds) = time.components
    let nanoseconds =
      seconds > 1 << 32 ? Int64.max / 2 : seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    try attempt(MP_CALL_LIMIT, "limit processor time") { Int(mp_limit_cpu_time(nanoseconds)) }
  }

  static func negativeErrno(_ result: Int) -> Int { result < 0 ? -Int(errno) : result }
}
