import CMultiprocessing
import Glibc
@_spi(Internal) import Runtime

/// One line of a crash's backtrace.
package struct SymbolicatedFrame: Sendable, Hashable {
  /// Demangled, or "<unknown>".
  package let function: String
  package let file: String?
  package let line: Int?
  package let address: UInt
  /// Whether the function has no frame of its own but is part of the next one.
  package let isInlined: Bool

  package init(function: String, file: String?, line: Int?, address: UInt, isInlined: Bool) {
    self.function = function
    self.file = file
    self.line = line
    self.address = address
    self.isInlined = isInlined
  }
}

/// The names and places behind a record's addresses.
///
/// Made in the process that forked the crashed one, which shares its layout of memory, and only when somebody reads the
/// report: the first one reads debug information for milliseconds, later ones on the same thread take well below one. Nothing
/// is kept here; keep the result.
package struct Symbolication: Sendable {
  /// Innermost first. The machinery of dying at the front (`_assertionFailure`, `abort`, `raise` …) is left out, so that the
  /// first frame is what failed; thunks of the compiler are left out everywhere. Functions of the standard library and of
  /// C libraries stay: "Array.subscript.getter" and "strlen" tell something.
  package let frames: [SymbolicatedFrame]

  /// What a trap in optimized code was about, "arithmetic overflow" or "Index out of range": the compiler leaves that in the
  /// debug information instead of printing it. It may be nil there too, where the optimizer has merged several traps.
  package let runtimeFailure: String?

  /// Reading debug information has state of its own in the toolchain.
  private static let lock = ForkAwareLock(())

  package init(of record: CrashRecord) {
    let all = Self.lock.withLock { _ in Self.lookUp(record) }
    let isTrap = (record.signal == SIGILL || record.signal == SIGTRAP) && record.sender == nil
    runtimeFailure = isTrap ? TrapFrames.failure(in: all.map(\.frame)) : nil
    frames = TrapFrames.trimmed(all.filter { !$0.isThunk && !TrapFrames.isThunk($0.frame) }.map(\.frame))
  }

  private struct Entry {
    let frame: SymbolicatedFrame
    let isThunk: Bool
  }

  private static func lookUp(_ record: CrashRecord) -> [Entry] {
    let images = LoadedImages()
    let map = images.map
    var entries: [Entry] = []
    // A deep recursion has few places, many times.
    var known: [UInt: [Entry]] = [:]
    for (index, address) in ([record.programCounter] + record.returnAddresses).enumerated() {
      // A return address is the instruction after the call, perhaps already of another line or function. (The one of a
      // call through a wild pointer is known to be one as well, and `programCounter` is then in no image.)
      let place = index == 0 ? address : address &- 1
      // The toolchain meets only addresses that lie in code.
      guard images.contain(place) else {
        entries.append(unknown(address))
        continue
      }
      if known[place] == nil {
        let found = symbolicated(place, in: map).map { entry(for: $0, address: address, place) }
        known[place] = found.isEmpty ? [exported(place, address: address)] : found
      }
      entries += known[place] ?? []
    }
    return entries
  }

  private static func symbolicated(_ place: UInt, in map: ImageMap) -> [SymbolicatedBacktrace.Frame] {
    let frame = RichFrame<UInt64>.programCounter(UInt64(place))
    let result = Backtrace(architecture: architecture, frames: [frame], images: map).symbolicated()
    // Others stand for frames that have been left out, or for the end.
    return result?.frames.filter { if case .programCounter = $0.captured { true } else { false } } ?? []
  }

  private static func entry(for frame: SymbolicatedBacktrace.Frame, address: UInt, _ place: UInt) -> Entry {
    guard let symbol = frame.symbol, symbol.rawName != "<unknown>" else {
      return exported(place, address: address)
    }
    var file: String?
    var line: Int?
    // The compiler writes line 0, and this for a path, where code belongs to no line.
    if let location = symbol.sourceLocation, location.line > 0,
      !location.path.contains("<compiler-generated>")
    {
      file = location.path
      line = location.line
    }
    return Entry(
      frame: SymbolicatedFrame(
        function: symbol.name, file: file, line: line, address: address, isInlined: frame.inlined),
      isThunk: frame.isSwiftThunk)
  }

  /// Where the toolchain finds nothing, a library without a symbol table for one, the loader may know the exported function.
  private static func exported(_ place: UInt, address: UInt) -> Entry {
    guard let name = mp_images_symbol(place).map({ String(cString: $0) }) else { return unknown(address) }
    // Only for its `name`, which is demangled.
    let symbol = SymbolicatedBacktrace.Symbol(
      imageIndex: 0, imageName: "", rawName: name, offset: 0, sourceLocation: nil)
    return Entry(
      frame: SymbolicatedFrame(
        function: symbol.name, file: nil, line: nil, address: address, isInlined: false),
      isThunk: symbol.isSwiftThunk)
  }

  private static func unknown(_ address: UInt) -> Entry {
    Entry(
      frame: SymbolicatedFrame(
        function: "<unknown>", file: nil, line: nil, address: address, isInlined: false), isThunk: false)
  }

  private static var architecture: String {
    #if arch(x86_64)
      "x86_64"
    #elseif arch(arm64)
      "arm64"
    #else
      "unknown"
    #endif
  }
}
