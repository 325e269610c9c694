import Glibc
import Measuring
import Multiprocessing

/// Runs the sides of a comparison in turn.
///
/// Each figure of each round is a program of its own, on the Swift side too: none forks what another has left in memory, all
/// start alike, and what else the machine does meanwhile hits the sides alike.
struct ComparisonRun {
  private typealias Side = ComparedWork.Side

  private let options: ComparisonOptions
  private var comparison: Comparison
  private var hasPython = true
  private var hasFailed = false
  /// How many wanted to run on average in the last minute, before any of this.
  private let load: Double

  /// Many times what any figure takes on a busy machine.
  private static let patience = Duration.seconds(600)

  static func run(_ arguments: some Sequence<String>) -> Session.Outcome {
    do {
      let options = try ComparisonOptions(arguments)
      if options.common.asksForHelp {
        print(Options.usage)
        return .fine
      }
      var run = ComparisonRun(options, try options.selection(from: ComparedWork.all))
      guard !run.comparison.works.isEmpty else { throw UsageError("--only matches nothing that is compared") }
      return try run.compare()
    } catch let error as UsageError {
      Session.complain("\(error.message)\n\(Options.usage)")
      return .misused
    } catch {
      Session.complain("\(error)")
      return .failed
    }
  }

  private init(_ options: ComparisonOptions, _ works: [ComparedWork]) {
    self.options = options
    comparison = Comparison(works)
    var load = 0.0
    self.load = getloadavg(&load, 1) == 1 ? load : 0
  }

  private mutating func compare() throws -> Session.Outcome {
    #if DEBUG
      Session.complain("this is a debug build: swift run -c release mpbench --compare tells what the library can do")
    #endif
    let mine = try OwnPath.find()
    let theirs = mine.prefix(through: mine.lastIndex(of: "/") ?? mine.startIndex) + "mpbaseline"
    guard access(String(theirs), X_OK) == 0 else {
      throw WrongOutcome("there is no \(theirs): swift build -c release builds it")
    }
    let rounds = options.common.rounds
    for round in 1...rounds {
      Session.complain("round \(round) of \(rounds)")
      for work in comparison.works {
        for side in Side.allCases { measure(work, side, mine: mine, theirs: String(theirs)) }
      }
    }
    show()
    return hasFailed ? .failed : .fine
  }

  private mutating func measure(_ work: ComparedWork, _ side: Side, mine: String, theirs: String) {
    let titles = work.titles(of: side)
    guard !titles.isEmpty else { return }
    switch side {
    case .c: hear([theirs, "--rounds", "1"] + titles, side, titles)
    case .swift:
      let pattern = "^(" + titles.joined(separator: "|") + ")$"
      hear([mine, "--json", "--rounds", "1", "--only", pattern], side, titles)
    case .python:
      guard hasPython else { return }
      // Isolated from what the user has installed and set: the standard library alone.
      let script = String(decoding: PackageResources.baseline_py, as: UTF8.self)
      hear(["python3", "-I", "-c", script, "--rounds", "1"] + titles, side, titles)
    }
  }

  /// Runs a program that prints a line for each title. One that fails does not keep the others from being measured.
  private mutating func hear(_ command: [String], _ side: Side, _ titles: [String]) {
    var missing = Set(titles)
    do {
      let options = Popen.Options(diesWithParent: true)
      let completed = try Popen.run(command, timeout: Self.patience, stderr: .inherit, options: options)
      for line in completed.outputText.split(separator: "\n") {
        guard let reading = Reading(line), missing.remove(reading.title) != nil else { continue }
        comparison.add(reading, of: side)
        if case .failure(let error) = reading.outcome { failed("\(side): \(reading.title): \(error)", side) }
        if !self.options.common.printsTable {
          print(line)
          fflush(nil)
        }
      }
      if !missing.isEmpty { failed("\(side): nothing of \(missing.sorted()): \(completed.status)", side) }
    } catch PopenError.notFound where side == .python {
      hasPython = false
      Session.complain("there is no python3 here: its column stays empty")
    } catch {
      failed("\(side): \(titles): \(error)", side)
    }
  }

  /// What Python cannot do on this machine is no failure of the comparison.
  private mutating func failed(_ what: String, _ side: Side) {
    Session.complain(what)
    if side != .python { hasFailed = true }
  }

  private func show() {
    guard options.common.printsTable else { return }
    let table = comparison.table
    let rounds = options.common.rounds
    let legend = """
      \(rounds == 1 ? "One round" : "Medians of \(rounds) rounds, the sides in turn"), on \(sysconf(Int32(_SC_NPROCESSORS_ONLN))) \
      processors with a load of \(threeDigits(load)) before it, Linux \(Self.kernel). The limit is the best that C does with system \
      calls and shared memory; for the coders what their rows say. Gain: how many times better than Python.
      """
    print(options.asksForMarkdown ? table.markdown : table.text)
    print("\n" + legend)
    fflush(nil)
  }

  private static var kernel: String {
    var name = utsname()
    guard uname(&name) == 0 else { return "of some kind" }
    return withUnsafeBytes(of: name.release) { bytes in
      String(decoding: bytes.prefix { $0 != 0 && $0 != UInt8(ascii: "-") }, as: UTF8.self)
    }
  }
}
