/// A long payload that is copied when the result is put together.
protocol WirePayload {
  var byteCount: Int { get }
  func copy(to target: UnsafeMutableRawPointer)
}

/// The elements of an array of numbers.
struct WireNumbers<Element: WireNumber>: WirePayload {
  let elements: [Element]

  var byteCount: Int { elements.count * MemoryLayout<Element>.size }

  func copy(to target: UnsafeMutableRawPointer) {
    elements.withUnsafeBytes { bytes in
      guard let source = bytes.baseAddress else { return }
      target.copyMemory(from: source, byteCount: bytes.count)
    }
  }
}

/// The bytes of a string.
struct WireText: WirePayload {
  let string: String
  let byteCount: Int

  func copy(to target: UnsafeMutableRawPointer) {
    var string = string
    string.withUTF8 { utf8 in
      guard let source = utf8.baseAddress else { return }
      target.copyMemory(from: source, byteCount: utf8.count)
    }
  }
}
