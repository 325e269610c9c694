internal import MultiprocessingEngine

/// How values of one type cross between a pool and its workers.
struct PoolCoding<Value> {
  enum Form {
    /// Numbers: as they lie in memory, so many bytes each.
    case raw(stride: Int)
    case encoded
  }

  let form: Form
  let encode: (Value, WireEncoder) throws -> Void
  let decode: (WireDecoder) throws -> Value

  static func codable() -> PoolCoding where Value: Codable {
    // Records lie at multiples of eight.
    let isRaw = Value.self is any WireNumber.Type && MemoryLayout<Value>.alignment <= 8
    return PoolCoding(
      form: isRaw ? .raw(stride: MemoryLayout<Value>.stride) : .encoded,
      encode: { try $1.append($0) }, decode: { try $0.next(Value.self) })
  }

  /// A result that there is none of.
  static func void() -> PoolCoding where Value == Void {
    PoolCoding(form: .raw(stride: 0), encode: { _, _ in }, decode: { _ in })
  }

  /// Several arguments at once.
  static func pack<each A: Codable & Sendable>() -> PoolCoding where Value == ArgumentPack<repeat each A> {
    PoolCoding(
      form: .encoded, encode: { try $0.append(to: $1) },
      decode: { try ArgumentPack<repeat each A>(reading: $0) })
  }

  var stride: Int? {
    if case .raw(let stride) = form { stride } else { nil }
  }

  /// Decodes a value that takes up all of the bytes.
  func decode(_ bytes: UnsafeRawBufferPointer, descriptors: WireDescriptors = .none) throws -> Value {
    try Wire.withDecoder(for: bytes, descriptors: descriptors, decode)
  }
}

/// What a pool is asked to do with each input.
struct PoolTask<In, Out> {
  enum Body {
    case synchronous((In) throws -> Out)
    case async(@Sendable (In) async throws -> Out)
  }

  let body: Body
  let input: PoolCoding<In>
  let output: PoolCoding<Out>

  var isAsync: Bool {
    if case .async = body { true } else { false }
  }
}

extension PoolTask {
  init(_ call: @escaping (In) throws -> Out, input: PoolCoding<In>, _ output: PoolCoding<Out>) {
    self.init(body: .synchronous(call), input: input, output: output)
  }

  init(async call: @escaping @Sendable (In) async throws -> Out, input: PoolCoding<In>, _ output: PoolCoding<Out>) {
    self.init(body: .async(call), input: input, output: output)
  }

  init(_ call: @escaping (In) throws -> Out, _ output: PoolCoding<Out>) where In: Codable {
    self.init(call, input: .codable(), output)
  }

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
