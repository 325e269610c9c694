// Shows:  a crash ends the child alone, and is an error with signal, message and backtrace in the parent.
// Run:    swift run crash
// Prints: three crashes, the last one as a log would show it; on standard error what the children said.
import Multiprocessing

func pick(_ index: Int, from numbers: [Int]) -> Int { numbers[index] }
func double(_ number: Int?) -> Int { number! * 2 }
func give(up reason: String) -> Int { fatalError(reason) }

let children = [
  Process(target: pick, args: (10, [1, 2, 3]), name: "Index"),
  Process(target: double, args: nil as Int?, name: "Optional"),
  Process(target: give, args: "nothing left to do", name: "Fatal"),
]
for child in children {
  try child.start()
  do {
    print(try child.result())
  } catch ProcessError.crashed(let report) {
    print("\(report.processName): \(report.signal), \(report.message ?? "no message")")
  }
}

print("\(children[2].terminationError!)")
