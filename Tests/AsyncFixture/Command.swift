import Foundation
import Multiprocessing

/// A parent whose past is known, and its async children: `async-fixture PARENT` does every kind of work in a child of its own, then
/// all of it in one; `async-fixture PARENT COUNT [STARTER]` goes on until there were so many children. Ends with the number that failed.
@main
enum Command {
  static func main() throws {
    let arguments = Array(CommandLine.arguments.dropFirst())
    guard let parent = arguments.first.flatMap(AsyncParent.init) else { fatalError("name a parent") }
    let count = arguments.count > 1 ? Int(arguments[1]) : AsyncWork.all.count
    let starter = arguments.count > 2 ? Starter(rawValue: arguments[2]) : .main
    guard let count, let starter else { fatalError("COUNT is a number, STARTER one of \(Starter.allCases)") }
    let report = dup(STDOUT_FILENO)
    parent.prepare()
    let troubles = starter.run(count)
    let summary = "\(count + 1) children of a parent \(parent), started by \(starter), \(troubles.count) failed"
    let lines = Array((troubles + [summary]).map { $0 + "\n" }.joined().utf8)
    precondition(write(report, lines, lines.count) == lines.count)
    // At once: what keeps the parent busy never ends.
    _exit(Int32(min(troubles.count, 100)))
  }
}
