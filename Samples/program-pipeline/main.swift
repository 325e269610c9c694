// Shows:  programs that read what others write, without a shell.
// Run:    swift run program-pipeline
// Prints: the words of a text by their number, what a reader does that has enough, and an error in the middle.
import Multiprocessing

let text = "the cat and the dog and the bird"

// echo … | tr ' ' '\n' | sort | uniq -c | sort -rn
let counted = try Popen.run(
  pipeline: [["tr", " ", "\n"], ["sort"], ["uniq", "-c"], ["sort", "-k1,1rn", "-k2"]],
  input: Array("\(text)\n".utf8), check: true)
for line in counted.outputText.split(separator: "\n") {
  print(line.split(separator: " ").joined(separator: " × "))
}

// An endless program, whose reader has enough after three lines.
let three = try Popen.run(pipeline: [["yes", "again"], ["head", "-n", "3"]], check: true)
print(three.outputText, terminator: "")

// The same as objects: each of them can be looked at, waited for and ended.
let pipeline = try Popen.pipeline([["cat"], ["tr", "a-z", "A-Z"]], stdin: .pipe, stdout: .pipe)
try pipeline.standardInput!.write("louder\n")
pipeline.standardInput!.close()
for line in pipeline.standardOutput!.lines { print(line) }
print(try pipeline.wait().map(\.description))

do {
  _ = try Popen.run(pipeline: [["echo", "x"], ["sh", "-c", "exit 4"], ["cat"]], check: true)
} catch PopenError.failed(let completed) {
  print(completed.status)
}
