// Shows:  a batch in which some inputs crash their worker: those fail, each with its reason, and all others are done.
// Run:    swift run crash-proof
// Prints: the results, and for each input that failed what went wrong.

import Multiprocessing

struct Unreadable: Error, Codable {
  var text: String
}

@Sendable func reciprocal(_ text: String) throws -> Int {
  guard let number = Int(text) else { throw Unreadable(text: text) }
  return 1000 / number
}

let inputs = ["8", "5", "0", "ten", "4"]
let pool = try Pool(processes: 2)

for (input, result) in zip(inputs, try pool.mapResults(inputs, reciprocal)) {
  switch result {
  case .success(let value): print("1000 / \(input) = \(value)")
  case .failure(ProcessError.crashed(let report)):
    print("1000 / \(input) crashed: \(report.message ?? "\(report.signal)")")
  case .failure(let error): print("1000 / \(input) failed: \(error)")
  }
}
