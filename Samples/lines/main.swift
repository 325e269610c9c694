// Shows:  the lines of a program while it runs, in a loop and in a task, and the end of one that takes too long.
// Run:    swift run lines
// Prints: numbered lines, timeouts with what had been written, and a cancelled task.
import Multiprocessing

// Ten thousand lines, of which the loop takes what it needs.
let numbers = try Popen(["seq", "10000"], stdout: .pipe)
for line in numbers.standardOutput!.lines {
  print("line \(line)")
  if line == "3" { break }
}
try numbers.end()

// A program that says something, and then nothing for an hour.
let script = ["sh", "-c", "echo one; echo two; sleep 3600; echo three"]
let slow = try Popen(script, stdout: .pipe)
do {
  while let line = try slow.standardOutput!.readLine(timeout: .seconds(1)) { print("slow \(line)") }
} catch let error as TimeoutError {
  print("\(error); still running: \(slow.poll() == nil)")
}
print(try slow.end())

// Run with a timeout it is ended, with all that it has started, and hands over what it had written.
do {
  _ = try Popen.run(script, timeout: .seconds(1))
} catch let error as TimeoutError {
  print("\(error), after \(error.partialOutput!.count) bytes")
}

// In a task, whose cancellation ends the program.
let task = Task {
  for try await line in try Popen(["seq", "3"], stdout: .pipe).standardOutput!.lines { print("in a task: \(line)") }
  return try await Popen.run(script)
}
try await Task.sleep(for: .seconds(1))
task.cancel()
do {
  print(try await task.value)
} catch {
  print("cancelled: \(error is CancellationError)")
}
