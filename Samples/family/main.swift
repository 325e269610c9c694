// Shows:  a parent and its children: a subclass, a closure with arguments, a result coming back, a crash caught.
// Run:    swift run family
// Prints: who is who, the product 42, and the crash of the last child as an error, which the parent outlives.
import Multiprocessing

final class Greeter: ProcessBase {
  let greeting: String

  init(_ greeting: String) {
    self.greeting = greeting
    super.init()
  }

  override func run() {
    print("\(greeting) from \(name), pid \(currentProcess().pid), child of pid \(parentProcess()!.pid)")
  }
}

print("\(currentProcess().name): pid \(currentProcess().pid)")

// A subclass: its stored properties are there in the child.
let greeter = Greeter("Hello")
try greeter.start()
try greeter.join()

// A closure with arguments, and what it returns.
let product = Process(target: { (a: Int, b: Int) in a * b }, args: (6, 7))
try product.start()
print("6 * 7 = \(try product.result()), said \(product.name), pid \(product.pid!)")

// A crash ends the child alone.
let numbers = [1, 2, 3]
let reckless = Process { print(numbers[numbers.count + 7]) }
try reckless.start()
do {
  try reckless.result()
} catch ProcessError.crashed(let report) {
  print("\(report.processName), pid \(report.pid), crashed with \(report.signal): \(report.message ?? "?")")
}
print("\(currentProcess().name) is still here: pid \(currentProcess().pid)")
