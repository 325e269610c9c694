internal import MultiprocessingEngine

/// What a pool's workers have done so far.
public struct PoolStatistics: Sendable, Hashable, Codable {
  /// One of the pool's places, on which one worker follows another.
  public struct Worker: Sendable, Hashable, Codable {
    /// The pid of the worker that is there now, for a pool of threads the number of the thread; nil when there is none.
    public var id: Int?
    /// How many tasks have ended here, failed ones included.
    public var tasks = 0
    /// The time that workers have run tasks here.
    public var busyTime = Duration.zero
    /// The time that workers have waited for tasks here.
    public var idleTime = Duration.zero
    /// How many workers have been replaced here: that died, were ended, or had done their share.
    public var restarts = 0
    /// The most memory that a worker here has had, in resident bytes; 0 for threads, and where the system does not tell.
    public var peakMemory = 0

    /// The part of its time that it was busy, from 0 to 1.
    public var load: Double {
      let (busy, all) = (busyTime / .seconds(1), (busyTime + idleTime) / .seconds(1))
      return all > 0 ? busy / all : 0
    }
  }

  /// By their places.
  public var workers: [Worker] = []

  /// How many tasks have ended.
  public var tasks: Int { workers.map(\.tasks).reduce(0, +) }
  /// The time that all workers together have run tasks.
  public var busyTime: Duration { workers.map(\.busyTime).reduce(.zero, +) }
  /// The time that all workers together have waited for tasks.
  public var idleTime: Duration { workers.map(\.idleTime).reduce(.zero, +) }
  /// How many workers have been replaced.
  public var restarts: Int { workers.map(\.restarts).reduce(0, +) }
  /// The most memory that any one worker has had, in resident bytes.
  public var peakMemory: Int { workers.map(\.peakMemory).max() ?? 0 }
}

extension PoolStatistics: CustomStringConvertible {
  /// A line for each worker, and one for all.
  public var description: String {
    let lines = workers.enumerated().map { place, worker in
      "worker \(place + 1)\(worker.id.map { " (\($0))" } ?? ""): "
        + Self.line(worker.tasks, worker.busyTime, worker.idleTime, worker.restarts, worker.peakMemory)
    }
    return (lines + ["all: " + Self.line(tasks, busyTime, idleTime, restarts, peakMemory)]).joined(separator: "\n")
  }

  private static func line(
    _ tasks: Int, _ busy: Duration, _ idle: Duration, _ restarts: Int, _ memory: Int
  ) -> String {
    var parts = ["\(tasks) tasks", "\(seconds(busy)) busy", "\(seconds(idle)) idle", "\(restarts) restarts"]
    if memory > 0 { parts.append("\((memory + 1 << 20 - 1) >> 20) MiB at most") }
    return parts.joined(separator: ", ")
  }

  private static func seconds(_ duration: Duration) -> String {
    let hundredths = Int64((duration / .milliseconds(10)).rounded())
    return "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100) s"
  }
}

extension PoolStatistics {
  /// The most resident bytes that a process has had so far, as proc(5) tells; 0 when it does not.
  static func peakMemory(of pid: Int32) -> Int {
    let lines = SmallFile.read("/proc/\(pid)/status")?.split(separator: "\n") ?? []
    guard let line = lines.first(where: { $0.hasPrefix("VmHWM:") }) else { return 0 }
    return (Int(line.filter(\.isNumber)) ?? 0) << 10
  }
}

/// Counts what a pool's workers do. Pure: times are nanoseconds on the monotonic clock.
struct PoolTally {
  private struct Place {
    var worker = PoolStatistics.Worker()
    /// Since when the worker that is there has been ready.
    var since: UInt64?
    /// The time of those that were there before it.
    var past: UInt64 = 0
    var busy: UInt64 = 0
    var hasHadWorker = false
  }

  private var places: [Place] = []

  private mutating func place(_ number: Int, _ body: (inout Place) -> Void) {
    while places.count <= number { places.append(Place()) }
    body(&places[number])
  }

  /// A worker is ready for tasks.
  mutating func began(_ number: Int, id: Int, at time: UInt64) {
    place(number) { place in
      place.worker.id = id
      if place.hasHadWorker { place.worker.restarts += 1 }
      place.hasHadWorker = true
      place.since = time
    }
  }

  /// It has run tasks for so many nanoseconds.
  mutating func ran(_ number: Int, tasks: Int, for duration: UInt64) {
    place(number) { place in
      place.worker.tasks += tasks
      place.busy += duration
    }
  }

  /// It was seen with so many resident bytes.
  mutating func saw(_ number: Int, memory: Int) {
    place(number) { $0.worker.peakMemory = max($0.worker.peakMemory, memory) }
  }

  /// It is gone.
  mutating func ended(_ number: Int, at time: UInt64) {
    place(number) { place in
      place.worker.id = nil
      if let since = place.since.take(), time > since { place.past += time - since }
    }
  }

  func statistics(at time: UInt64) -> PoolStatistics {
    PoolStatistics(
      workers: places.map { place in
        var worker = place.worker
        let present = place.since.map { time > $0 ? time - $0 : 0 } ?? 0
        let all = place.past + present
        worker.busyTime = .nanoseconds(Int64(clamping: place.busy))
        // A slice that is being told of may be a little ahead of the clock that was read.
        worker.idleTime = .nanoseconds(Int64(clamping: all > place.busy ? all - place.busy : 0))
        return worker
      })
  }
}
