import Foundation
import Glibc
import Multiprocessing
import TestSupport
import XCTest

/// What tests of programs ask for again and again.
enum Shell {
  /// Runs a script of the shell's to its end; what it wrote.
  static func run(
    _ script: String, environment: Popen.Environment = .inherit, options: Popen.Options = .init()
  ) throws -> String {
    let completed = try Popen.run(["/bin/sh", "-c", script], environment: environment, options: options)
    XCTAssertEqual(completed.errorText, "", script)
    XCTAssertEqual(completed.status, .exited(0), script)
    return completed.outputText
  }
}

/// A folder that is gone with the object.
final class TemporaryFolder {
  let path: String

  init() throws {
    var template = Array("/tmp/multiprocessing-test-XXXXXX".utf8CString)
    guard let made = mkdtemp(&template) else { throw PopenError.system(errno: errno) }
    path = String(cString: made)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Writes a file, and gives its path.
  func write(_ text: String, to name: String, mode: mode_t = 0o755) throws -> String {
    let file = "\(path)/\(name)"
    try Data(text.utf8).write(to: URL(fileURLWithPath: file))
    guard chmod(file, mode) == 0 else { throw PopenError.system(errno: errno) }
    return file
  }
}

/// Whether any process of that group is there and not a zombie.
func hasRunningMembers(group: Int32) -> Bool {
  let processes = ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { Int32($0) }
  return processes.contains { pid in
    let text = textOfFile("/proc/\(pid)/stat")
    guard let afterName = text.lastIndex(of: ")") else { return false }
    let fields = text[afterName...].split(separator: " ")
    return fields.count > 3 && fields[3] == "\(group)" && !["Z", "X"].contains(String(fields[1]))
  }
}
