// Shows:  what a function returns comes back from the child, of any Codable type.
// Run:    swift run result
// Prints: the statistics of some numbers, asked for twice, and the length of a large array.
import Multiprocessing

struct Statistics: Codable, Sendable {
  var count: Int
  var mean: Double
}

func describe(_ numbers: [Double]) -> Statistics {
  Statistics(count: numbers.count, mean: numbers.reduce(0, +) / Double(numbers.count))
}

let child = Process(target: describe, args: [1, 2, 3, 4])
try child.start()
let statistics = try child.result()
print("\(statistics.count) numbers, \(statistics.mean) on average")
print("asked again: \(try child.result().mean)")

// Start, wait and result in one: what the closure captures is there in the child.
let factor = 3
let large = try Process.run { (0..<1_000_000).map { $0 * factor } }
print("\(large.count) numbers, the last is \(large.last!)")
