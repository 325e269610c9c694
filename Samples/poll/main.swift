// Shows:  a program that runs beside this one, which looks after it now and then.
// Run:    swift run poll
// Prints: what this program does meanwhile, and how the other one ended.
import Glibc
import Multiprocessing

// Ends once it has read a line.
let program = try Popen(["sh", "-c", "read line; echo got $line; exit 7"], stdin: .pipe, stdout: .pipe)
print("started, status: \(program.poll().map { "\($0)" } ?? "none yet")")

for step in 1...3 {
  print("working, step \(step); still running: \(program.poll() == nil)")
}

try program.standardInput!.write("the word\n")
while program.poll() == nil { usleep(1000) }
print("it has ended: \(program.terminationStatus!)")
print("and wrote: \(try program.standardOutput!.readLine()!)")
print("its exit code: \(program.returnCode!)")
