internal import MultiprocessingEngine
import Synchronization

/// A variable of which each thread has its own. Python's `threading.local`.
///
///     let depth = ThreadLocal(0)
///     depth.value += 1      // on this thread
///
/// Each thread begins with the initial value, the first one of a child as well. What a thread holds is let go of at its end, and with this object.
public final class ThreadLocal<Value>: @unchecked Sendable {
  // Sendable: a thread touches the values of its own table alone, and the list of tables is behind a lock.
  private let initial: @Sendable () -> Value
  private let number = ThreadLocalTable.nextNumber()
  private let tables = ForkAwareLock<[WeakTable]>([])

  /// Each thread begins with a copy of `initial`.
  public init(_ initial: Value) where Value: Sendable { self.initial = { initial } }

  /// Each thread begins with what `initial` gives, called on that thread when it first asks: for values that threads must not share.
  public init(initial: @escaping @Sendable () -> Value) { self.initial = initial }

  deinit {
    for table in tables.withLock({ $0 }) { table.table?.remove(number) }
  }

  /// The value of the current thread.
  public var value: Value {
    get { box.value }
    set { box.replace(with: newValue) }
    // In place: an array is not copied to append to it.
    _modify { yield &box.value }
  }

  private var box: ThreadLocalBox<Value> {
    let table = ThreadContext.current.locals
    // The number is this object's alone, and so is the type of what it leads to.
    if let box = table[number] { return unsafeDowncast(box, to: ThreadLocalBox<Value>.self) }
    // The user's code, which runs without a lock, and may ask for this very value.
    let box = ThreadLocalBox(initial())
    table[number] = box
    tables.withLock { tables in
      tables.removeAll { $0.table == nil }
      tables.append(WeakTable(table: table))
    }
    return box
  }
}

private final class ThreadLocalBox<Value> {
  var value: Value
  init(_ value: Value) { self.value = value }

  /// What was there is let go of once the new value is: that may run any code, which may ask for this very value.
  func replace(with newValue: Value) {
    var before = newValue
    swap(&value, &before)
    withExtendedLifetime(before) {}
  }
}

/// The table of a thread, for as long as that lives.
private struct WeakTable {
  weak var table: ThreadLocalTable?
}

/// The values of one thread, by the numbers of the objects they belong to.
final class ThreadLocalTable: @unchecked Sendable {
  // Sendable: the table is behind a lock; what is in it is used by its thread alone, and let go of by whoever takes it out.
  private let boxes = ForkAwareLock<[UInt64: AnyObject]>([:])

  private static let lastNumber = Atomic<UInt64>(0)
  static func nextNumber() -> UInt64 { lastNumber.add(1, ordering: .relaxed).newValue }

  subscript(number: UInt64) -> AnyObject? {
    get { boxes.withLock { $0[number] } }
    set {
      let before = boxes.withLock { boxes in
        let before = boxes[number]
        boxes[number] = newValue
        return before
      }
      // Let go of without the lock: it may run any code.
      withExtendedLifetime(before) {}
    }
  }

  func remove(_ number: UInt64) { self[number] = nil }

  /// Lets go of all, without the lock. What is let go of may ask for a value again, and finds another table then.
  func clear() {
    let all = boxes.withLock { boxes in
      defer { boxes = [:] }
      return boxes
    }
    withExtendedLifetime(all) {}
  }
}
