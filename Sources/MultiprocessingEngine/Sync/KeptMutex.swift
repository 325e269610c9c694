/// A robust mutex as a kept wait takes it: it tries, and sleeps on the mutex' word as glibc's own waiters do.
struct KeptMutex {
  let mutex: RobustMutex
  /// Whether a wake-up may have come here that is another's to have.
  private var hasSlept = false

  init(_ mutex: RobustMutex) { self.mutex = mutex }

  enum Attempt {
    case taken(RobustMutex.Taking)
    case busy(KeptSleep)
  }

  /// As with those that block, no sleep is longer without another look: see mp_mutex_wait().
  static let longestSleep = Duration.milliseconds(250)

  mutating func attempt(lookAgain: Duration = longestSleep) throws(SystemFailure) -> Attempt {
    while true {
      if let taking = try mutex.tryLock() {
        // Its word may have lost the mark that others sleep as well, with the one who woke this one.
        if hasSlept { mutex.expectSleepers() }
        hasSlept = false
        return .taken(taking)
      }
      if let sleep = mutex.announceSleep(lookAgain: Deadline(after: lookAgain)) {
        hasSlept = true
        return .busy(sleep)
      }
    }
  }

  /// For one who has not taken it, and will not.
  mutating func leave() {
    if hasSlept { mutex.passOnWakeUp() }
    hasSlept = false
  }
}
