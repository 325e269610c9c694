/// What the command line asks for.
package struct StressOptions: Sendable, Equatable {
  package var minutes = 2.0
  package var seed: UInt64?
  package var kinds: [String] = []
  /// Seconds without progress that count as a hang.
  package var patience = 120.0
  package var asksForHelp = false

  package static func usage(kinds: [String]) -> String {
    """
    usage: mpstress [--minutes N] [--seed S] [--only KIND] [--patience SECONDS]
      --minutes N         how long it goes on, fractions too; 2 unless given
      --seed S            decides what each lane does; chosen, and printed, unless given
      --only KIND         runs this kind alone, or these, when given more than once: \(kinds.joined(separator: ", "))
      --patience SECONDS  how long one step may make no progress; 120 unless given

    Ends with 0 when nothing was violated, with 1 when something was or hung, with 2 for arguments that make no sense.
    """
  }

  /// Throws `Misuse`.
  package init(_ arguments: some Sequence<String>, kinds known: [String]) throws(Misuse) {
    var rest = arguments.makeIterator()
    while let argument = rest.next() {
      switch argument {
      case "--help", "-h": asksForHelp = true
      case "--minutes": minutes = try Self.positive(rest.next(), argument)
      case "--patience": patience = try Self.positive(rest.next(), argument)
      case "--seed":
        guard let seed = rest.next().flatMap({ UInt64($0) }) else {
          throw Misuse("--seed takes a whole number from 0 to \(UInt64.max)")
        }
        self.seed = seed
      case "--only":
        guard let kind = rest.next(), known.contains(kind) else {
          throw Misuse("--only takes one of \(known.joined(separator: ", "))")
        }
        if !kinds.contains(kind) { kinds.append(kind) }
      default: throw Misuse("unknown option \(argument)")
      }
    }
  }

  private static func positive(_ text: String?, _ option: String) throws(Misuse) -> Double {
    guard let number = text.flatMap({ Double($0) }), number > 0, number.isFinite, number < 1e7 else {
      throw Misuse("\(option) takes a number above 0")
    }
    return number
  }

  package struct Misuse: Error, Equatable {
    package let message: String
    init(_ message: String) { self.message = message }
  }
}
