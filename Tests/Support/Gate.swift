import Glibc

/// Where processes and threads wait until the test lets them go on.
public final class Gate: Sendable {
  private let pipe = TestPipe()

  public init() {}

  /// Waits for one of the permits that `open` gives.
  public func pass() {
    var byte: UInt8 = 0
    pipe.read(&byte)
  }

  /// Lets `count` of those who wait, or will come, go on.
  public func open(_ count: Int = 1) {
    pipe.write(Array(repeating: 1, count: count))
  }
}

/// What is lowered first and raised once.
public final class Flag: Sendable {
  private let pipe = TestPipe()

  public init() {}

  public var isRaised: Bool { pipe.isReadable(within: 0) }
  public func raise() { pipe.write([1]) }
}
