// Shows:  the same task on three threads at once, and three different tasks, each with a result of its own type.
// Run:    swift run three-threads
// Prints: three squares in the order in which they were started, a sorted array, a text and a weight.
import Multiprocessing

struct Overweight: Error {
  let kilograms: Int
}

// Arguments and results are handed over as they are: this one is not Codable.
final class Parcel: Sendable {
  let contents: [String]
  init(_ contents: [String]) { self.contents = contents }
}

func square(_ number: Int) -> String {
  "\(number) * \(number) = \(number * number), computed by \(currentThread().name)"
}
func pack(_ contents: [String]) -> Parcel { Parcel(contents.sorted()) }
func reversed(_ text: String) -> String { String(text.reversed()) }
func weigh(_ kilograms: Int) throws -> Int {
  guard kilograms < 20 else { throw Overweight(kilograms: kilograms) }
  return kilograms
}

let squares = [11, 12, 13].map { Thread(target: square, args: $0) }
for thread in squares { try thread.start() }
for thread in squares { print(try thread.result()) }

let packer = Thread(target: pack, args: ["pear", "fig", "apple"])
let reverser = Thread(target: reversed, args: "stressed")
let scales = Thread(target: weigh, args: 19)
for thread in [packer, reverser, scales] as [ThreadBase] { try thread.start() }

print("the parcel: \(try packer.result().contents)")
print("the reversed text: \(try reverser.result())")
print("the weight: \(try scales.result()) kg")
