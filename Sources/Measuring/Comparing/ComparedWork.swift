/// A row of the comparison: the same work on all sides, each of which has its own name for it.
package struct ComparedWork: Equatable, Sendable {
  package enum Side: Sendable, CaseIterable {
    case c, swift, python
  }

  /// What it is, for people.
  package let name: String
  package let unit: Benchmark.Unit
  /// The title of the benchmark.
  package let title: String
  /// Whose figures the limit is taken from: the best of them.
  package let limitSide: Side
  package let limits: [String]
  /// The title of Python's figure; nil if it has nothing of the kind.
  package let python: String?
  package let target: Target?

  package func titles(of side: Side) -> [String] {
    let limits = limitSide == side ? limits : []
    return switch side {
    case .c: limits
    case .swift: [title] + limits
    case .python: python.map { [$0] } ?? []
    }
  }

  /// - Parameters:
  ///   - limits: those of C that are not called as the benchmark is; nil: one that is, and none for [].
  ///   - python: whether Python has one, which is called as the benchmark is.
  private static func work(
    _ name: String, _ title: String, _ unit: Benchmark.Unit, _ target: Target? = nil, limits: [String]? = nil,
    on limitSide: Side = .c, python: Bool = true
  ) -> ComparedWork {
    ComparedWork(
      name: name, unit: unit, title: title, limitSide: limitSide, limits: limits ?? [title],
      python: python ? title : nil, target: target)
  }

  package static let all: [ComparedWork] =
    starts + messages + sharing + coders + pools + [
      work("thread, start and join", "thread_start_join", .microseconds, .times(.atMost, 1.3)),
      work("program, /bin/true", "spawn_true touched 0 MiB", .microseconds, .times(.atMost, 1.1)),
      work(
        "program, parent has touched 512 MiB", "spawn_true touched 512 MiB", .microseconds, .times(.atMost, 1.1)),
      work("program, what echo writes", "spawn_echo_capture", .microseconds),
    ]

  private static let starts = [
    work("process, start and join", "start_join touched 0 MiB", .microseconds, .times(.atMost, 1.5)),
    // What is left when the library is left out: the Swift program's memory, which every fork of it copies.
    work(
      "process, bare fork of the Swift program", "start_join fork of this program alone", .microseconds,
      limits: ["start_join touched 0 MiB"], python: false),
    work("process, parent has touched 64 MiB", "start_join touched 64 MiB", .microseconds),
    work(
      "process, parent has touched 512 MiB", "start_join touched 512 MiB", .microseconds, .times(.atMost, 1.1)),
    work("process, 64 bytes there, a result back", "start_args_result", .microseconds, .times(.atMost, 2)),
    work("process, page faults of an empty one", "start_faults", .faults, .figure(.atMost, 80)),
    work(
      "process, from its crash to the error", "crash_to_error unsymbolised", .microseconds, .figure(.atMost, 3000),
      limits: [], python: false),
  ]

  private static let messages = [
    pingPong("", nil),
    pingPong("both on cpu 0", .times(.atMost, 1.5)),
    pingPong("cpu 0 and cpu 1", .times(.atMost, 1.5)),
    work(
      "connection, messages of 1 MiB", "bandwidth_connection 1 MiB messages", .gibibytesPerSecond,
      .times(.atLeast, 0.8),
      limits: ["bandwidth_pipe 64 KiB pipe", "bandwidth_pipe 1 MiB pipe", "bandwidth_socketpair"]),
    work(
      "queue, 1 producer and 1 consumer, 64 bytes", "queue_1p1c", .messagesPerSecond, .figure(.atLeast, 5_000_000),
      limits: ["queue_1p1c ring in shared memory"]),
    work(
      "queue, 2 producers and 2 consumers", "queue_2p2c", .messagesPerSecond, .figure(.atLeast, 3_000_000),
      limits: []),
  ]

  /// A connection goes both ways, as a socket does. Two pipes are quicker on one processor, but two.
  private static func pingPong(_ variant: String, _ target: Target?) -> ComparedWork {
    let ending = variant.isEmpty ? "" : " \(variant)"
    return work(
      "connection, 64 bytes there and back" + (variant.isEmpty ? "" : ", \(variant)"), "pingpong_connection" + ending,
      .microseconds, target, limits: ["pingpong_socketpair" + ending])
  }

  private static let sharing = [
    work(
      "lock, uncontended", "lock_uncontended", .nanoseconds, .times(.atMost, 1.3),
      limits: ["lock_uncontended robust mutex"]),
    work(
      "lock, 2 processes contending", "lock_contended_2", .operationsPerSecond, .times(.atLeast, 0.5),
      limits: ["lock_contended_2 mutex", "lock_contended_2 robust mutex"]),
    work(
      "shared array, copied in and out", "bandwidth_shm", .gibibytesPerSecond, .times(.atLeast, 0.95)),
  ]

  private static let coders = [
    coding(
      "a struct, beside Foundation's", "code_struct", .times(.atLeast, 5), ["code_struct json", "code_struct plist"]),
    coding("8 MB of Double, beside memcpy", "code_doubles", .times(.atLeast, 0.5), ["memcpy 8 MB"]),
    coding("8 MB of UInt8, beside memcpy", "code_bytes", .times(.atLeast, 0.5), ["memcpy 8 MB"]),
    coding("8 MB of String, beside memcpy", "code_string", .times(.atLeast, 0.5), ["memcpy 8 MB"]),
  ]

  private static func coding(_ name: String, _ bench: String, _ target: Target, _ limits: [String]) -> ComparedWork {
    work(
      "coding \(name)", "\(bench) wire", .gibibytesPerSecond, target, limits: limits, on: .swift, python: false)
  }

  private static let pools = [
    work(
      "pool, one task there and back", "pool_submit_latency registered", .microseconds, .times(.atMost, 3),
      limits: ["pool_submit_latency shared pipes"]),
    work(
      "pool, tiny tasks, chunks of 1", "pool_map_tiny chunk 1", .tasksPerSecond, .figure(.atLeast, 1_000_000),
      limits: ["pool_map_tiny chunk 1, shared pipes", "pool_map_tiny chunk 1, shared memory rings"]),
    work(
      "pool, tiny tasks, chunks of 64", "pool_map_tiny chunk 64", .tasksPerSecond,
      limits: ["pool_map_tiny chunk 64, shared pipes"]),
    work(
      "pool, tiny tasks, default chunks", "pool_map_tiny chunk default", .tasksPerSecond,
      .figure(.atLeast, 15_000_000), limits: ["pool_map_tiny chunk 64, shared pipes"]),
    work(
      "pool, 64 inputs of 1 MiB", "pool_map_64x1MiB", .gibibytesPerSecond, .times(.atLeast, 1),
      limits: ["pool_map_64x1MiB pipe per worker"]),
    work(
      "pool, a closure it has not seen", "pool_map_new_closure warm pool", .microseconds, .figure(.atMost, 1000),
      limits: [], python: false),
  ]
}
