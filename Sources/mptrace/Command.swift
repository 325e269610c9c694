import Glibc
import TraceReading

/// Draws a trace as SVG, and prints a summary of it.
@main
enum Command {
  private static let usage = """
    usage: mptrace FILE [-o FILE.svg]
      FILE         a trace, written with MP_TRACE=FILE in the environment or Trace.start(path:)
      -o FILE.svg  draws the timeline: processes as bars over time, tasks inside, crashes crossed out
      --help       prints this

    Prints each process with the time it was busy and idle, the longest tasks, the failures and the restarts. Idle is what a
    process waited for others; one that is given tasks, as a pool's are, is idle between them.
    """

  private struct Misuse: Error {
    let message: String
  }

  static func main() {
    do {
      try run(Array(CommandLine.arguments.dropFirst()))
    } catch let misuse as Misuse {
      complain(misuse.message)
    } catch {
      complain("\(error)")
    }
  }

  private static func complain(_ message: String) -> Never {
    let line = Array("mptrace: \(message)\n".utf8)
    // There is nobody left to tell, should this fail.
    _ = Glibc.write(STDERR_FILENO, line, line.count)
    exit(2)
  }

  private static func run(_ arguments: [String]) throws {
    var input: String?
    var output: String?
    var rest = arguments.makeIterator()
    while let argument = rest.next() {
      switch argument {
      case "--help", "-h":
        print(usage)
        return
      case "-o":
        guard let path = rest.next() else { throw Misuse(message: "-o takes the name of a file to write") }
        output = path
      case _ where argument.hasPrefix("-") && argument != "-":
        throw Misuse(message: "unknown option \(argument); --help lists those there are")
      case _ where input == nil: input = argument
      default: throw Misuse(message: "takes one trace, and was given \(input ?? "") and \(argument)")
      }
    }
    guard let input else { throw Misuse(message: "the name of a trace is missing; --help tells more") }
    let reader = try read(input)
    let model = TraceModel(reader.records)
    guard !model.processes.isEmpty else { throw Misuse(message: "\(input) holds no event of a trace") }
    if let output { try write(TraceDrawing(model).svg, to: output) }
    print(TraceSummary(model).text, terminator: "")
    if reader.unreadable > 0 { print("\(reader.unreadable) lines that are no events were passed over") }
    if reader.omitted > 0 { print("the last \(reader.omitted) events were too many, and left out") }
  }

  /// Piece by piece: a trace may be long.
  private static func read(_ path: String) throws -> TraceReader {
    let descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure("read \(path)") }
    defer { if path != "-" { close(descriptor) } }
    var reader = TraceReader()
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = Glibc.read(descriptor, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw failure("read \(path)") }
      if count == 0 { break }
      reader.feed(buffer[..<count])
    }
    reader.finish()
    return reader
  }

  private static func write(_ text: String, to path: String) throws {
    guard let file = fopen(path, "we") else { throw failure("write \(path)") }
    let isWritten = fputs(text, file) >= 0
    guard fclose(file) == 0, isWritten else { throw failure("write \(path)") }
  }

  private static func failure(_ operation: String) -> Misuse {
    Misuse(message: "cannot \(operation): \(String(cString: strerror(errno)))")
  }
}
