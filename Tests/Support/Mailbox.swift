import Glibc

/// Lines of text from any number of processes and threads.
public final class Mailbox: Sendable {
  private let pipe = TestPipe()

  public init() {}

  /// Posts a line, whole and not mixed with another's: shorter than PIPE_BUF, it is written at once.
  public func post(_ line: String) {
    let bytes = Array("\(line)\n".utf8)
    precondition(bytes.count <= 4096)
    pipe.write(bytes)
  }

  /// The next line; throws when none comes for `seconds`.
  public func next(within seconds: Double = 30) throws -> String {
    guard pipe.isReadable(within: seconds) else { throw Silence(seconds: seconds) }
    var bytes: [UInt8] = []
    while true {
      var byte: UInt8 = 0
      pipe.read(&byte)
      if byte == UInt8(ascii: "\n") { return String(decoding: bytes, as: UTF8.self) }
      bytes.append(byte)
    }
  }

  /// The next line as a number.
  public func nextNumber() throws -> Int32 {
    let line = try next()
    guard let number = Int32(line) else { throw NotANumber(line: line) }
    return number
  }

  /// The lines that are there already.
  public func waiting() throws -> [String] {
    var lines: [String] = []
    while pipe.isReadable(within: 0) { lines.append(try next()) }
    return lines
  }

  private struct Silence: Error {
    let seconds: Double
  }

  private struct NotANumber: Error {
    let line: String
  }
}
