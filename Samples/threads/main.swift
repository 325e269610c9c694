// Shows:  threads have numbers of their own and share one pid and all memory; processes have a pid each and memory of their own.
// Run:    swift run threads
// Prints: who runs where, for three threads and for three processes, and what is left of what they have done.
import Multiprocessing

let visits = try SharedAtomic(0)
let visitsOfThisThread = ThreadLocal(0)

func introduce() {
  visits.add(1)
  visitsOfThisThread.value += 1
  let (process, thread) = (currentProcess(), currentThread())
  print(
    "\(thread.name) of \(process.name): pid \(process.pid), tid \(thread.nativeID), \(visitsOfThisThread.value). visit")
}

introduce()

for _ in 1...3 {
  let thread = Thread(target: introduce)
  try thread.start()
  try thread.join()
}
for _ in 1...3 {
  let process = Process(target: introduce)
  try process.start()
  try process.join()
}

introduce()
print("\(visits.load()) visits altogether")
