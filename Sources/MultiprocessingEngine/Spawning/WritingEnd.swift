import Glibc

/// What a program reads, seen from the other side. The descriptor does not block.
package final class WritingEnd: Sendable {
  private struct State {
    var descriptor: SharedDescriptor?
    /// A terminal at the beginning of a line takes one sign of the end, elsewhere two; termios(3).
    var isInLine = false
  }

  private let state: ForkAwareLock<State>
  private let isTerminal: Bool
  /// In a child of its process the descriptor is closed, and its number may be another's.
  private let generation = Generation.current

  package init(_ descriptor: SharedDescriptor, isTerminal: Bool = false) {
    state = ForkAwareLock(State(descriptor: descriptor))
    self.isTerminal = isTerminal
  }

  package var isClosed: Bool { descriptor == nil }

  /// To wait for; nil when it is closed.
  package var descriptor: SharedDescriptor? { generation.isCurrent ? state.withLock { $0.descriptor } : nil }

  /// Writes what there is room for, without waiting; nil when there is none. Throws EPIPE when nobody reads any more, EBADF when it is
  /// closed here.
  package func write(_ bytes: ArraySlice<UInt8>) throws(SystemFailure) -> Int? {
    try state.withLock { (state) throws(SystemFailure) in
      guard generation.isCurrent, let descriptor = state.descriptor else {
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

  /// Tells the program that no more comes. Twice is fine.
  package func close() {
    // A terminal that has no room for it now has a program that does not read.
    if isTerminal, !isClosed { _ = try? write(farewell(after: [])[...]) }
    letGo()
  }

  /// The same without a word.
  func letGo() { state.withLock { $0.descriptor.take() }.map { withExtendedLifetime($0) {} } }
}
