// Shows:  three different tasks in three processes at once, each with a result of its own type.
// Run:    swift run three-tasks
// Prints: a number, a sorted array and a text.
import Multiprocessing

func sum(upTo limit: Int) -> Int { (1...limit).reduce(0, +) }
func sorted(_ words: [String]) -> [String] { words.sorted() }
func reversed(_ text: String) -> String { String(text.reversed()) }

let adder = Process(target: sum, args: 1_000)
let sorter = Process(target: sorted, args: ["pear", "fig", "apple"])
let reverser = Process(target: reversed, args: "stressed")

try adder.start()
try sorter.start()
try reverser.start()

print("the sum: \(try adder.result())")
print("the sorted words: \(try sorter.result())")
print("the reversed text: \(try reverser.result())")
