import Glibc
import Measuring

/// Where this program's file is. Those that it runs stand beside it.
enum OwnPath {
  static func find() throws -> String {
    var path = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
    let length = readlink("/proc/self/exe", &path, Int(PATH_MAX))
    guard length > 0 else { throw WrongOutcome("finding this program: errno \(errno)") }
    return String(decoding: path[..<length].map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}
