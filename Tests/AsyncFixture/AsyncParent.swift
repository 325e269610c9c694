import Dispatch
import Foundation
import Multiprocessing

/// What the parent of the async children has done before, and goes on to do.
enum AsyncParent: String, CaseIterable {
  /// Never touched concurrency, nor Dispatch.
  case untouched
  /// Has run tasks, which are all done.
  case idle
  /// Four tasks, four threads and two Dispatch queues work without a pause.
  case busy
  /// Has used Dispatch alone.
  case dispatch
  /// Threads are inside of the Swift runtime, of malloc and of stdio most of the time.
  case hammered

  func prepare() {
    switch self {
    case .untouched: break
    case .idle: Self.runSomeTasks()
    case .busy:
      Self.runSomeTasks()
      for _ in 0..<4 { Task.detached { await Self.makeTasks() } }
      for _ in 0..<4 { Foundation.Thread.detachNewThread { Self.fillLists() } }
      for number in 0..<2 { Self.keepBusy(DispatchQueue(label: "busy \(number)")) }
    case .dispatch:
      let isDone = DispatchSemaphore(value: 0)
      for _ in 0..<8 { DispatchQueue.global().async { isDone.signal() } }
      for _ in 0..<8 { isDone.wait() }
    case .hammered: Hammers.start()
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

  private static func makeTasks() async {
    var sum = 0
    while true {
      sum &+= await withTaskGroup(of: Int.self) { group in
        for number in 0..<4 { group.addTask { number } }
        return await group.reduce(0, +)
      }
      if sum % 16 == 0 { try? await Task.sleep(for: .microseconds(200)) }
    }
  }

  private static func fillLists() {
    var round = 0
    while true {
      let texts = (0..<20).map { "\($0) \(round)" }
      precondition(texts.count == 20)
      round &+= 1
      // Ten busy threads on two processors would leave the children nothing.
      usleep(200)
    }
  }

  private static func keepBusy(_ queue: DispatchQueue) {
    queue.asyncAfter(deadline: .now() + .microseconds(100)) {
      fillOnce()
      keepBusy(queue)
    }
  }

  private static func fillOnce() { precondition((0..<20).map { "\($0)" }.joined().count == 30) }
}
