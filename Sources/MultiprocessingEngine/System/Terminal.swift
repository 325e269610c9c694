import CMultiprocessing
import Glibc

/// Standard error as people look at it.
package enum Terminal {
  /// The columns of the terminal that standard error goes to; nil when it goes elsewhere, or to one that cannot move its cursor.
  package static var columns: Int? {
    var size = winsize()
    guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 else { return nil }
    if let kind = getenv("TERM"), strcmp(kind, "dumb") == 0 { return nil }
    // One that does not know its size says 0.
    return size.ws_col == 0 ? 80 : Int(size.ws_col)
  }

  /// Writes a piece of text to standard error at once, unless nobody makes room for it.
  package static func write(_ text: String) {
    var text = text
    text.withUTF8 { utf8 in
      utf8.withMemoryRebound(to: CChar.self) { mp_write_line($0.baseAddress!, $0.count) }
    }
  }
}
