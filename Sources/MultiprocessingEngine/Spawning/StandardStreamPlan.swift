import CMultiprocessing
import Glibc

/// Where one of a program's standard streams leads.
package enum StreamPlace: Sendable, Equatable {
  case inherited
  case pipe
  case null
  case descriptor(Int32)
  case file(String, append: Bool)
  /// Where standard output leads; for standard error.
  case output

  /// The descriptor of this process' that it is.
  var number: Int32? { if case .descriptor(let number) = self { number } else { nil } }
}

/// A program's standard streams, opened on both sides: what it gets, and the ends that stay here. Holds the program's side open as
/// long as it is there itself.
package struct StandardStreamPlan {
  private(set) var moves: [mp_spawn_move] = []
  /// Which of the program's numbers is its controlling terminal.
  private(set) var terminal: Int32?
  private(set) var input: WritingEnd?
  private(set) var output: ReadingEnd?
  private(set) var error: ReadingEnd?
  private var held: [SharedDescriptor] = []

  /// - Parameters:
  ///   - places: of input, output and error.
  ///   - onTerminal: those that are inherited or pipes become one pseudo-terminal instead, but for an error stream that is to be
  ///     a pipe.
  init(
    input inputPlace: StreamPlace, output outputPlace: StreamPlace, error errorPlace: StreamPlace, onTerminal: Bool
  ) throws(ProgramFailure) {
    let sides = onTerminal ? try Self.terminal() : nil
    let standing: [StreamPlace] = [.inherited, .pipe]
    if let sides {
      held.append(sides.program)
      if standing.contains(inputPlace) {
        input = WritingEnd(sides.ours, isTerminal: true)
        place(sides.program.raw, at: STDIN_FILENO)
      }
      if standing.contains(outputPlace) { place(sides.program.raw, at: STDOUT_FILENO) }
      if errorPlace == .inherited { place(sides.program.raw, at: STDERR_FILENO) }
      terminal = moves.first?.target
      if moves.contains(where: { $0.target != STDIN_FILENO }) { output = ReadingEnd(sides.ours, isTerminal: true) }
    }
    if input == nil { try open(inputPlace, at: STDIN_FILENO) }
    if sides == nil || !standing.contains(outputPlace) { try open(outputPlace, at: STDOUT_FILENO) }
    if sides == nil || errorPlace != .inherited { try open(errorPlace, at: STDERR_FILENO) }
  }

  /// Our side of a new terminal and the program's.
  private static func terminal() throws(ProgramFailure) -> (ours: SharedDescriptor, program: SharedDescriptor) {
    try telling { () throws(SystemFailure) in
      let pair = try Descriptor.Pair.listing { () throws(SystemFailure) in try Syscall.terminal() }
      try Syscall.setNonblocking(pair.first.raw, true)
      let (ours, program) = pair.ends()
      return (ours, program)
    }
  }

  private mutating func open(_ place: StreamPlace, at target: Int32) throws(ProgramFailure) {
    switch place {
    case .inherited: break
    case .null: try open(file: "/dev/null", append: true, at: target)
    case .file(let path, let append): try open(file: path, append: append, at: target)
    case .descriptor(let number): self.place(number, at: target)
    case .output:
      let source = moves.first { $0.target == STDOUT_FILENO }?.source
      self.place(source ?? STDOUT_FILENO, at: target)
    case .pipe:
      let pipe = try Self.telling { () throws(SystemFailure) in try SharedPipe() }
      if target == STDIN_FILENO {
        try Self.telling { () throws(SystemFailure) in try Syscall.setNonblocking(pipe.writer.raw, true) }
        input = WritingEnd(pipe.writer)
        hold(pipe.reader, at: target)
      } else {
        let end = ReadingEnd(pipe.reader)
        if target == STDOUT_FILENO { output = end } else { error = end }
        hold(pipe.writer, at: target)
      }
    }
  }

  private mutating func open(file path: String, append: Bool, at target: Int32) throws(ProgramFailure) {
    hold(try Self.file(path, forWriting: target != STDIN_FILENO, append: append), at: target)
  }

  /// A file for one stream, or for several. Waits for the other side of a FIFO, as a shell does.
  package static func file(
    _ path: String, forWriting: Bool, append: Bool
  ) throws(ProgramFailure) -> SharedDescriptor {
    do throws(SystemFailure) {
      return try openPatiently(path, forWriting: forWriting, append: append)
    } catch {
      switch error.errno {
      case EMFILE, ENFILE, ENOMEM, EINTR: throw .system(error)
      default: throw .file(path, errno: error.errno)
      }
    }
  }

  /// Never waits in open(2), where this thread holds the lock that every other one needs: asks again and again. There is no event to
  /// wait for: whoever waits in open(2) for the other side of a FIFO has not opened it yet.
  private static func openPatiently(
    _ path: String, forWriting: Bool, append: Bool
  ) throws(SystemFailure) -> SharedDescriptor {
    while true {
      do throws(SystemFailure) {
        let file = SharedDescriptor(
          try Descriptor.listing { () throws(SystemFailure) in
            try Syscall.open(file: path, forWriting: forWriting, append: append)
          })
        if !forWriting { while try lacksWriter(file) { try pause() } }
        try Syscall.setNonblocking(file.raw, false)
        return file
      } catch {
        guard error.errno == EAGAIN || error.errno == ENXIO && forWriting && Syscall.isFIFO(path) else { throw error }
      }
      try pause()
    }
  }

  private static func lacksWriter(_ file: SharedDescriptor) throws(SystemFailure) -> Bool {
    try forkLock.withLock { (_) throws(SystemFailure) in try Syscall.lacksWriter(file.raw) }
  }

  private static func pause() throws(SystemFailure) { try Syscall.sleep(until: Deadline(after: .milliseconds(5))) }

  private mutating func hold(_ descriptor: SharedDescriptor, at target: Int32) {
    held.append(descriptor)
    place(descriptor.raw, at: target)
  }

  private mutating func place(_ source: Int32, at target: Int32) {
    moves.append(mp_spawn_move(source: source, target: target))
  }

  private static func telling<Result>(_ body: () throws(SystemFailure) -> Result) throws(ProgramFailure) -> Result {
    do throws(SystemFailure) { return try body() } catch { throw .system(error) }
  }
}
