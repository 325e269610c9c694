// Shows:  a mistake that only the run can tell: a misspelled keyword argument. This sample fails on purpose.
// Run:    swift run fails
// Prints: the error, which names the argument, and how many children there are: start() looked before any fork.
// Exits:  1
import Glibc
import Multiprocessing

struct Trip: Decodable {
  var from: String
  var to: String
}

func book(_ trip: Trip) { print("from \(trip.from) to \(trip.to)") }

let child = Process(target: book, kwargs: ["from": "Seoul", "too": "Busan"])
do {
  try child.start()
} catch {
  print(error)
  print("children: \(activeChildren().count)")
  // Whoever ran the program sees the failure as well; "to" instead of "too" mends it.
  exit(1)
}
try child.join()
