import Glibc

extension Benchmark.Unit {
  /// Whether more of it is better.
  package var isRate: Bool {
    switch self {
    case .nanoseconds, .microseconds, .kibibytes, .faults: false
    case .operationsPerSecond, .gibibytesPerSecond, .messagesPerSecond, .tasksPerSecond: true
    }
  }

  /// A number of it for people, in three digits: "84.2 µs", "10.7 ms", "28.9 M/s".
  package func text(_ number: Double) -> String {
    switch self {
    case .nanoseconds: scaled(number, ["ns", "µs", "ms", "s"])
    case .microseconds: scaled(number, ["µs", "ms", "s"])
    case .operationsPerSecond, .messagesPerSecond, .tasksPerSecond: scaled(number, ["/s", "k/s", "M/s", "G/s"])
    case .gibibytesPerSecond: number < 1 ? "\(threeDigits(number * 1024)) MiB/s" : "\(threeDigits(number)) GiB/s"
    case .kibibytes: "\(threeDigits(number)) KiB"
    case .faults: number == number.rounded() ? String(format: number, decimals: 0) : threeDigits(number)
    }
  }

  private func scaled(_ number: Double, _ names: [String]) -> String {
    var (number, name) = (number, 0)
    // What would be rounded to four digits is one of the next size.
    while number >= 999.5, name < names.count - 1 {
      number /= 1000
      name += 1
    }
    return "\(threeDigits(number)) \(names[name])"
  }
}

/// "0.039", "0.52", "1.10", "10.7", "284".
package func threeDigits(_ number: Double) -> String {
  String(format: number, decimals: number < 0.0995 ? 3 : number < 9.995 ? 2 : number < 99.95 ? 1 : 0)
}

extension String {
  fileprivate init(format number: Double, decimals: Int32) {
    self = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 400) { buffer in
      // The largest finite number has 309 digits ahead of the point.
      _ = withVaList([decimals, number]) { vsnprintf(buffer.baseAddress, buffer.count, "%.*f", $0) }
      return String(cString: buffer.baseAddress!)
    }
  }
}
