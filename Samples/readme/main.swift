// Shows:  the program of the README.
// Run:    swift run readme
// Prints: a result that another process computed, and the crash of a third one, caught.
import Multiprocessing

let product = Process(target: { (a: Int, b: Int) in a * b }, args: (6, 7))
try product.start()
print("6 * 7 = \(try product.result()), computed by pid \(product.pid!)")

do {
  try Process.run { fatalError("a mistake in the child") }
} catch ProcessError.crashed(let report) {
  print("still here after \(report.signal): \(report.message!)")
}
