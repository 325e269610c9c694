// Shows:  a child cannot change its parent's variable: what it finds out, it returns.
// Run:    swift run variables
// Prints: the count that came back.
import Multiprocessing

let words = ["fork", "join", "fork"]

#if REFUSED
  // What a reader may try. The child would count in a copy that dies with it, so the compiler refuses. In main.swift:
  // error: main actor-isolated var 'total' can not be mutated from a nonisolated context
  var total = 0
  let counter = Process { total = words.count }

  // and in a function:
  // error: mutation of captured var 'count' in concurrently-executing code
  func countForks() throws -> Int {
    var count = 0
    let child = Process { count = words.count { $0 == "fork" } }
    try child.start()
    try child.join()
    return count
  }
#else
  func countForks() throws -> Int {
    let child = Process { words.count { $0 == "fork" } }
    try child.start()
    return try child.result()
  }
#endif

print("the child counted \(try countForks())")
