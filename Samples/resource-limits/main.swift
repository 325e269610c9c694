// Shows:  limits on a child's memory and processor time.
// Run:    swift run resource-limits
// Prints: the limit that each of two children went past, and the result of a third without a limit.
import Multiprocessing

func hoard() -> Int {
  var chunks: [[UInt8]] = []
  for _ in 0..<256 { chunks.append([UInt8](repeating: 1, count: 1 << 20)) }
  return chunks.count
}

func spin() -> Int {
  var number = 27
  while number != 0 { number = number % 2 == 0 ? number / 2 : 3 * number + 1 }
  return number
}

func attempt(_ limits: ResourceLimits, _ body: @escaping @Sendable () throws -> Int) throws {
  do {
    print(try Process.run(limits: limits, body))
  } catch ProcessError.limitExceeded(let limit) {
    print("went past its limit: \(limit)")
  }
}

try attempt(ResourceLimits(memory: 64 << 20), hoard)
try attempt(ResourceLimits(cpuTime: .seconds(1)), spin)
print("without a limit: \(try Process.run(hoard)) MiB")
