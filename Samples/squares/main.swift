// Shows:  a pool of worker processes that maps a closure, captures included, over many inputs.
// Run:    swift run squares
// Prints: the first squares, their sum, and that the workers were other processes.

import Glibc
import Multiprocessing

let offset = 1

let pool = try Pool(processes: 2)
let squares = try pool.map(1...1000) { number in number * number + offset }
print(squares.prefix(5), squares.reduce(0, +))

let pids = Set(try pool.map(1...1000) { _ in getpid() })
print(pids.contains(getpid()) ? "computed here" : "computed by \(pids.count > 2 ? "many" : "the") workers")

#if REFUSED
  // What a task returns crosses to another process: make it Codable.
  // error: call to global actor 'ResultsHaveToBeCodable'-isolated instance method 'map(_:chunkSize:progress:_:)' in a synchronous main actor-isolated context
  struct Square: Sendable { var side: Int }
  let drawn = try pool.map(1...1000) { side in Square(side: side) }
#endif

pool.close()
try pool.join()
