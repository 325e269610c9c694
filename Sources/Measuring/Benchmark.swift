/// Something that is measured: a key that the anchors share, and how to get one number.
package struct Benchmark {
  /// What is measured.
  package let bench: String
  /// How; empty where there is only one way.
  package let variant: String
  package let unit: Unit
  /// How many single operations make up a round.
  package let count: Int
  /// Runs `count` operations, and answers one number for them.
  package let round: (_ count: Int) throws -> Double

  package init(
    _ bench: String, _ variant: String = "", unit: Unit, count: Int,
    round: @escaping (_ count: Int) throws -> Double
  ) {
    self.bench = bench
    self.variant = variant
    self.unit = unit
    self.count = count
    self.round = round
  }

  /// What `--only` is matched against.
  package var title: String { variant.isEmpty ? bench : "\(bench) \(variant)" }

  package enum Unit: String {
    case nanoseconds = "ns"
    case microseconds = "us"
    case operationsPerSecond = "ops/s"
    case gibibytesPerSecond = "GiB/s"
    case messagesPerSecond = "msgs/s"
    case tasksPerSecond = "tasks/s"
    case kibibytes = "KiB"
    case faults
  }
}

/// A benchmark whose work came out wrong: its time would mean nothing.
package struct WrongOutcome: Error, CustomStringConvertible {
  package let description: String
  package init(_ description: String) { self.description = description }
}
