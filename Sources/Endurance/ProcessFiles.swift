import Glibc

/// What proc(5) tells.
package enum ProcessFiles {
  /// The whole text of a file, empty when there is none.
  package static func text(_ path: String) -> String {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return "" }
    defer { close(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = read(file, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      // A process that goes away in between has no text either.
      guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
      bytes += buffer[..<count]
    }
  }

  package static func names(in folder: String) -> [String] {
    guard let stream = opendir(folder) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }

  package static func target(of link: String) -> String? {
    var path = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let length = path.withUnsafeMutableBytes { readlink(link, $0.baseAddress!, $0.count) }
    return length < 0 ? nil : String(decoding: path[..<length], as: UTF8.self)
  }

  /// The children of every thread of a process, zombies included.
  package static func children(of pid: Int32) -> [Int32] {
    names(in: "/proc/\(pid)/task").flatMap { task in
      text("/proc/\(pid)/task/\(task)/children").split(separator: " ").compactMap { Int32($0) }
    }
  }

  package static func descendants(of pid: Int32) -> [Int32] {
    children(of: pid).flatMap { [$0] + descendants(of: $0) }
  }

  /// The fields of stat from the third on: state, parent, …; empty when there is no such process.
  package static func status(of pid: Int32) -> [Substring] {
    let text = text("/proc/\(pid)/stat")
    guard let afterName = text.lastIndex(of: ")") else { return [] }
    return text[afterName...].dropFirst(2).split(separator: " ")
  }

  package static func parent(of pid: Int32) -> Int32? {
    let fields = status(of: pid)
    return fields.count > 1 ? Int32(fields[1]) : nil
  }

  /// A number in kibibytes of a file such as status.
  package static func kibibytes(_ label: String, in text: String) -> Int {
    for line in text.split(separator: "\n") where line.hasPrefix("\(label):") {
      return line.split { !$0.isNumber }.first.flatMap { Int($0) } ?? 0
    }
    return 0
  }
}
