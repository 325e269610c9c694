import CMultiprocessing

/// The program's standard output and error.
package enum StandardStreams {
  /// Writes out what is buffered, unless another thread is using a stream this moment. To be called without any lock: the
  /// reader of the stream may be a thread of this very program.
  package static func flush() { mp_flush_standard_streams() }

  /// The same for standard output alone; costs next to nothing where nothing is buffered.
  package static func flushOutput() { mp_flush_output() }

  /// Writes one line to standard error, however many `text` has, and no longer than a screen; for what cannot be thrown.
  package static func complain(_ text: String) {
    var line = text.prefix(2000).split(whereSeparator: \.isNewline).joined(separator: " ") + "\n"
    line.withUTF8 { utf8 in
      utf8.withMemoryRebound(to: CChar.self) { mp_write_line($0.baseAddress!, $0.count) }
    }
  }
}
