// Shows:  the life of one child.
// Run:    swift run one-child
// Prints: the process before and after, and the child's own line between.
import Multiprocessing

let child = Process { print("the child works") }
print("before: \(child.name), pid \(child.pid.map(String.init) ?? "none yet")")

try child.start()
try child.join()
print("after: \(child.name), pid \(child.pid!), \(child.terminationStatus!)")
