import Glibc

/// Where a program's name leads, as in a shell.
enum SearchPath {
  /// The files to try for `name`, in their order: the name itself where it has a slash, else one for each part of PATH.
  static func candidates(for name: [UInt8], path: [UInt8]?) -> [[UInt8]] {
    let slash = UInt8(ascii: "/")
    if name.isEmpty || name.contains(slash) { return [name] }
    // Without PATH: what execvp(3) has then.
    let path = path ?? Array("/bin:/usr/bin".utf8)
    return path.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false).map { folder in
      // An empty part is the working directory.
      folder.isEmpty ? name : folder + [slash] + name
    }
  }

  /// The value of PATH in an environment; nil stands for this process' own.
  static func value(in environment: [[UInt8]]?) -> [UInt8]? {
    guard let environment else {
      return getenv("PATH").map { Array(UnsafeRawBufferPointer(start: $0, count: strlen($0))) }
    }
    let label = Array("PATH=".utf8)
    return environment.first { $0.starts(with: label) }.map { Array($0[label.count...]) }
  }

  /// What the "#!" of a script names, nil for what is no script. `folder` is where a relative path begins.
  static func interpreter(of path: String, from folder: String?) -> String? {
    let file = open(place(of: path, from: folder), O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard file >= 0 else { return nil }
    defer { close(file) }
    // The kernel looks at as many bytes; execve(2).
    var bytes = [UInt8](repeating: 0, count: 256)
    let count = bytes.withUnsafeMutableBytes { read(file, $0.baseAddress, $0.count) }
    guard count > 2, bytes.starts(with: "#!".utf8) else { return nil }
    let line = bytes[2..<count].prefix { $0 != UInt8(ascii: "\n") }
    let blank: (UInt8) -> Bool = { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
    let name = String(decoding: line.drop(while: blank).prefix { !blank($0) }, as: UTF8.self)
    // A line's end of another system's is part of the name, and is to be seen.
    return name.hasSuffix("\r") ? name.dropLast() + "\\r" : name
  }

  /// The interpreter of a script, where the script may be executed, as far as this process can tell, and the interpreter may not.
  static func deniedInterpreter(of path: String, from folder: String?) -> String? {
    guard access(place(of: path, from: folder), X_OK) == 0, let name = interpreter(of: path, from: folder) else {
      return nil
    }
    return access(place(of: name, from: folder), X_OK) == 0 ? nil : name
  }

  private static func place(of path: String, from folder: String?) -> String {
    folder.map { path.hasPrefix("/") ? path : "\($0)/\(path)" } ?? path
  }
}
