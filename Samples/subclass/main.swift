// Shows:  a process as a subclass with stored properties and run().
// Run:    swift run subclass
// Prints: a countdown by each child; the parent's objects stay as they were.
import Multiprocessing

final class Countdown: ProcessBase {
  private(set) var count: Int
  let last: String

  init(from count: Int, last: String, name: String? = nil) {
    self.count = count
    self.last = last
    super.init(name: name)
  }

  override func run() {
    var steps: [String] = []
    while count > 0 {
      steps.append("\(count)")
      count -= 1
    }
    print("\(name): \(steps.joined(separator: ", ")), \(last)")
  }
}

let launch = Countdown(from: 5, last: "lift-off")
let sale = Countdown(from: 3, last: "sold", name: "Auction")
for countdown in [launch, sale] {
  try countdown.start()
  try countdown.join()
}
// Each child counted down its own copy of the object.
print("the parent's counts: \(launch.count), \(sale.count)")
