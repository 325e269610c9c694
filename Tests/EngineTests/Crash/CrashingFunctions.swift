import CEngineTestSupport
import CMultiprocessing
import Glibc
import XCTest

// Each function crashes on the line that names it. What comes after a call into C keeps that call from becoming a jump.

@inline(never) func crashByIndex(_ numbers: [Int], _ index: Int) -> Int {
  numbers[index]  // crash: index
}

@inline(never) func crashByNil(_ text: String?) -> Int {
  text!.count  // crash: nil
}

@inline(never) func crashByOverflow(_ number: Int) -> Int {
  number + 1  // crash: overflow
}

@inline(never) func crashByFatalError(_ text: String) -> Never {
  fatalError("told: \(text)")  // crash: fatalError
}

@inline(never) func crashByEmptyFatalError() -> Never {
  fatalError()  // crash: fatalError()
}

@inline(never) func crashByLongFatalError() -> Never {
  fatalError("first\n\nthird")  // crash: lines
}

struct SomeError: Error {
  let code = 3
}

@inline(never) func crashByTry(_ fail: Bool) {
  func risky() throws { if fail { throw SomeError() } }
  try! risky()  // crash: try!
}

@inline(never) func crashByCast(_ value: Any) -> Int {
  value as! Int  // crash: as!
}

@inline(never) func crashByNull(_ address: Int) -> Int {
  UnsafePointer<Int>(bitPattern: address)!.pointee  // crash: null
}

@inline(never) func crashByUnmappedWrite(_ address: UInt) {
  UnsafeMutablePointer<Int>(bitPattern: address)!.pointee = 1  // crash: unmapped
}

// The stack ends where a call is entered.
@inline(never) func crashByRecursion(_ depth: Int) -> Int {  // crash: recursion
  depth == -1 ? 0 : crashByRecursion(depth + 1) + depth % 3
}

@inline(never) func crashByAbort() {
  abort()  // crash: abort
}

@inline(never) func crashByDivision(_ number: Int, _ divisor: Int) -> Int {
  number / divisor  // crash: division
}

@inline(never) func crashByPrecondition(_ holds: Bool) {
  precondition(holds, "must hold")  // crash: precondition
}

@inline(never) func crashByTruncatedFile() {
  var path = Array("/tmp/crash-test-XXXXXX".utf8CString)
  let file = mkstemp(&path)
  unlink(path)
  guard ftruncate(file, 4_096) == 0,
    let page = mmap(nil, 4_096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0), page != MAP_FAILED,
    ftruncate(file, 0) == 0
  else { return }
  page.assumingMemoryBound(to: UInt8.self).pointee = 1  // crash: bus
}

@inline(never) func crashInC(_ text: UnsafePointer<CChar>?) -> Int {
  let length = ets_length(text)  // crash: C
  return opaque(length) + 1
}

@inline(never) func crashByAssertInC(_ number: Int32) {
  ets_assert_positive(number)  // crash: assert
  _ = opaque(0)
}

@inline(never) func crashByWildCall() {
  ets_call(nil)  // crash: call
  _ = opaque(0)
}

@inline(never) func crashByBreakpoint() {
  ets_breakpoint()  // crash: breakpoint
  _ = opaque(0)
}

/// What a crash looks like to the parent.
struct CrashKind: Sendable {
  /// As in the comment on the crashing line.
  let name: String
  let signal: Int32
  /// The first one in debug, any in release.
  let messages: [String?]
  let function: String
  let crash: @Sendable () -> Void

  static let all: [CrashKind] = [
    CrashKind(
      name: "index", signal: trapSignal, messages: ["Index out of range"], function: "crashByIndex(_:_:)"
    ) {
      _ = crashByIndex(opaque([1, 2, 3]), opaque(7))
    },
    CrashKind(
      name: "nil", signal: trapSignal,
      messages: ["Unexpectedly found nil while unwrapping an Optional value"],
      function: "crashByNil(_:)"
    ) { _ = crashByNil(opaque(nil)) },
    CrashKind(
      name: "overflow", signal: trapSignal, messages: ["arithmetic overflow"], function: "crashByOverflow(_:)"
    ) { _ = crashByOverflow(opaque(Int.max)) },
    CrashKind(
      name: "fatalError", signal: trapSignal, messages: ["told: why"], function: "crashByFatalError(_:)"
    ) { crashByFatalError(opaque("why")) },
    CrashKind(
      name: "fatalError()", signal: trapSignal, messages: ["Fatal error"],
      function: "crashByEmptyFatalError()"
    ) { crashByEmptyFatalError() },
    CrashKind(
      name: "lines", signal: trapSignal, messages: ["first\n\nthird"], function: "crashByLongFatalError()"
    ) { crashByLongFatalError() },
    CrashKind(
      name: "try!", signal: trapSignal,
      messages: ["'try!' expression unexpectedly raised an error: EngineTests.SomeError(code: 3)"],
      function: "crashByTry(_:)"
    ) { crashByTry(opaque(true)) },
    CrashKind(
      name: "as!", signal: SIGABRT, messages: ["Could not cast value of type 'Swift.String' to 'Swift.Int'."],
      function: "crashByCast(_:)"
    ) { _ = crashByCast(opaque("text")) },
    CrashKind(name: "null", signal: SIGSEGV, messages: [nil], function: "crashByNull(_:)") {
      _ = crashByNull(opaque(8))
    },
    CrashKind(name: "unmapped", signal: SIGSEGV, messages: [nil], function: "crashByUnmappedWrite(_:)") {
      crashByUnmappedWrite(opaque(0x1234_5678_0000))
    },
    CrashKind(
      name: "recursion", signal: SIGSEGV, messages: ["Stack overflow"], function: "crashByRecursion(_:)"
    ) { _ = crashByRecursion(opaque(1)) },
    CrashKind(name: "abort", signal: SIGABRT, messages: [nil], function: "crashByAbort()") { crashByAbort() },
    CrashKind(
      name: "division", signal: trapSignal, messages: ["Division by zero"], function: "crashByDivision(_:_:)"
    ) { _ = crashByDivision(opaque(3), opaque(0)) },
    CrashKind(
      name: "precondition", signal: trapSignal,
      messages: ["Precondition failed: must hold", "precondition failure"],
      function: "crashByPrecondition(_:)"
    ) { crashByPrecondition(opaque(false)) },
    CrashKind(name: "bus", signal: SIGBUS, messages: [nil], function: "crashByTruncatedFile()") {
      crashByTruncatedFile()
    },
    CrashKind(name: "C", signal: SIGSEGV, messages: [nil], function: "crashInC(_:)") {
      _ = crashInC(opaque(nil))
    },
    CrashKind(
      name: "assert", signal: SIGABRT, messages: ["Assertion `value > 0' failed."],
      function: "crashByAssertInC(_:)"
    ) { crashByAssertInC(opaque(0)) },
    CrashKind(name: "call", signal: SIGSEGV, messages: [nil], function: "crashByWildCall()") {
      crashByWildCall()
    },
    CrashKind(name: "breakpoint", signal: SIGTRAP, messages: [nil], function: "crashByBreakpoint()") {
      crashByBreakpoint()
    },
  ]

  /// The line that this kind crashes on.
  func line() throws -> Int {
    let lines = try String(contentsOfFile: #filePath, encoding: .utf8).split(
      separator: "\n", omittingEmptySubsequences: false)
    return try XCTUnwrap(lines.firstIndex { $0.hasSuffix("// crash: \(name)") }) + 1
  }
}
