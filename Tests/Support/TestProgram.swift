import Glibc

/// A program of this package's that runs beside the test, for what only a program's own end or death shows.
public final class TestProgram {
  public let pid: Int32
  public let output = TemporaryFile()

  /// - Parameter name: of an executable target.
  public init(_ name: String, _ arguments: String...) {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    posix_spawn_file_actions_adddup2(&actions, output.descriptor, STDOUT_FILENO)
    let words = [TestProgram.path(of: name)] + arguments
    var argv = words.map { strdup($0) } + [nil]
    var pid: Int32 = -1
    let error = posix_spawn(&pid, words[0], &actions, nil, &argv, environ)
    for word in argv { free(word) }
    posix_spawn_file_actions_destroy(&actions)
    precondition(error == 0, "cannot run \(words[0]): errno \(error)")
    self.pid = pid
  }

  public static func path(of name: String) -> String { folder + name }

  /// Where the build puts every executable, the one that runs the tests as well.
  private static var folder: String {
    var path = [CChar](repeating: 0, count: 4096)
    let length = readlink("/proc/self/exe", &path, path.count)
    precondition(length > 0, "errno \(errno)")
    let bytes = path[..<length].map { UInt8(bitPattern: $0) }
    return String(decoding: bytes[...bytes.lastIndex(of: UInt8(ascii: "/"))!], as: UTF8.self)
  }

  /// Waits for the end: the exit code, or minus the signal.
  public func wait() -> Int32 {
    var status: Int32 = 0
    while waitpid(pid, &status, 0) != pid { precondition(errno == EINTR, "errno \(errno)") }
    return status & 0x7F == 0 ? status >> 8 & 0xFF : -(status & 0x7F)
  }
}
