import CMultiprocessing
import Glibc

/// The calls behind programs and their streams.
extension Syscall {
  /// A file for a program's stream; what does not exist is made, for writing. Does not wait: throws ENXIO for a FIFO that nobody reads,
  /// EAGAIN for a file that somebody has a lease on. The descriptor does not block.
  static func open(file path: String, forWriting: Bool, append: Bool = false) throws(SystemFailure) -> Int32 {
    let writing = O_WRONLY | O_CREAT | (append ? O_APPEND : O_TRUNC)
    let flags = (forWriting ? writing : O_RDONLY) | O_CLOEXEC | O_NOCTTY | O_NONBLOCK
    return Int32(
      try attempt(MP_CALL_OPEN_FILE, "open \(path)") { negativeErrno(Int(Glibc.open(path, flags, 0o666))) })
  }

  static func isFIFO(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO
  }

  /// Whether a descriptor that is open for reading is a FIFO's, and nobody has opened the other side since. Under the fork lock.
  static func lacksWriter(_ descriptor: Int32) throws(SystemFailure) -> Bool {
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFIFO else { return false }
    return try attempt(MP_CALL_PIPE, "look who writes to a FIFO") { Int(mp_fifo_has_writer(descriptor)) } == 0
  }

  /// A pseudo-terminal: our side, and the program's.
  static func terminal() throws(SystemFailure) -> (Int32, Int32) {
    var pair: (Int32, Int32) = (-1, -1)
    try attempt(MP_CALL_TERMINAL, "open a pseudo-terminal") { onPair(&pair, mp_terminal_open) }
    return pair
  }

  /// Whether this process has a terminal that controls it: Ctrl-C there reaches it, and its process group may be put into the background.
  package static func hasControllingTerminal() -> Bool {
    do throws(SystemFailure) {
      _ = try Descriptor.listing { () throws(SystemFailure) in try open(file: "/dev/tty", forWriting: false) }
      return true
    } catch {
      return false
    }
  }

  /// The pidfd of any process. Throws ESRCH when it is gone.
  static func openProcess(_ pid: Int32) throws(SystemFailure) -> Int32 {
    Int32(try attempt(MP_CALL_PIDFD_OPEN, "hold on to a process") { Int(mp_pidfd_open(pid)) })
  }

  /// Reads what is there, without waiting: 0 at the end, nil when there is nothing.
  static func readAvailable(
    _ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer
  ) throws(SystemFailure) -> Int? {
    do throws(SystemFailure) {
      return try attempt(MP_CALL_READ, "read what a program writes") {
        mp_read_available(descriptor, buffer.baseAddress, buffer.count)
      }
    } catch {
      switch error.errno {
      case EAGAIN: return nil
      // A terminal whose other side nobody has open any more.
      case EIO where isatty(descriptor) == 1: return 0
      default: throw error
      }
    }
  }

  /// Writes what there is room for, without waiting and without SIGPIPE; nil when there is none. The descriptor does not block.
  static func writeAvailable(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) throws(SystemFailure) -> Int? {
    do throws(SystemFailure) {
      return try attempt(MP_CALL_WRITE, "write to a program") {
        mp_write_quietly(descriptor, bytes.baseAddress, bytes.count)
      }
    } catch {
      guard error.errno == EAGAIN else { throw error }
      return nil
    }
  }

  /// Waits until one of `readable` can be read from, or one of `writable` written to; false when time ran out.
  static func wait(
    readable: [Int32], writable: [Int32], until deadline: Deadline
  ) throws(SystemFailure) -> Bool {
    var entries = readable.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    entries += writable.map { pollfd(fd: $0, events: Int16(POLLOUT), revents: 0) }
    return try poll(&entries, count: entries.count, until: deadline) > 0
  }

  static func watchWritable(_ descriptor: Int32, in set: Int32) throws(SystemFailure) {
    try attempt(MP_CALL_READINESS, "wait for a descriptor") { Int(mp_readiness_add_writable(set, descriptor)) }
  }

  /// Throws ESRCH for a group without members.
  static func send(signal: Int32, toGroup group: Int32) throws(SystemFailure) {
    try attempt(MP_CALL_SEND_SIGNAL, "send a signal to a process group") {
      negativeErrno(Int(kill(-group, signal)))
    }
  }

  /// The same for the group that the process of `pidfd` leads or has led; EINVAL before Linux 6.9.
  static func send(signal: Int32, toGroupOf pidfd: Int32) throws(SystemFailure) {
    try attempt(MP_CALL_SEND_SIGNAL, "send a signal to a process group") {
      Int(mp_pidfd_signal_group(pidfd, signal))
    }
  }

  /// Whether anybody is left in the group that the process of `pidfd` leads or has led; false before Linux 6.9, which cannot tell.
  static func hasGroup(of pidfd: Int32) -> Bool {
    do throws(SystemFailure) {
      try send(signal: 0, toGroupOf: pidfd)
      return true
    } catch {
      // Members of another user's are members.
      return error.errno == EPERM
    }
  }
}
