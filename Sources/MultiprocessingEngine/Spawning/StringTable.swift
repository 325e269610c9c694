import Glibc

/// Strings as C has them and the list of them, with a null at its end, in one piece of memory.
final class StringTable {
  let list: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>

  /// None of `strings` holds a NUL.
  init(_ strings: [[UInt8]]) {
    let room = strings.reduce(0) { $0 + $1.count + 1 }
    let listSize = (strings.count + 1) * MemoryLayout<UnsafeMutablePointer<CChar>?>.stride
    let memory = UnsafeMutableRawPointer.allocate(
      byteCount: listSize + room, alignment: MemoryLayout<UnsafeMutablePointer<CChar>?>.alignment)
    list = memory.bindMemory(to: UnsafeMutablePointer<CChar>?.self, capacity: strings.count + 1)
    var next = memory + listSize
    for (index, string) in strings.enumerated() {
      (list + index).initialize(to: next.bindMemory(to: CChar.self, capacity: string.count + 1))
      string.withUnsafeBytes { if let start = $0.baseAddress { next.copyMemory(from: start, byteCount: $0.count) } }
      next.storeBytes(of: 0, toByteOffset: string.count, as: UInt8.self)
      next += string.count + 1
    }
    (list + strings.count).initialize(to: nil)
  }

  deinit { UnsafeMutableRawPointer(list).deallocate() }
}
