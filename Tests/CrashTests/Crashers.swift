import Glibc
import Multiprocessing
import TestSupport
import XCTest

// Each function crashes on the line that names it.

/// What the compiler's own traps raise.
#if arch(arm64)
  let trapSignal = Signal.trap
#else
  let trapSignal = Signal.illegalInstruction
#endif

/// Hides a value from the optimizer.
@inline(never) private func hidden<Value>(_ value: Value) -> Value {
  var copy = value
  withUnsafeMutablePointer(to: &copy) { sink = UnsafeRawPointer($0) }
  return copy
}

// Safe: written, never read, by one thread of a child.
private nonisolated(unsafe) var sink: UnsafeRawPointer?

@inline(never) private func index(_ numbers: [Int], _ index: Int) -> Int {
  numbers[index]  // crash: index
}

@inline(never) private func unwrap(_ text: String?) -> Int {
  text!.count  // crash: nil
}

@inline(never) private func overflow(_ number: Int) -> Int {
  number + 1  // crash: overflow
}

@inline(never) private func stop(_ reason: String) -> Never {
  fatalError("the reason: \(reason)")  // crash: fatalError
}

struct Risk: Error {
  var size = 3
}

@inline(never) private func risk(_ isTaken: Bool) {
  func take() throws { if isTaken { throw Risk() } }
  try! take()  // crash: try!
}

@inline(never) private func cast(_ value: Any) -> Int {
  value as! Int  // crash: as!
}

@inline(never) private func dereference(_ address: Int) -> Int {
  UnsafePointer<Int>(bitPattern: address)!.pointee  // crash: null
}

// On one line: whether the stack ends where a call is made or where it is entered is up to the compiler.
@inline(never)
private func recurse(_ depth: Int) -> Int { depth == -1 ? 0 : recurse(depth + 1) + depth % 3 }  // crash: recursion

@inline(never) private func give() {
  abort()  // crash: abort
}

@inline(never) private func divide(_ number: Int, _ divisor: Int) -> Int {
  number / divisor  // crash: division
}

@inline(never) private func require(_ condition: Bool) {
  precondition(condition, "조건")  // crash: precondition
}

/// A way to crash, and what its report says.
struct Crasher: Sendable {
  /// As in the comment on the crashing line.
  let name: String
  let signal: Signal
  /// The first one in debug, any in release.
  let messages: [String?]
  let function: String
  let crash: @Sendable () -> Void

  static let all = [
    Crasher(name: "index", signal: trapSignal, messages: ["Index out of range"], function: "index(_:_:)") {
      _ = index(hidden([1, 2, 3]), hidden(7))
    },
    Crasher(
      name: "nil", signal: trapSignal,
      messages: ["Unexpectedly found nil while unwrapping an Optional value"], function: "unwrap(_:)"
    ) { _ = unwrap(hidden(nil)) },
    Crasher(
      name: "overflow", signal: trapSignal, messages: ["arithmetic overflow"], function: "overflow(_:)"
    ) { _ = overflow(hidden(.max)) },
    Crasher(
      name: "fatalError", signal: trapSignal, messages: ["the reason: 이유"], function: "stop(_:)"
    ) { stop(hidden("이유")) },
    Crasher(
      name: "try!", signal: trapSignal,
      messages: ["'try!' expression unexpectedly raised an error: CrashTests.Risk(size: 3)"],
      function: "risk(_:)"
    ) { risk(hidden(true)) },
    Crasher(
      name: "as!", signal: .abort, messages: ["Could not cast value of type 'Swift.String' to 'Swift.Int'."],
      function: "cast(_:)"
    ) { _ = cast(hidden("text")) },
    Crasher(name: "null", signal: .segmentationFault, messages: [nil], function: "dereference(_:)") {
      _ = dereference(hidden(16))
    },
    Crasher(
      name: "recursion", signal: .segmentationFault, messages: ["Stack overflow"], function: "recurse(_:)"
    ) { _ = recurse(hidden(1)) },
    Crasher(name: "abort", signal: .abort, messages: [nil], function: "give()") { give() },
    Crasher(
      name: "division", signal: trapSignal, messages: ["Division by zero"], function: "divide(_:_:)"
    ) { _ = divide(hidden(3), hidden(0)) },
    Crasher(
      name: "precondition", signal: trapSignal,
      messages: ["Precondition failed: 조건", "precondition failure"], function: "require(_:)"
    ) { require(hidden(false)) },
  ]

  static func named(_ name: String) -> Crasher { all.first { $0.name == name }! }

  /// The line that this kind crashes on.
  func line() throws -> Int {
    let lines = textOfFile(#filePath).split(separator: "\n", omittingEmptySubsequences: false)
    return try XCTUnwrap(lines.firstIndex { $0.hasSuffix("// crash: \(name)") }) + 1
  }
}
