/// Something that is measured: a key that the anchors share, and how to get one number.
struct Benchmark {
  /// What is measured.
  let bench: String
  /// How; empty where there is only one way.
  let variant: String
  let unit: Unit
  /// How many single operations make up a round.
  let count: Int
  /// Runs `count` operations, and answers one number for them.
  let round: (_ count: Int) throws -> Double

  init(
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
  var title: String { variant.isEmpty ? bench : "\(bench) \(variant)" }

  enum Unit: String {
    case microseconds = "us"
    case gibibytesPerSecond = "GiB/s"
    case kibibytes = "KiB"
    case faults
  }

  /// All there are, in the order in which they run: a file for each kind of work.
  static var all: [Benchmark] { starts + crashes + coding }
}

/// A benchmark whose work came out wrong: its time would mean nothing.
struct WrongOutcome: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
