// Shows:  a pipeline of three stages, each in processes of its own, with a queue between one stage and the next.
// Run:    swift run pipeline
// Prints: the longest words of a text, in order, and how many words went through.
import Multiprocessing

let text = """
  the quick brown fox jumps over the lazy dog
  a process that dies inside a queue leaves it whole
  elements arrive in the order in which they were put
  """

let lines = try Queue<String>()
// A full queue keeps the stage before it waiting, so that no stage runs far ahead.
let words = try Queue<String>(capacity: 4)
let lengths = try Queue<[String: Int]>(capacity: 4)

// The first stage takes lines apart. A loop over a queue ends when the queue is closed and drained.
let splitter = Process {
  for line in lines {
    for word in line.split(separator: " ") { try words.put(String(word)) }
  }
  words.close()
}

// The second is the slow one: three processes share its work, and each word reaches one of them.
let measurers = (1...3).map { _ in
  Process {
    for word in words { try lengths.put([word: word.count]) }
  }
}

// The third collects.
let collector = Process { () -> [String: [Int]] in
  var found: [String: [Int]] = [:]
  for pair in lengths { for (word, length) in pair { found[word, default: []].append(length) } }
  return found
}

try splitter.start()
for measurer in measurers { try measurer.start() }
try collector.start()

for line in text.split(separator: "\n") { try lines.put(String(line)) }
lines.close()

// The last of the three closes what they have put into: they do not know of one another.
try splitter.result()
for measurer in measurers { try measurer.result() }
lengths.close()

let found = try collector.result()
for word in found.keys.sorted() where word.count > 5 { print("\(word): \(found[word]![0])") }
print("\(found.values.map(\.count).reduce(0, +)) words")
