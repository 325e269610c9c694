import CMultiprocessing

/// Which process this is, in the line of forks. What was made under another number belongs to an ancestor.
package struct Generation: Equatable, Sendable {
  private let number: UInt32

  package static var current: Generation { Generation(number: mp_generation()) }
  package var isCurrent: Bool { self == .current }
}
