internal import MultiprocessingEngine

/// A shared object that is a segment of shared memory: every copy of it, in whatever process, works on the same bytes.
protocol SegmentHandle: AnyObject, Codable {
  /// What the segment says it holds.
  static var label: SegmentLabel { get }

  var segment: SharedSegment { get }

  /// The object in a segment of that label, made by any process. Throws for contents that cannot be.
  init(segment: SharedSegment) throws
}

extension SegmentHandle {
  /// Takes the object along with the arguments of a process, or with a message over a `Connection`.
  ///
  /// - Throws: `EncodingError` for every other coder.
  public func encode(to encoder: any Encoder) throws {
    try HandleCoding.encode(segment.descriptor.raw, of: self, to: encoder)
  }

  /// Finds the object that was sent: the same one, not a copy.
  ///
  /// - Throws: `DecodingError` for every other coder, and for what is no such object; `SystemError`.
  public init(from decoder: any Decoder) throws {
    do {
      let segment =
        switch try HandleCoding.decode(Self.self, from: decoder) {
        case .inherited(let raw): try SharedSegment.find(inherited: raw, Self.label)
        case .received(let descriptor): try SharedSegment.find(descriptor, Self.label)
        }
      try self.init(segment: segment)
    } catch let error as SegmentError {
      throw HandleCoding.corrupted(Self.self, "\(error)", from: decoder)
    } catch let failure as SystemFailure {
      throw SystemError(failure)
    }
  }
}
