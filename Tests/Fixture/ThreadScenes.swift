import Glibc
import Multiprocessing

/// Raised while the program ends.
private let isEnding: Event = {
  do { return try Event() } catch { fatalError("\(error)") }
}()

/// Raises it once the main code is done: what was registered last runs first.
private func raiseAtTheEnd() { atexit { isEnding.set() } }

/// One thread that never ends, and one that goes on when the main code is done and starts another one.
func threads() throws {
  atExit { say("exit block") }
  let endless = Thread(target: { while true { pause() } }, daemon: true)
  let late = Thread(target: {
    try isEnding.wait()
    say("thread")
    try Thread(target: { say("\(currentThread().name)") }, name: "its thread").start()
  })
  try endless.start()
  try late.start()
  raiseAtTheEnd()
  say("main ends")
}

/// A thread that ends the program, which waits for it.
func exitInAThread() throws {
  let thread = Thread(target: { exit(7) })
  try thread.start()
  try thread.join()
}

/// Many that do, at once.
func exitInThreads() throws {
  for _ in 0..<8 {
    try Thread(target: {
      try isEnding.wait()
      exit(7)
    }).start()
  }
  raiseAtTheEnd()
}

/// Threads that the end of the program has begun.
func threadsOfExitBlocks() throws {
  atExit { say("first registered") }
  atExit {
    say("block")
    let late = Thread(target: {
      try isEnding.wait()
      say("thread")
      atExit { say("its block") }
      try Thread(target: { say("its thread") }).start()
    })
    try? late.start()
    isEnding.set()
  }
}
