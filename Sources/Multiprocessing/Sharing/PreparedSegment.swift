internal import MultiprocessingEngine

extension SharedSegment {
  /// A segment with memory for all of it, laid out by `prepare` before anybody else sees it.
  static func prepared(
    _ label: SegmentLabel, size: Int, holdingMutex: Bool = false,
    _ prepare: (UnsafeMutableRawPointer) throws(SystemFailure) -> Void
  ) throws -> SharedSegment {
    do throws(SystemFailure) {
      let segment = try make(label, capacity: size, reserved: size, holdingMutex: holdingMutex)
      try prepare(segment.contents)
      return segment
    } catch {
      throw SystemError(error)
    }
  }

  /// Throws unless there is room for what the label promises.
  func require(_ size: Int) throws(SegmentError) {
    guard capacity >= size else { throw .notASegment }
  }
}
