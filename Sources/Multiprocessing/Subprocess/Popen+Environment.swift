internal import Glibc

extension Popen {
  /// The environment variables of a program.
  public struct Environment: Sendable, Hashable {
    /// nil: what this process has at the start.
    private let base: [String: String]?
    private let changes: [String: String?]

    /// This process' own, as they are at the start. As with every reading of them, no other thread should be in setenv(3) or putenv(3) at that
    /// moment, which the system does not guard; what is meant for a program alone belongs into `updating`.
    public static let inherit = Environment(base: nil, changes: [:])

    /// These, and no others: not even PATH, without which names are looked for in /bin and /usr/bin.
    public static func custom(_ variables: [String: String]) -> Environment {
      Environment(base: variables, changes: [:])
    }

    /// The same with some variables set, or removed where the value is nil.
    ///
    ///     let plain = Popen.Environment.inherit.updating(["LANG": "C", "DISPLAY": nil])
    public func updating(_ changes: [String: String?]) -> Environment {
      Environment(base: base, changes: self.changes.merging(changes) { $1 })
    }

    /// "NAME=value" for each; nil where this process' own are passed on as they are.
    ///
    /// Throws `PopenError.invalidArgument`.
    func entries() throws(PopenError) -> [[UInt8]]? {
      if base == nil && changes.isEmpty { return nil }
      for (name, value) in (base ?? [:]).mapValues(Optional.some).merging(changes, uniquingKeysWith: { $1 }) {
        if name.isEmpty || name.utf8.contains(UInt8(ascii: "=")) {
          throw .invalidArgument("\"\(name)\" is no name of an environment variable: it is empty, or has a \"=\"")
        }
        try Popen.refuseNUL(name, in: "the name of an environment variable")
        if let value { try Popen.refuseNUL(value, in: "the environment variable \(name)") }
      }
      var entries = base.map { $0.map { Self.entry($0.key, $0.value) } } ?? Self.inherited()
      if !changes.isEmpty {
        let changed = Set(changes.keys.map { Array($0.utf8) })
        let equals = UInt8(ascii: "=")
        entries.removeAll { changed.contains(Array($0.prefix { $0 != equals })) }
        for case (let name, let value?) in changes { entries.append(Self.entry(name, value)) }
      }
      return entries
    }

    private static func entry(_ name: String, _ value: String) -> [UInt8] { Array("\(name)=\(value)".utf8) }

    /// As bytes: they need not be UTF-8.
    private static func inherited() -> [[UInt8]] {
      var entries: [[UInt8]] = []
      var next = environ
      while let entry = next.pointee {
        entries.append(Array(UnsafeRawBufferPointer(start: entry, count: strlen(entry))))
        next += 1
      }
      return entries
    }
  }

  /// A string that C would take for a shorter one.
  static func refuseNUL(_ text: String, in place: String) throws(PopenError) {
    if text.utf8.contains(0) { throw .invalidArgument("\(place) holds a NUL") }
  }
}
