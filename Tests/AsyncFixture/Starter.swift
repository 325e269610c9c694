import Dispatch
import Foundation
import Multiprocessing
import Synchronization

/// Who starts the children, and waits for them.
enum Starter: String, CaseIterable {
  /// The main thread.
  case main
  /// A task.
  case task
  /// An actor, in a method of its own.
  case actor

  /// So many side by side: most of their time they sleep.
  private static let most = 48

  /// Starts `count` children, and one that does all kinds of work; what went wrong, in words.
  func run(_ count: Int) -> [String] {
    switch self {
    case .main:
      return Self.batches(count).flatMap { batch in batch.map(Self.started).compactMap { $0.trouble() } }
    case .task:
      return Self.inTask {
        var troubles: [String] = []
        for batch in Self.batches(count) {
          for child in batch.map(Self.started) { if let trouble = await child.trouble() { troubles.append(trouble) } }
        }
        return troubles
      }
    case .actor:
      let parent = Parent()
      return Self.inTask { await parent.run(Self.batches(count)) }
    }
  }

  private actor Parent {
    func run(_ batches: [[AsyncWork]]) async -> [String] {
      var troubles: [String] = []
      for batch in batches {
        for child in batch.map(Starter.started) { if let trouble = await child.trouble() { troubles.append(trouble) } }
      }
      return troubles
    }
  }

  private static func batches(_ count: Int) -> [[AsyncWork]] {
    stride(from: 0, to: count, by: most).map { first in
      (first..<min(first + most, count)).map { AsyncWork.all[$0 % AsyncWork.all.count] }
    } + [[.together]]
  }

  private static func inTask(_ body: @escaping @Sendable () async -> [String]) -> [String] {
    let isDone = DispatchSemaphore(value: 0)
    let troubles = Mutex<[String]>([])
    Task.detached {
      let found = await body()
      troubles.withLock { $0 = found }
      isDone.signal()
    }
    isDone.wait()
    return troubles.withLock { $0 }
  }

  private static func started(_ work: AsyncWork) -> Child {
    let process = Process(target: work.body)
    do {
      try process.start()
      return Child(name: work.name, process: process, failure: nil)
    } catch {
      return Child(name: work.name, process: process, failure: error)
    }
  }

  private struct Child: Sendable {
    let name: String
    let process: Multiprocessing.Process<Bool>
    let failure: (any Error)?

    func trouble() -> String? {
      told { try process.result(timeout: .seconds(120)) }
    }

    func trouble() async -> String? {
      let result: Result<Bool, any Error>
      do { result = .success(try await process.result(timeout: .seconds(120))) } catch { result = .failure(error) }
      return told { try result.get() }
    }

    private func told(_ result: () throws -> Bool) -> String? {
      do {
        if let failure { throw failure }
        return try result() ? nil : "\(name): came to something else"
      } catch {
        // One that hangs would keep what is measured here from its end.
        try? process.kill()
        return "\(name): \(error)"
      }
    }
  }
}

extension AsyncWork {
  /// All of it, one after another.
  static let together = AsyncWork("all in one child") {
    for work in all { guard try await work.body() else { return false } }
    return true
  }
}
