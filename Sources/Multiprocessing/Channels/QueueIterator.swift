internal import Glibc
internal import MultiprocessingEngine

extension Queue: Sequence {
  /// Takes elements as they come, until the queue is closed and drained.
  ///
  /// What cannot be decoded, or what the system refuses, ends the loop as well, with one line on standard error; `get()` throws it.
  public func makeIterator() -> Iterator { Iterator(queue: self) }

  /// The loop `for element in queue`. Several loops, in whatever processes, share the elements.
  public struct Iterator: IteratorProtocol {
    let queue: Queue

    /// Waits for the next element; nil once the queue is closed and drained.
    public mutating func next() -> Element? {
      do {
        return try queue.get()
      } catch QueueError.closed {
        return nil
      } catch {
        StandardStreams.complain("process \(getpid()): a loop over a queue ends early: \(error)")
        return nil
      }
    }
  }
}
