import Glibc

/// What a program writes, as far as it has come: bytes that were read and not taken yet, and the descriptor they come from.
///
/// Several threads may read: each byte reaches one of them.
package final class ReadingEnd: Sendable {
  private struct State {
    var descriptor: StreamDescriptor
    /// A terminal's: a program that has closed its side, and is about to end, would end by SIGHUP if this one went now.
    var terminal: SharedDescriptor?
    var bytes: [UInt8] = []
    /// The first that was not taken.
    var start = 0
    /// From `start` to here there is no line's end.
    var searched = 0

    var count: Int { bytes.count - start }
  }

  package struct LineTooLong: Error {}

  package enum Filling { case some, nothing, end }

  /// Held while what is there is read, which does not wait.
  private let state: ForkAwareLock<State>

  package init(_ descriptor: SharedDescriptor, isTerminal: Bool = false) {
    state = ForkAwareLock(
      State(descriptor: StreamDescriptor(descriptor), terminal: isTerminal ? descriptor : nil))
  }

  private static let chunk = 64 << 10

  /// Reads what has come, one chunk at most, without waiting.
  package func fill() throws(SystemFailure) -> Filling {
    try state.withLock { (state) throws(SystemFailure) in
      guard state.descriptor.isHere else {
        throw SystemFailure("read from a program of another process'", errno: EBADF)
      }
      guard let descriptor = state.descriptor.open else { return .end }
      Self.compact(&state)
      return try Self.read(descriptor.raw, into: &state)
    }
  }

  private static func read(_ descriptor: Int32, into state: inout State) throws(SystemFailure) -> Filling {
    var result: Result<Int?, SystemFailure> = .success(nil)
    withUnsafeTemporaryAllocation(byteCount: chunk, alignment: 16) { buffer in
      result = Result { () throws(SystemFailure) in try Syscall.readAvailable(descriptor, into: buffer) }
      if case .success(let count?) = result { state.bytes.append(contentsOf: buffer[..<count]) }
    }
    switch try result.get() {
    case nil: return .nothing
    case 0:
      _ = state.descriptor.close()
      return .end
    default: return .some
    }
  }

  private static func compact(_ state: inout State) {
    guard state.start > 0 else { return }
    if state.start == state.bytes.count {
      state.bytes.removeAll(keepingCapacity: state.bytes.capacity <= 4 * chunk)
    } else if state.start > state.bytes.count / 2 {
      state.bytes.removeFirst(state.start)
    } else {
      return
    }
    state.start = 0
    state.searched = 0
  }

  /// nil at the end, and when it is closed.
  package var descriptor: SharedDescriptor? { state.withLock { $0.descriptor.open } }

  /// Has `watch` wait for bytes, for the end of the stream, and for the closing here; for nothing when it is closed.
  package func join(_ watch: inout StreamWatch) { watch.add(readable: state.withLock { $0.descriptor.watch() }) }

  /// How many bytes have come and were not taken.
  package var count: Int { state.withLock { $0.count } }

  /// Takes up to `most` of the bytes that have come.
  package func take(upTo most: Int = .max) -> [UInt8] {
    state.withLock { state in
      if state.start == 0 && state.count <= most {
        let all = state.bytes
        state.bytes = []
        state.searched = 0
        return all
      }
      let end = state.start + min(most, state.count)
      defer {
        state.start = end
        state.searched = max(state.searched, end)
      }
      return Array(state.bytes[state.start..<end])
    }
  }

  /// Takes a line that has come whole, without its end; at the end of the stream, what is left. Throws `LineTooLong`, and takes nothing,
  /// when it has more than `limit` bytes, whether its end has come or not.
  package func takeLine(limit: Int) throws(LineTooLong) -> String? {
    try state.withLock { (state) throws(LineTooLong) in
      let newline = UInt8(ascii: "\n")
      if let end = state.bytes[max(state.searched, state.start)...].firstIndex(of: newline) {
        if end - state.start > limit {
          state.searched = end
          throw LineTooLong()
        }
        defer {
          state.start = end + 1
          state.searched = end + 1
        }
        return String(decoding: state.bytes[state.start..<end], as: UTF8.self)
      }
      state.searched = state.bytes.count
      if state.count > limit { throw LineTooLong() }
      guard !state.descriptor.isOpen, state.count > 0 else { return nil }
      defer { state.start = state.bytes.count }
      return String(decoding: state.bytes[state.start...], as: UTF8.self)
    }
  }

  /// Closes it here; what has come can still be taken. Whoever waits for more meets the end.
  package func close() {
    let held = state.withLock { ($0.descriptor.close(), $0.terminal.take()) }
    withExtendedLifetime(held) {}
  }
}
