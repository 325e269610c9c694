internal import MultiprocessingEngine
internal import Synchronization

/// How values of one type cross between a pool and its workers.
@usableFromInline
struct PoolCoding<Value> {
  enum Form {
    /// Numbers: as they lie in memory, so many bytes each.
    case raw(stride: Int)
    case encoded
  }

  let form: Form
  /// Whether no code of the user's takes part.
  var isPrimitive = false
  let encode: (Value, WireEncoder) throws -> Void
  let decode: (WireDecoder) throws -> Value

  @usableFromInline
  static func codable() -> PoolCoding where Value: Codable {
    // Records lie at multiples of eight.
    let isRaw = Value.self is any WireNumber.Type && MemoryLayout<Value>.alignment <= 8
    return PoolCoding(
      form: isRaw ? .raw(stride: MemoryLayout<Value>.stride) : .encoded,
      isPrimitive: WireTypeCoding.of(Value.self).primitive != nil,
      encode: { try $1.append($0) }, decode: { try $0.next(Value.self) })
  }

  /// A result that there is none of.
  @usableFromInline
  static func void() -> PoolCoding where Value == Void {
    PoolCoding(form: .raw(stride: 0), encode: { _, _ in }, decode: { _ in })
  }

  /// Several arguments at once.
  static func pack<each A: Codable & Sendable>() -> PoolCoding where Value == ArgumentPack<repeat each A> {
    PoolCoding(
      form: .encoded, encode: { try $0.append(to: $1) },
      decode: { try ArgumentPack<repeat each A>(reading: $0) })
  }

  /// Encodes a result where an error or a trap is its own business. Code of the user's that will decode it is run there as well, for once.
  func encodeTried(_ value: Value, _ encoder: WireEncoder) throws {
    try encode(value, encoder)
    if !isPrimitive { try encoder.withBytes { _ = try decode($0) } }
  }

  var stride: Int? {
    if case .raw(let stride) = form { stride } else { nil }
  }

  /// Decodes a value that takes up all of the bytes.
  func decode(_ bytes: UnsafeRawBufferPointer, descriptors: WireDescriptors = .none) throws -> Value {
    try Wire.withDecoder(for: bytes, descriptors: descriptors, decode)
  }
}

/// Calls a function with numbers that lie one after another, those of `items`, and writes the results likewise; after each one it tells
/// `counter` how many there are now. Ends early when the rest is not wanted any more.
@usableFromInline
typealias PoolNumbers = (
  _ inputs: UnsafeRawPointer, _ outputs: UnsafeMutableRawPointer, _ items: Range<Int>,
  _ counter: UnsafeMutableRawPointer
) throws -> Void

/// What a pool is asked to do with each input.
@usableFromInline
struct PoolTask<In, Out> {
  enum Body {
    case synchronous((In) throws -> Out)
    case async(@Sendable (In) async throws -> Out)
  }

  let body: Body
  let input: PoolCoding<In>
  let output: PoolCoding<Out>
  /// nil for an async function.
  let numbers: PoolNumbers?

  var isAsync: Bool {
    if case .async = body { true } else { false }
  }

  init(body: Body, input: PoolCoding<In>, output: PoolCoding<Out>, numbers: PoolNumbers? = nil) {
    self.body = body
    self.input = input
    self.output = output
    self.numbers = numbers
  }
}

extension PoolTask {
  @usableFromInline
  init(_ call: @escaping (In) throws -> Out, input: PoolCoding<In>, _ output: PoolCoding<Out>, _ numbers: PoolNumbers?)
  {
    self.init(body: .synchronous(call), input: input, output: output, numbers: numbers)
  }

  /// Made in the caller's module, where the compiler knows the types: see `PoolInputs`.
  @inlinable
  init(_ call: @escaping (In) throws -> Out, input: PoolCoding<In>, _ output: PoolCoding<Out>) {
    self.init(call, input: input, output) { inputs, outputs, items, counter in
      let inputs = inputs.assumingMemoryBound(to: In.self)
      let outputs = outputs.assumingMemoryBound(to: Out.self)
      for item in items {
        (outputs + item).initialize(to: try call(inputs[item]))
        if !finishNumber(item + 1, at: counter) { return }
      }
    }
  }

  @inlinable
  init(_ call: @escaping (In) throws -> Out, _ output: PoolCoding<Out>) where In: Codable {
    self.init(call, input: .codable(), output)
  }

  @usableFromInline
  init(async call: @escaping @Sendable (In) async throws -> Out, input: PoolCoding<In>, _ output: PoolCoding<Out>) {
    self.init(body: .async(call), input: input, output: output)
  }

  @usableFromInline
  init(async call: @escaping @Sendable (In) async throws -> Out, _ output: PoolCoding<Out>) where In: Codable {
    self.init(async: call, input: .codable(), output)
  }

  /// A function of several arguments, which come together.
  static func starred<each A: Codable & Sendable>(
    _ call: @escaping (repeat each A) throws -> Out, _ output: PoolCoding<Out>
  ) -> PoolTask where In == ArgumentPack<repeat each A> {
    PoolTask(
      body: .synchronous { pack in
        let values = pack.values
        return try call(repeat each values)
      }, input: .pack(), output: output)
  }

  static func starred<each A: Codable & Sendable>(
    async call: @escaping @Sendable (repeat each A) async throws -> Out, _ output: PoolCoding<Out>
  ) -> PoolTask where In == ArgumentPack<repeat each A> {
    PoolTask(
      body: .async { pack in
        let values = pack.values
        return try await call(repeat each values)
      }, input: .pack(), output: output)
  }
}

/// So many results are there: whoever finds the count finds them.
func publishCount(_ count: Int, at counter: UnsafeMutableRawPointer) {
  // An `Atomic<Int>` is laid out as its value.
  counter.assumingMemoryBound(to: Atomic<Int>.self).pointee.store(count, ordering: .releasing)
}

extension ArgumentPack {
  init(reading decoder: WireDecoder) throws {
    values = (repeat try decoder.next((each A).self))
  }
}

/// Tuples of arguments as they are pulled, as the `ArgumentPack`s of the same types.
///
/// Without packs of its own: the compiler takes no variable that holds an optional tuple of them.
struct ArgumentPacks<Tuples: Sequence, Pack>: Sequence {
  let tuples: Tuples

  struct Iterator: IteratorProtocol {
    var tuples: Tuples.Iterator

    mutating func next() -> Pack? {
      // A pack is a struct with the tuple for its only field, and is laid out as that.
      tuples.next().map { unsafeBitCast($0, to: Pack.self) }
    }
  }

  func makeIterator() -> Iterator { Iterator(tuples: tuples.makeIterator()) }
}
