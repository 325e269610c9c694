import Glibc

/// What a program reads, seen from the other side. The descriptor does not block.
package final class WritingEnd: Sendable {
  private struct State {
    var descriptor: StreamDescriptor
    /// A terminal at the beginning of a line takes one sign of the end, elsewhere two; termios(3).
    var isInLine = false
  }

  private let state: ForkAwareLock<State>
  private let isTerminal: Bool

  package init(_ descriptor: SharedDescriptor, isTerminal: Bool = false) {
    state = ForkAwareLock(State(descriptor: StreamDescriptor(descriptor)))
    self.isTerminal = isTerminal
  }

  package var isClosed: Bool { descriptor == nil }

  /// nil when it is closed.
  package var descriptor: SharedDescriptor? { state.withLock { $0.descriptor.open } }

  /// Has `watch` wait for room, for the reader's end, and for the closing here; for nothing when it is closed.
  package func join(_ watch: inout StreamWatch) { watch.add(writable: state.withLock { $0.descriptor.watch() }) }

  /// Writes what there is room for, without waiting; nil when there is none. Throws EPIPE when nobody reads any more, EBADF when it is
  /// closed here.
  package func write(_ bytes: ArraySlice<UInt8>) throws(SystemFailure) -> Int? {
    try state.withLock { (state) throws(SystemFailure) in
      guard let descriptor = state.descriptor.open else {
        throw SystemFailure("write to a program", errno: EBADF)
      }
      var result: Result<Int?, SystemFailure> = .success(nil)
      bytes.withUnsafeBytes { bytes in
        result = Result { () throws(SystemFailure) in try Syscall.writeAvailable(descriptor.raw, bytes) }
      }
      let count: Int?
      do throws(SystemFailure) {
        count = try result.get()
      } catch {
        // So a terminal says that nobody has its other side open.
        throw isTerminal && error.errno == EIO ? SystemFailure(error.operation, errno: EPIPE) : error
      }
      if let count, count > 0 { state.isInLine = bytes[bytes.startIndex + count - 1] != UInt8(ascii: "\n") }
      return count
    }
  }

  /// What tells the program that no more comes, after `bytes`: nothing for a pipe, whose closing does.
  func farewell(after bytes: [UInt8]) -> [UInt8] {
    guard isTerminal else { return [] }
    let isInLine = bytes.last.map { $0 != UInt8(ascii: "\n") } ?? state.withLock { $0.isInLine }
    return Array(repeating: 4, count: isInLine ? 2 : 1)
  }

  /// Tells the program that no more comes. Twice is fine. Whoever waits for room meets the closing.
  package func close() {
    var farewell = farewell(after: [])[...]
    let terminal = descriptor
    // Ahead of the closing as far as there is room; the program may not have read for long.
    if !farewell.isEmpty, let count = try? write(farewell) { farewell = farewell.dropFirst(count) }
    letGo()
    if let terminal { Farewell.send(farewell, to: terminal) }
  }

  /// The same without a word.
  func letGo() { withExtendedLifetime(state.withLock { $0.descriptor.close() }) {} }
}
