// Shows:  a lock whose holder is killed: the next one gets it at once, and is told.
// Run:    swift run robust-lock
// Prints: who holds the lock, that the former owner died, and that the lock is as good as new after that.
import Multiprocessing

let lock = try Lock()
let isHeld = try Event()

let careless = Process(
  target: { (lock: Lock, isHeld: Event) in
    try lock.acquire()
    isHeld.set()
    try Event().wait()
  }, args: (lock, isHeld))
try careless.start()
try isHeld.wait()

print("\(careless.name) holds the lock, the lock is free: \(lock.tryAcquire())")
do {
  try lock.acquire(timeout: .milliseconds(100))
} catch let error as TimeoutError {
  print(error)
}

// A process that waits, and the death of the one it waits for.
let next = Process(
  target: { (lock: Lock) in
    try lock.acquire()
    print("\(currentProcess().name) holds the lock, its former owner died: \(lock.previousOwnerDied)")
    // Here it would look at what the lock guards, and mend it.
    lock.markConsistent()
    try lock.release()
  }, args: (lock))
try next.start()
try careless.kill()
try next.join()
try careless.join()
print("\(careless.name) \(careless.terminationStatus!)")

try lock.withLock { print("the lock is as good as new, its former owner died: \(lock.previousOwnerDied)") }
