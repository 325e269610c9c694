// Shows:  a counter that several processes share, wrong without its lock, right with it.
// Run:    swift run shared-counter
// Prints: that increments were lost without the lock, and the exact count with it.
import Multiprocessing

let processes = 2
let increments = 1000

/// Runs `body` in several processes, and waits for all of them.
func inEach(_ body: @escaping @Sendable (SharedValue<Int>) throws -> Void, _ counter: SharedValue<Int>) throws {
  let children = (0..<processes).map { _ in Process(target: body, args: (counter)) }
  for child in children { try child.start() }
  for child in children { try child.join() }
}

// Reading and writing each take the lock, but between the two anybody may count. Here everybody reads before anybody writes, which
// without care is a matter of luck: of the first two increments one is lost for certain.
let haveRead = try SharedAtomic(0)
let careless = try SharedValue(0)
try inEach(
  { counter in
    for step in 0..<increments {
      let before = counter.value
      if step == 0 {
        haveRead.add(1)
        while haveRead.load() < processes {}
      }
      counter.value = before + 1
    }
  }, careless)
let total = processes * increments
print("without the lock: \(careless.value < total ? "increments were lost" : "none was lost")")

// `withLock` keeps the others out from the reading to the writing.
let careful = try SharedValue(0)
try inEach({ counter in for _ in 0..<increments { try counter.withLock { $0 += 1 } } }, careful)
print("with the lock: \(careful.value) of \(total)")
