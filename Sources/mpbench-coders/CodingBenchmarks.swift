import Foundation
import Glibc
import Measuring
import Multiprocessing

extension Benchmark {
  /// The coder of arguments and results beside Foundation's, and beside memcpy(3).
  ///
  /// A rate is that of bytes that went through a coder: one encoding and one decoding count the size that the value has in
  /// memory once each. It is the same size for every coder, however long its encoding is, so that rates compare as times do.
  static var coding: [Benchmark] {
    [messages("code_struct", count: 5000) { Order.sample }]
      + foundation("code_struct", count: 5000) { Order.sample }
      + [wire("code_doubles", count: 100) { doubles }]
      + foundation("code_doubles", count: 1) { doubles }
      + [
        wire("code_bytes", count: 100) { (0..<megabytes8).map { UInt8(truncatingIfNeeded: $0 &* 31) } },
        wire("code_string", count: 100) {
          text(of: "A process has an address space of its own, and nothing in common with others.\n")
        },
        wire("code_string", "wire, not ASCII", count: 100) {
          text(of: "A process has an address space of its own. 프로세스는 자기만의 주소 공간을 가진다.\n")
        },
        Benchmark("memcpy", "8 MB", unit: .gibibytesPerSecond, count: 100, round: copying),
      ]
  }

  private static let megabytes8 = 8_000_000

  /// With all the digits that a measured number has.
  private static var doubles: [Double] {
    (0..<megabytes8 / MemoryLayout<Double>.stride).map { (Double($0) + 0.1).squareRoot() }
  }

  private static func text(of line: String) -> String {
    String(repeating: line, count: megabytes8 / line.utf8.count)
  }

  /// Each coder is made once, as programs do.
  private static func foundation<Value: Sized>(
    _ bench: String, count: Int, _ value: @escaping () -> Value
  ) -> [Benchmark] {
    [
      Benchmark(bench, "json", unit: .gibibytesPerSecond, count: count) { count in
        let (encoder, decoder) = (JSONEncoder(), JSONDecoder())
        return try throughput(count, of: value()) { try decoder.decode(Value.self, from: encoder.encode($0)) }
      },
      Benchmark(bench, "plist", unit: .gibibytesPerSecond, count: count) { count in
        let (encoder, decoder) = (PropertyListEncoder(), PropertyListDecoder())
        encoder.outputFormat = .binary
        return try throughput(count, of: value()) { try decoder.decode(Value.self, from: encoder.encode($0)) }
      },
    ]
  }

  /// As queues and connections code their messages, by one coder for all of a type.
  private static func messages<Value: Sized>(
    _ bench: String, count: Int, _ value: @escaping () -> Value
  ) -> Benchmark {
    Benchmark(bench, "wire", unit: .gibibytesPerSecond, count: count) { count in
      let coder = WireMessageCoder<Value>()
      return try throughput(count, of: value()) { value in
        var copy: Value?
        try coder.encode(value) { bytes in copy = try coder.decode { $0.copy(bytes) } }
        guard let copy else { throw WrongOutcome("nothing came back") }
        return copy
      }
    }
  }

  /// As arguments and results are coded, each by itself.
  private static func wire<Value: Sized>(
    _ bench: String, _ variant: String = "wire", count: Int, _ value: @escaping () -> Value
  ) -> Benchmark {
    Benchmark(bench, variant, unit: .gibibytesPerSecond, count: count) { count in
      try throughput(count, of: value()) { try Wire.decode(Value.self, from: try Wire.encode($0)) }
    }
  }

  private static func throughput<Value: Sized>(
    _ count: Int, of value: Value, bothWays: (Value) throws -> Value
  ) throws -> Double {
    var last: Value?
    let rate = try rate(count, bytes: 2 * value.memorySize) { last = try bothWays(value) }
    guard last == value else { throw WrongOutcome("another value came back") }
    return rate
  }

  private static func copying(_ count: Int) throws -> Double {
    let source = UnsafeMutableRawBufferPointer.allocate(byteCount: megabytes8, alignment: 64)
    let target = UnsafeMutableRawBufferPointer.allocate(byteCount: megabytes8, alignment: 64)
    defer {
      source.deallocate()
      target.deallocate()
    }
    memset(source.baseAddress!, 7, megabytes8)
    memset(target.baseAddress!, 1, megabytes8)
    var (copies, sum) = (0, 0)
    let rate = try rate(count, bytes: megabytes8) {
      // Another byte each time, which is looked at: no copy can be left out.
      copies += 1
      source[copies] = 9
      memcpy(target.baseAddress!, source.baseAddress!, megabytes8)
      sum += Int(target[copies])
    }
    guard sum == 9 * copies else { throw WrongOutcome("the copies add up to \(sum)") }
    return rate
  }
}
