import CMultiprocessing

/// The objects of this process by what they stand for, so that a handle that arrives a second time finds the object that is
/// there. Holds none of them alive.
///
/// Guarded by the fork lock: a child finds the table whole, and in it the objects it has inherited.
package final class LiveObjects<Key: Hashable & Sendable, Object: AnyObject & Sendable>: Sendable {
  private struct Entry {
    weak var object: Object?
  }

  // Safe: touched under the fork lock alone.
  private nonisolated(unsafe) var entries: [Key: Entry] = [:]

  package init() {}

  package subscript(key: Key) -> Object? {
    forkLock.withLock { _ in entries[key]?.object }
  }

  /// The object for `key`: the one that lives, else `fresh`, which from now on is it.
  package func unify(_ fresh: Object, for key: Key) -> Object {
    forkLock.withLock { _ in
      if let living = entries[key]?.object { return living }
      entries[key] = Entry(object: fresh)
      return fresh
    }
  }

  /// For an object's deinit.
  package func remove(_ key: Key) {
    forkLock.withLock { _ in
      // Another object may have taken the key since this one began to end.
      if entries[key]?.object == nil { entries[key] = nil }
    }
  }
}
