// Shows:  a program that runs to its end, and what it wrote, as bytes and as text; and what happens when it fails.
// Run:    swift run echo
// Prints: the output of three programs, an exit code, and two errors.
import Multiprocessing

let greeting = try Popen.run(["echo", "hello", "from", "another program"])
print("it wrote \(greeting.output.count) bytes: \(greeting.outputText)", terminator: "")
print("and \(greeting.status)")

// Arguments arrive as they are: no shell takes them apart.
let stars = try Popen.run(["echo", "*", "$HOME", "a  b"])
print(stars.outputText, terminator: "")

// What it reads, where it works, and what it finds in its environment.
let sorted = try Popen.run(
  ["sh", "-c", "pwd; echo $COLOR; sort -n"], input: Array("10\n9\n".utf8), workingDirectory: "/",
  environment: .inherit.updating(["COLOR": "blue"]))
print(sorted.outputText, terminator: "")

let missing = try Popen.run(["sh", "-c", "echo no such luck >&2; exit 3"])
print("exit code \(missing.returnCode), complaining: \(missing.errorText)", terminator: "")

do {
  _ = try Popen.run(["sh", "-c", "echo no such luck >&2; exit 3"], check: true)
} catch PopenError.failed(let completed) {
  print("an error: \(completed)")
}
do {
  _ = try Popen.run(["no-such-program"])
} catch {
  print(error)
}
