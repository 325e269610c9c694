import Glibc

/// Signals on end, whose handler lets no call be restarted: what can be interrupted is.
public enum SignalStorm {
  // Safe: a handler finds nothing but what is global; a word that it alone counts up, and that is only ever looked at.
  private nonisolated(unsafe) static let count = {
    let count = UnsafeMutablePointer<sig_atomic_t>.allocate(capacity: 1)
    count.initialize(to: 0)
    return count
  }()

  /// How many signals have struck this process.
  public static var strikes: Int { Int(count.pointee) }

  /// Runs `body` while one comes every `microseconds`.
  public static func rage<Result>(every microseconds: Int, _ body: () throws -> Result) rethrows -> Result {
    // Made before the first signal looks for it.
    _ = count
    var action = sigaction()
    var before = sigaction()
    action.__sigaction_handler.sa_handler = { _ in SignalStorm.count.pointee &+= 1 }
    precondition(sigaction(SIGALRM, &action, &before) == 0)
    tick(every: microseconds)
    defer {
      tick(every: 0)
      sigaction(SIGALRM, &before, nil)
    }
    return try body()
  }

  private static func tick(every microseconds: Int) {
    let interval = timeval(tv_sec: 0, tv_usec: microseconds)
    var timer = itimerval(it_interval: interval, it_value: interval)
    precondition(setitimer(__itimer_which_t(ITIMER_REAL.rawValue), &timer, nil) == 0)
  }

  /// Waits until `count` more have struck.
  public static func outlast(_ count: Int) {
    let end = strikes + count
    while strikes < end { usleep(500) }
  }
}
