import Glibc

/// A file without a name, written to through a descriptor and read as text.
public final class TemporaryFile: Sendable {
  public let descriptor: Int32

  public init() {
    var path = Array("/tmp/multiprocessing-test-XXXXXX".utf8CString)
    descriptor = mkstemp(&path)
    precondition(descriptor >= 0, "no file: errno \(errno)")
    unlink(path)
    // Writers that share it take turns at the end, whatever their positions.
    precondition(fcntl(descriptor, F_SETFL, O_APPEND) == 0, "errno \(errno)")
  }

  deinit { close(descriptor) }

  public var text: String {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = pread(descriptor, &buffer, buffer.count, bytes.count)
      precondition(count >= 0, "errno \(errno)")
      if count == 0 { return String(decoding: bytes, as: UTF8.self) }
      bytes += buffer[..<count]
    }
  }

  public var lines: [String] {
    text.split(separator: "\n").map(String.init)
  }
}

/// What is written to `stream`, 1 or 2, while `body` runs, by this process and its children.
public func capturing(_ stream: Int32, _ body: () throws -> Void) throws -> String {
  let file = TemporaryFile()
  fflush(nil)
  let original = fcntl(stream, F_DUPFD_CLOEXEC, 3)
  precondition(original >= 0 && dup2(file.descriptor, stream) >= 0, "errno \(errno)")
  defer {
    dup2(original, stream)
    close(original)
  }
  try body()
  fflush(nil)
  return file.text
}
