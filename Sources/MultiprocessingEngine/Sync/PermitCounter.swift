import Glibc

/// A number of permits that are taken and given back.
///
///     0    mutex      guards what follows
///     64   free       permits that nobody has
///     72   limit      the most there may be
///     80   asleep     1: the holder of the turnstile may be asleep
///     88   futex      on which it sleeps
///     128  turnstile  a mutex
///
/// Only the holder of the turnstile sleeps on the futex, so there is one to wake and no more. When it is killed, the kernel hands the
/// turnstile to the next one, which looks at the count anew: a wake-up that went to the dead is not missed.
package struct PermitCounter: Sendable {
  private let mutex: RobustMutex
  private let free: SharedNumber
  private let limit: SharedNumber
  private let asleep: SharedNumber
  private let futex: SharedFutex
  private let turnstile: RobustMutex

  package static let size = 192

  package init(at address: UnsafeMutableRawPointer) {
    mutex = RobustMutex(at: address)
    free = SharedNumber(at: address + 64)
    limit = SharedNumber(at: address + 72)
    asleep = SharedNumber(at: address + 80)
    futex = SharedFutex(at: address + 88)
    turnstile = RobustMutex(at: address + 128)
  }

  package static func make(
    at address: UnsafeMutableRawPointer, free: Int, limit: Int
  ) throws(SystemFailure) -> PermitCounter {
    _ = try RobustMutex.make(at: address)
    _ = try RobustMutex.make(at: address + 128)
    let counter = PermitCounter(at: address)
    counter.limit.value = limit
    counter.free.value = free
    return counter
  }

  /// What somebody who looks at this moment finds.
  package var available: Int { free.value }

  /// Takes a permit; false when there is none before `deadline`.
  package func take(until deadline: Deadline) throws(SystemFailure) -> Bool {
    if try takeBriefly(until: deadline) { return true }
    let span = Tracing.wait("semaphore")
    defer { span.end() }
    // The holder of the turnstile may have been stopped (SIGSTOP): permits that are there need not wait for it.
    while try turnstile.lock(until: deadline.capped(at: Self.patience)) == nil {
      if try takeBriefly(until: deadline) { return true }
      if deadline.hasPassed { return false }
    }
    defer { turnstile.unlock() }
    while true {
      guard try mutex.lockBriefly(until: deadline) != nil else { return false }
      let isTaken = takeOne()
      let isAsleep = isTaken ? 0 : 1
      if asleep.value != isAsleep { asleep.value = isAsleep }
      let seen = futex.now
      mutex.unlock()
      if isTaken { return true }
      // A permit that comes with the end of the time counts.
      if !futex.wait(while: seen, until: deadline) { return try takeBriefly(until: deadline) }
    }
  }

  private static let patience = Duration.milliseconds(100)

  /// The wait of a task for a permit to be free, which it then tries to take. `owner` keeps the memory mapped.
  package func giving(of owner: some AnyObject & Sendable) -> GuardedWait {
    GuardedWait(
      mutex, turn: turnstile, entry: mutex, of: owner, until: { free.value > 0 },
      look: { _ in
        let isAsleep = free.value > 0 ? 0 : 1
        if asleep.value != isAsleep { asleep.value = isAsleep }
        return isAsleep == 0 ? nil : futex.sleep(while: futex.now)
      })
  }

  package func takeAtOnce() throws(SystemFailure) -> Bool { try mutex.withLock(takeOne) }

  /// The same for a task, whose thread must not be held up: false as well when the holder of the mutex may have been stopped (SIGSTOP).
  package func takeInTask() throws(SystemFailure) -> Bool {
    guard try mutex.lockInTask() != nil else { return false }
    defer { mutex.unlock() }
    return takeOne()
  }

  /// The same, but for a second at most beyond `deadline`, however long the holder of the mutex is stopped.
  private func takeBriefly(until deadline: Deadline) throws(SystemFailure) -> Bool {
    guard try mutex.lockBriefly(until: deadline) != nil else { return false }
    defer { mutex.unlock() }
    return takeOne()
  }

  private func takeOne() -> Bool {
    let count = free.value
    if count > 0 { free.value = count - 1 }
    return count > 0
  }

  /// Gives back `count` permits; false, and nothing happens, when there would be more than the limit.
  package func give(_ count: Int) throws(SystemFailure) -> Bool {
    try mutex.withLock {
      guard let sum = Self.sum(free.value, count, limit: limit.value) else { return false }
      if asleep.value != 0 { futex.advance(waking: 1) }
      free.value = sum
      return true
    }
  }

  /// nil beyond the limit. No operand is negative.
  static func sum(_ free: Int, _ count: Int, limit: Int) -> Int? {
    free <= limit && count <= limit - free ? free + count : nil
  }
}
