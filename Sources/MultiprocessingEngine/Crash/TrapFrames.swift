/// What the innermost frames of a crash say about the way the program died, rather than about the program.
enum TrapFrames {
  /// How the compiler names the frame of a trap without a message.
  private static let failurePrefix = "Swift runtime failure: "

  /// Functions of the runtime and of the C library that only end the process.
  private static let machinery = [
    "_assertionFailure(", "_fatalErrorMessage(", "_preconditionFailure(", "swift_unexpectedError",
    "_diagnoseUnexpectedNilOptional(", "_diagnoseUnexpectedError(", "_checkSubscript(",
    "swift::fatalError", "swift::swift_abort", "swift::warning", "swift::crash", "swift_dynamicCastFailure",
    "swift::swift_dynamicCastFailure",
  ]
  private static let exits: Set<String> = [
    "abort", "__GI_abort", "raise", "__GI_raise", "gsignal", "pthread_kill", "__pthread_kill",
    "__pthread_kill_implementation", "__pthread_kill_internal", "__GI___pthread_kill", "__assert_fail",
    "__GI___assert_fail", "__assert_fail_base", "__assert_fail_base.cold", "__libc_message", "tgkill",
  ]

  /// The failure that a trap stands for.
  static func failure(in frames: [SymbolicatedFrame]) -> String? {
    guard let innermost = frames.first else { return nil }
    if innermost.function.hasPrefix(failurePrefix) {
      return String(innermost.function.dropFirst(failurePrefix.count))
    }
    // Two checks of a subscript, merged into one trap, lose their text; it would be the same for both.
    if innermost.isInlined, isArraySubscript(innermost.function) { return "Index out of range" }
    return nil
  }

  /// `frames` without those that only end the process, and what these have called in turn: everything up to the last of
  /// them that comes before the first frame with a source file, which is the program.
  static func trimmed(_ frames: [SymbolicatedFrame]) -> [SymbolicatedFrame] {
    let beforeProgram = frames.prefix { $0.file == nil }
    guard let last = beforeProgram.lastIndex(where: { isMachinery($0.function) }), last + 1 < frames.count
    else {
      return frames
    }
    return Array(frames[(last + 1)...])
  }

  /// Whether `frame` is code of the compiler's that only adapts one calling convention to another. A specialized thunk with a
  /// place in the source has the program's closure inlined into it, and is none.
  static func isThunk(_ frame: SymbolicatedFrame) -> Bool {
    frame.line == nil && frame.function.contains("thunk for ")
  }

  private static func isMachinery(_ function: String) -> Bool {
    function.hasPrefix(failurePrefix) || exits.contains(function)
      || machinery.contains { function.contains($0) }
  }

  private static func isArraySubscript(_ function: String) -> Bool {
    ["Array", "ContiguousArray", "ArraySlice"].contains { type in
      function.hasPrefix("\(type).subscript.") || function.hasPrefix("specialized \(type).subscript.")
    }
  }
}
