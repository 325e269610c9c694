/// What a task waits for before it tries to put or to get. Nothing is taken on its behalf: whoever waited looks for himself, and waits
/// again when another was faster.
extension SharedQueue {
  /// For an element, or the end.
  package var elementComing: GuardedWait {
    GuardedWait(
      tailMutex, turn: readers.turn, entry: headMutex, of: self, until: { self.hasElements || self.isClosed },
      look: { taking in
        self.mend(taking)
        return self.hasElements || self.isClosed ? nil : self.readers.announceKeptSleep()
      })
  }

  /// For room, or the end.
  package var roomComing: GuardedWait {
    GuardedWait(
      headMutex, turn: writers.turn, entry: tailMutex, of: self, until: { !self.isFull || self.isClosed },
      look: { _ in self.isFull && !self.isClosed ? self.writers.announceKeptSleep() : nil },
      enter: { self.mend($0) })
  }

  /// For every element to be done.
  package var tasksEnding: GuardedWait { tasks.joining(of: self) }
}
