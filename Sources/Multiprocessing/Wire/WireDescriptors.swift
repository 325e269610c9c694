internal import MultiprocessingEngine

/// The descriptors that came with a message.
enum WireDescriptors {
  /// By a fork: the numbers are those of the parent, and the objects that own them are here as well.
  case inherited([Int32])
  /// Over a socket: new numbers, which nobody owns yet.
  case received(ReceivedDescriptors)

  static var none: WireDescriptors { .inherited([]) }

  /// The one of an index; nil when there is none. One that was received can be had once.
  func take(at index: Int) -> WireDescriptor? {
    switch self {
    case .inherited(let numbers): numbers.indices.contains(index) ? .inherited(numbers[index]) : nil
    case .received(let descriptors): descriptors.take(at: index).map { .received($0) }
    }
  }
}

enum WireDescriptor {
  case inherited(Int32)
  case received(InheritableDescriptor)
}
