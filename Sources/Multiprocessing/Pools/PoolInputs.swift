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
      total: (inputs as? any Collection).map { $0.count }, next: { iterator.next() },
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
