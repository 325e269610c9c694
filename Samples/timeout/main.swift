// Shows:  waiting for a limited time, and ending a child that takes too long.
// Run:    swift run timeout
// Prints: a wait in vain, three ways to end a child, and how each ended.
import Glibc
import Multiprocessing

func sleepLong() -> String {
  sleep(600)
  return "slept well"
}

// Waits, then ends the child by itself.
do {
  print(try Process.run(timeout: .milliseconds(200), sleepLong))
} catch let error as TimeoutError {
  print(error)
}

// The child goes on after a wait in vain: another wait, or the end, is up to the parent.
let polite = Process(target: sleepLong)
try polite.start()
print("done in time: \(try polite.join(timeout: .milliseconds(200))), alive: \(polite.isAlive)")
try polite.terminate()
try polite.join()
print("\(polite.name) \(polite.terminationStatus!), exit code \(polite.exitCode!)")

let stubborn = Process {
  signal(SIGTERM, SIG_IGN)
  return sleepLong()
}
try stubborn.start()
try stubborn.kill()
do {
  print(try stubborn.result())
} catch ProcessError.killed(let signal) {
  print("\(stubborn.name) was killed by \(signal)")
}
