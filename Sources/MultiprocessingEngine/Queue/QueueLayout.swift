/// Where everything lies in a queue's segment, in bytes from the beginning of its contents. What different sides write lies
/// on different pairs of cache lines.
enum QueueLayout {
  /// Constants: the size of the area, and the capacity in elements, 0 for none.
  static let areaSize = 0
  static let capacity = 8
  /// 1 once the queue is closed; written under both sides' mutexes.
  static let closed = 16

  // The side of those that put.
  static let tailMutex = 128
  /// The reader's progress as the writers last saw it: older than the truth at most.
  static let headSeen = 168
  static let headCountSeen = 176
  /// 1 when a reader may be asleep on `elements`; written under the tail's mutex.
  static let readerSleeps = 184
  static let elements = 192
  static let tail = 256

  // The side of those that get.
  static let headMutex = 384
  /// The writers' position as the readers last saw it.
  static let tailSeen = 424
  /// 1 when a writer may be asleep on `room`; written under the head's mutex.
  static let writerSleeps = 432
  static let room = 440
  static let head = 512

  // Who waits, one of each side.
  static let readersTurn = 640
  static let writersTurn = 680

  // Tasks.
  static let tasksMutex = 768
  static let tasksDone = 808
  static let joinerSleeps = 816
  static let tasksFinished = 824

  /// The blocks in use: start and size of each, and where its last record ended.
  static let blocks = 1024
  static let bytesPerBlock = 24
  /// How many blocks can follow one another. Each is at least as large as all before it, so there is no memory for more.
  static let mostBlocks = 64

  /// The area's pages begin where the file's pages do.
  static let area = 4096 - SharedSegment.headerSize
}
