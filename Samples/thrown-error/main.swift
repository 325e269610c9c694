// Shows:  an error thrown in the child is caught in the parent; a Codable one as itself.
// Run:    swift run thrown-error
// Prints: the line of the parse error, and the other error as text; on standard error one line by each child.
import Multiprocessing

struct ParseError: Error, Codable {
  var line: Int
  var reason: String
}

enum Refusal: Error {
  case tooEarly
}

func parse(_ text: String) throws -> [Int] {
  try text.split(separator: "\n").enumerated().map { index, line in
    guard let number = Int(line) else {
      throw ParseError(line: index + 1, reason: "'\(line)' is not a number")
    }
    return number
  }
}

let parser = Process(target: parse, args: "1\n2\nthree")
try parser.start()
do {
  print(try parser.result())
} catch let error as ParseError {
  print("line \(error.line): \(error.reason)")
}
print("the child \(parser.terminationStatus!)")

// An error that is not Codable crosses with its type's name and its description.
do {
  try Process.run { throw Refusal.tooEarly }
} catch ProcessError.thrown(let error) {
  print("\(error.typeName): \(error.message)")
}
