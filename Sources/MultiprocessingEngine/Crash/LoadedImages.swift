import CMultiprocessing
@_spi(Internal) import Runtime

/// The program and its shared libraries, as they lie in memory.
///
/// `ImageMap.capture()` reads /proc/self/maps, and takes the files that symbolication itself has mapped for the libraries: from
/// the second time on, it puts them at wrong addresses. The loader knows better.
struct LoadedImages {
  private struct Image {
    let start: UInt
    let end: UInt
    let path: String
  }

  private final class Collector {
    var images: [Image] = []
  }

  private let images: [Image]

  init() {
    let collector = Collector()
    // The collector outlives the call, which does not keep the pointer.
    mp_images_visit(
      { context, start, end, path in
        Unmanaged<Collector>.fromOpaque(context).takeUnretainedValue()
          .images.append(Image(start: start, end: end, path: String(cString: path)))
      }, Unmanaged.passUnretained(collector).toOpaque())
    images = withExtendedLifetime(collector) { $0.images.sorted { $0.start < $1.start } }
  }

  /// Whether code of an image lies at `address`.
  func contain(_ address: UInt) -> Bool {
    images.contains { $0.start <= address && address < $0.end }
  }

  /// The same for the toolchain's symbolication. A toolchain that no longer understands it gets its own capture, which is
  /// right for the program itself and, the first time, for the libraries.
  var map: ImageMap {
    guard let map = ImageMap(compactImageMapData: compactFormat), map.count == images.count,
      zip(map, images).allSatisfy({ UInt($0.baseAddress) == $1.start && $0.path == $1.path })
    else { return ImageMap.capture() }
    return map
  }

  /// In the toolchain's "Compact ImageMap Format", the one way to make a map of one's own.
  private var compactFormat: [UInt8] {
    var bytes: [UInt8] = [0b10]  // version 0, addresses of 64 bits
    bytes.append(0)  // no name of a platform
    bytes += Self.sevenBitGroups(images.count)
    for image in images {
      bytes.append(0b00_111_111)  // eight bytes of absolute address, eight bytes of length
      bytes += Self.bigEndian(image.start)
      bytes += Self.bigEndian(image.end - image.start)
      bytes.append(0)  // no build id
      var path = Array(image.path.utf8)[...]
      while !path.isEmpty {
        let chunk = path.prefix(63)
        bytes.append(UInt8(chunk.count))
        bytes += chunk
        path = path.dropFirst(chunk.count)
      }
      bytes.append(0)  // the end of the path
    }
    return bytes
  }

  private static func bigEndian(_ value: UInt) -> [UInt8] {
    withUnsafeBytes(of: UInt64(value).bigEndian) { Array($0) }
  }

  private static func sevenBitGroups(_ value: Int) -> [UInt8] {
    var groups = [UInt8(value & 0x7F)]
    var rest = value >> 7
    while rest > 0 {
      groups.insert(UInt8(rest & 0x7F) | 0x80, at: 0)
      rest >>= 7
    }
    return groups
  }
}
