import CEngineTestSupport
import XCTest

/// How many instructions of `body`, `limit` at most, were executed in a process that is dead now. What `body` throws is missed in
/// what it leaves. Skips the test where the system forbids tracing.
func stepThenKill(_ limit: Int, _ body: @escaping () throws -> Void) throws -> Int {
  final class Operation {
    let body: () throws -> Void
    init(_ body: @escaping () throws -> Void) { self.body = body }
  }
  let operation = Operation(body)
  let steps = withExtendedLifetime(operation) {
    ets_step_then_kill(
      { try? Unmanaged<Operation>.fromOpaque($0).takeUnretainedValue().body() },
      Unmanaged.passUnretained(operation).toOpaque(), limit)
  }
  if steps < 0 { throw XCTSkip("processes cannot be traced here: errno \(-steps)") }
  return steps
}
