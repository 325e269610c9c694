// Shows:  what join() is for: with it the parent waits for the work, without it the parent goes on at once.
// Run:    swift run join
// Prints: the work before the parent's line the first time, after it the second time.
import Glibc
import Multiprocessing

func work() {
  sleep(1)
  print("  the work is done")
}

print("with join:")
let first = Process(target: work)
try first.start()
try first.join()
print("  the parent goes on")

print("without join:")
let second = Process(target: work)
try second.start()
print("  the parent goes on")

// Into a file print() keeps what it has until the program ends; this shows it in the order in which it happened.
fflush(nil)
// Nobody joins the second process, and still its work is done: the end of the program waits for it.
