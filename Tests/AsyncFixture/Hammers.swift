import Foundation

/// Threads that do nothing but what a fork may interrupt at a bad moment.
enum Hammers {
  static func start() {
    silenceStandardOutput()
    run { round in precondition(makeTypes(Int.self, round &* 0x9E37_79B9 & 0xFF_FFFF, depth: 0) == 1) }
    run { round in precondition(casts(round) == 1) }
    run { round in
      let lists = (0..<20).map { Array(repeating: "\(round)", count: $0) }
      precondition(lists.count == 20)
    }
    run { round in print(round, terminator: "") }
    run { round in
      Task.detached { precondition(round >= 0) }
      // Nobody waits for them: as many as there are would fill the memory.
      usleep(50)
    }
  }

  private static func run(_ body: @escaping @Sendable (_ round: Int) -> Void) {
    Foundation.Thread.detachNewThread {
      var round = 0
      while true {
        body(round)
        round += 1
      }
    }
  }

  /// What is printed goes nowhere from here on; `Command.report` has a descriptor of its own.
  private static func silenceStandardOutput() {
    let null = open("/dev/null", O_WRONLY)
    dup2(null, STDOUT_FILENO)
    close(null)
  }

  /// Types that nobody has asked for yet.
  private struct Pair<First, Second> {
    var first: First
    var second: Second
  }

  static func makeTypes(_ type: Any.Type, _ bits: Int, depth: Int) -> Int {
    func pair<First>(_: First.Type) -> any Any.Type {
      switch bits >> depth & 3 {
      case 0: Pair<First, Int>.self
      case 1: Pair<First, String>.self
      case 2: Pair<First?, [First]>.self
      default: (First, Int8).self
      }
    }
    guard depth < 24 else { return 1 }
    return makeTypes(_openExistential(type, do: pair), bits, depth: depth + 2)
  }

  private protocol Marked {}
  private struct Box<Value> { var value: Value }

  /// Each time another type's conformances are looked up.
  static func casts(_ number: Int) -> Int {
    func look<Value>(_: Value.Type) -> Int {
      let value: Any = [Box<Value>]()
      return value is any Marked || value as? any CustomStringConvertible == nil ? 0 : 1
    }
    func grow(_ type: Any.Type, _ bits: Int) -> Any.Type {
      func next<Value>(_: Value.Type) -> Any.Type { bits & 1 == 0 ? Box<Value>.self : Box<Value?>.self }
      return bits == 0 ? type : grow(_openExistential(type, do: next), bits >> 1)
    }
    return _openExistential(grow(Int.self, number & 0xFFF), do: look)
  }
}
