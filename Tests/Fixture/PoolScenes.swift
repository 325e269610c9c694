import Glibc
import Multiprocessing

/// A map whose workers tell who they are, and never come back.
func poolInterrupted() throws {
  let pool = try Pool(processes: 3)
  try pool.map(0..<30, chunkSize: 1) { _ in
    say("\(getpid())")
    while true { pause() }
  }
}

/// A program that ends while its workers are at work.
func poolLeft() throws {
  let started = try Semaphore(0)
  let pool = try Pool(processes: 3)
  for _ in 0..<30 {
    try pool.submit {
      say("\(getpid())")
      try started.release()
      while true { pause() }
    }
  }
  for _ in 0..<3 { try started.acquire() }
  say("main ends")
  withExtendedLifetime(pool) { exit(0) }
}
