import Glibc

/// What malloc knows of itself. Its header is in no module, so its functions are looked up.
enum Malloc {
  /// Gives back what is free: what stays resident is in use, or holes between what is.
  static func trim() {
    typealias Function = @convention(c) (Int) -> Int32
    guard let address = dlsym(nil, "malloc_trim") else { return }
    _ = unsafeBitCast(address, to: Function.self)(0)
  }

  /// Bytes that it has given out, in all its arenas; 0 where it does not tell.
  static var bytesInUse: Int {
    typealias Function = @convention(c) (Int32, UnsafeMutablePointer<FILE>) -> Int32
    var text: UnsafeMutablePointer<CChar>?
    var length = 0
    guard let address = dlsym(nil, "malloc_info"), let stream = open_memstream(&text, &length) else { return 0 }
    let error = unsafeBitCast(address, to: Function.self)(0, stream)
    fclose(stream)
    defer { free(text) }
    guard error == 0, let text else { return 0 }
    return bytesInUse(in: String(cString: text))
  }

  /// The sums of malloc_info(3) stand at its end, after those of each arena.
  static func bytesInUse(in text: String) -> Int {
    func last(_ label: String) -> Int {
      let line = text.split(separator: "\n").last { $0.hasPrefix("<\(label)\"") }
      return line?.split(separator: "\"").last { $0.allSatisfy(\.isNumber) }.flatMap { Int($0) } ?? 0
    }
    return last("system type=\"current") - last("total type=\"fast") - last("total type=\"rest")
      + last("total type=\"mmap")
  }
}
