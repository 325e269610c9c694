// Shows:  every process knows itself and its parent.
// Run:    swift run pids
// Prints: the pid and parent of the program, of its child and of its grandchild; each parent's pid is one seen before.
import Multiprocessing

func introduce() {
  let me = currentProcess()
  let parent = parentProcess().map { "child of \($0.name), pid \($0.pid)" } ?? "the program itself"
  print("\(me.name), pid \(me.pid): \(parent)")
}

introduce()

let child = Process {
  introduce()
  let grandchild = Process(target: introduce)
  try grandchild.start()
  try grandchild.join()
}
try child.start()
try child.join()

print("the parent knows its child: \(child.name), pid \(child.pid!)")
