import Synchronization

/// A wait for what lies in shared memory, cut into steps that never block, so that one thread can carry out many. A keeper's thread
/// makes all of its steps: what has to be held by a thread while it waits is held by that one.
package protocol KeptWait: AnyObject, Sendable {
  /// Goes as far as it can. With `.over` what was waited for has come, and a step that throws is the last one.
  func step() throws(SystemFailure) -> KeptStep

  /// Called in the place of `step`, as often as need be, once the wait is to end without its outcome: out of time, or withdrawn. With
  /// `.over` it has let go of what it must not keep.
  func giveUp() throws(SystemFailure) -> KeptStep
}

package enum KeptStep {
  case over
  case asleep(KeptSleep)
}

/// Until when a wait need not take another step.
package struct KeptSleep: @unchecked Sendable {
  // Sendable: the word is read by atomic operations alone.
  let word: UnsafeRawPointer
  let value: UInt32
  /// When to look again although the word has not changed.
  let lookAgain: Deadline

  /// - Parameters:
  ///   - word: 32 bits of shared memory, which stay mapped as long as the wait is kept.
  ///   - value: what there was; a word with another one ends the sleep.
  package init(on word: UnsafeRawPointer, while value: UInt32, lookAgain: Deadline) {
    self.word = word
    self.value = value
    self.lookAgain = lookAgain
  }

  /// Relaxed: the step that follows takes the mutex that orders what the word announces.
  var hasChanged: Bool {
    word.assumingMemoryBound(to: Atomic<UInt32>.self).pointee.load(ordering: .relaxed) != value
  }
}
