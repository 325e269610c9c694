// Shows:  two slow functions one after the other, then side by side in two processes.
// Run:    swift run side-by-side
// Prints: about 2 seconds for the first, about 1 second for the second.
import Glibc
import Multiprocessing

func countSheep() { sleep(1) }
func boilEggs() { sleep(1) }

let clock = ContinuousClock()

let inTurn = clock.measure {
  countSheep()
  boilEggs()
}
print("one after the other: \(inTurn)")

let together = try clock.measure {
  let children = [Process(target: countSheep), Process(target: boilEggs)]
  for child in children { try child.start() }
  for child in children { try child.join() }
}
print("side by side: \(together)")

// Two sleeps overlap on one processor as well, so that this holds on a busy machine.
print(together < inTurn ? "side by side is faster" : "one after the other is faster")
