/// The inputs of a map, whatever sequence they come from, pulled one by one or, where they are numbers, many at once.
///
/// Made in the caller's module, where the compiler knows the sequence: to pull a number takes a nanosecond then, and not fifty.
@usableFromInline
struct PoolInputs<In> {
  /// How many there are; nil when nobody knows.
  let total: Int?
  let next: () -> In?
  /// Writes the next ones, as many as are asked for at most, one after another; how many there were.
  let fill: (_ target: UnsafeMutableRawPointer, _ most: Int) -> Int

  @usableFromInline
  init(
    total: Int?, next: @escaping () -> In?, fill: @escaping (_ target: UnsafeMutableRawPointer, _ most: Int) -> Int
  ) {
    self.total = total
    self.next = next
    self.fill = fill
  }

  @inlinable
  init<Inputs: Sequence>(_ inputs: Inputs) where Inputs.Element == In {
    var iterator = inputs.makeIterator()
    self.init(
      total: knownCount(of: inputs), next: { iterator.next() },
      fill: { target, most in
        let target = target.assumingMemoryBound(to: In.self)
        func fill(_ iterator: inout Inputs.Iterator) -> Int {
          var count = 0
          while count < most, let input = iterator.next() {
            (target + count).initialize(to: input)
            count += 1
          }
          return count
        }
        return fill(&iterator)
      })
  }
}

/// How many elements a sequence has, where it says so at once: to ask a lazy one would run the user's code for all of them, and to ask a range may
/// be more than a number holds.
@usableFromInline
func knownCount(of sequence: some Sequence) -> Int? {
  if let count = sequence.withContiguousStorageIfAvailable({ $0.count }) { return count }
  switch sequence {
  case let range as Range<Int>: return count(from: range.lowerBound, to: range.upperBound)
  case let range as ClosedRange<Int>:
    return count(from: range.lowerBound, to: range.upperBound).flatMap { $0 == .max ? nil : $0 + 1 }
  case let set as any Collection & SetAlgebra: return set.count
  case let dictionary as any Collection & ExpressibleByDictionaryLiteral: return dictionary.count
  default: return nil
  }
}

private func count(from lower: Int, to upper: Int) -> Int? {
  let (count, isTooMany) = upper.subtractingReportingOverflow(lower)
  return isTooMany ? nil : count
}
