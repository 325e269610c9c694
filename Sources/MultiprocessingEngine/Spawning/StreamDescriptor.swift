/// The descriptor of our end of a stream, until the end is closed here: who closes it wakes those who wait for it, who then let go of it.
struct StreamDescriptor {
  private var stream: SharedDescriptor?
  /// Rung by the closing. Made for the first one who waits.
  private var bell: SharedDescriptor?
  /// In a child of its process the descriptor is closed, and its number may be another's.
  private let generation = Generation.current

  init(_ stream: SharedDescriptor) { self.stream = stream }

  /// Whether it belongs to this process.
  var isHere: Bool { generation.isCurrent }

  var isOpen: Bool { stream != nil }

  /// nil when it is closed, and in a child.
  var open: SharedDescriptor? { isHere ? stream : nil }

  /// Closes it. What is returned is to be let go of without a lock.
  mutating func close() -> [SharedDescriptor] {
    defer { (stream, bell) = (nil, nil) }
    // It takes a ring at any time.
    if isHere, let bell { try? Syscall.ring(bell.raw) }
    return [stream, bell].compactMap { $0 }
  }

  /// What to wait for; nil when it is closed.
  mutating func watch() -> (stream: SharedDescriptor, bell: SharedDescriptor?)? {
    guard let stream = open else { return nil }
    if bell == nil {
      bell = try? SharedDescriptor(Descriptor.listing { () throws(SystemFailure) in try Syscall.bellDescriptor() })
    }
    return (stream, bell)
  }
}
