// Shows:  one argument, two arguments, and arguments of any Codable type.
// Run:    swift run arguments
// Prints: what each child was given.
import Multiprocessing

struct Point: Codable, Sendable {
  var x: Double
  var y: Double
}

func say(_ text: String) { print("one: \(text)") }
func say(_ text: String, twice text2: String) { print("two: \(text), \(text2)") }
func draw(_ points: [Point], _ options: [String: Bool], _ title: String?) {
  print("many: \(points.count) points, the last at \(points.last!.y), \(options), \(title ?? "no title")")
}

let one = Process(target: say(_:), args: "테스트입니다")
try one.start()
try one.join()

let two = Process(target: say(_:twice:), args: ("테스트입니다", "this is a test"))
try two.start()
try two.join()

let points = [Point(x: 0, y: 1), Point(x: 2, y: 3.5)]
let many = Process(target: draw, args: (points, ["filled": true], nil as String?))
try many.start()
try many.join()
