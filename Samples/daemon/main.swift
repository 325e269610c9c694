// Shows:  the end of the program waits for its children, and terminates the daemons among them.
// Run:    swift run daemon
// Prints: the children that are running when the main code ends, and the line of the one that is waited for.
import Glibc
import Multiprocessing

func watchForEver() {
  while true { sleep(600) }
}

func finish() {
  sleep(1)
  print("the worker is done")
}

let watcher = Process(target: watchForEver, name: "watcher", daemon: true)
let worker = Process(target: finish, name: "worker")
try watcher.start()
try worker.start()

for child in activeChildren() { print("running: \(child.name), daemon: \(child.isDaemon)") }
print("the main code ends")
// Into a file print() keeps what it has until the program ends; this shows it in the order in which it happened.
fflush(nil)
// Now the watcher is terminated and the worker joined.
