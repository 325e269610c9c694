import Dispatch
import Foundation
import Multiprocessing

/// What the parent of the async children has done before, and goes on to do.
enum AsyncParent: String, CaseIterable {
  /// Never touched concurrency, nor Dispatch.
  case untouched
  /// Has run tasks, which are all done.
  case idle
  /// Four tasks make tasks and sleep without a pause.
  case busy
  /// Has used Dispatch alone.
  case dispatch

  func prepare() {
    switch self {
    case .untouched: break
    case .idle: Self.runSomeTasks()
    case .busy:
      Self.runSomeTasks()
      for _ in 0..<4 { Task.detached { await Self.hammer() } }
    case .dispatch:
      let isDone = DispatchSemaphore(value: 0)
      for _ in 0..<8 { DispatchQueue.global().async { isDone.signal() } }
      for _ in 0..<8 { isDone.wait() }
    }
  }

  private static func runSomeTasks() {
    let isDone = DispatchSemaphore(value: 0)
    Task {
      _ = await Counter.ofTheParent.increment()
      await withTaskGroup(of: Void.self) { group in
        for _ in 0..<8 { group.addTask { try? await Task.sleep(for: .milliseconds(1)) } }
      }
      isDone.signal()
    }
    isDone.wait()
  }

  private static func hammer() async {
    var sum = 0
    while true {
      sum &+= await withTaskGroup(of: Int.self) { group in
        for number in 0..<4 { group.addTask { number } }
        return await group.reduce(0, +)
      }
      if sum % 16 == 0 { try? await Task.sleep(for: .microseconds(200)) }
    }
  }
}
