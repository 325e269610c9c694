// Shows: a parent and its children: a subclass, a closure with arguments, a result coming back, a crash caught.
// Run:   swift run family
// Prints: who is who, the product 42, and the crash as an error with its backtrace.
import Multiprocessing

final class Greeter: ProcessBase {
  let greeting: String

  init(_ greeting: String) {
    self.greeting = greeting
    super.init()
  }

  override func run() {
    print("\(name): \(greeting) from pid \(currentProcess().pid), child of \(parentProcess()!.pid)")
  }
}

print("\(currentProcess().name): pid \(currentProcess().pid)")

let greeter = Greeter("hello")
try greeter.start()
try greeter.join()

let multiplication = Process(target: { (a: Int, b: Int) in a * b }, args: (6, 7))
try multiplication.start()
print("\(multiplication.name): 6 * 7 = \(try multiplication.result())")

do {
  let numbers = [1, 2, 3]
  try Process.run { print(numbers[numbers.count + 7]) }
} catch ProcessError.crashed(let report) {
  print("caught: \(report)")
}
