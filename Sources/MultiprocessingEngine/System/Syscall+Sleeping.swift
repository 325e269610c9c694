import CMultiprocessing

extension Syscall {
  /// Sleeps until one of the words is woken or has changed, or `deadline` has passed. Throws where the system cannot sleep on many.
  static func sleep(on words: [mp_word], until deadline: Deadline) throws(SystemFailure) {
    try attempt(MP_CALL_SLEEP, "sleep on many words") {
      Int(mp_sleep_on(words, UInt32(words.count), deadline.instant ?? .max))
    }
  }
}
