import Foundation
import Multiprocessing

/// A parent whose past is known, and its async children: `async-fixture PARENT` does every kind of work in a child of its own, then
/// all of it in one; `async-fixture PARENT COUNT` goes on until there were so many children. Ends with the number that failed.
@main
enum Command {
  static func main() throws {
    let arguments = CommandLine.arguments.dropFirst()
    guard let name = arguments.first, let parent = AsyncParent(rawValue: name) else { fatalError("name a parent") }
    parent.prepare()
    let count = arguments.dropFirst().first.flatMap(Int.init) ?? AsyncWork.all.count
    var failed: Int32 = 0
    for number in 0..<count {
      let work = AsyncWork.all[number % AsyncWork.all.count]
      if let trouble = trouble(work.body) {
        failed += 1
        print("\(work.name): \(trouble)")
      }
    }
    let together = trouble {
      for work in AsyncWork.all { guard try await work.body() else { return false } }
      return true
    }
    if let together {
      failed += 1
      print("all in one child: \(together)")
    }
    print("\(count + 1) children of a parent \(name), \(failed) failed")
    fflush(nil)
    // At once: the busy tasks never end.
    _exit(min(failed, 100))
  }

  private static func trouble(_ body: @escaping @Sendable () async throws -> Bool) -> String? {
    let process = Process(target: body)
    do {
      try process.start()
      return try process.result(timeout: .seconds(60)) ? nil : "came to something else"
    } catch {
      try? process.kill()
      return "\(error)"
    }
  }
}
