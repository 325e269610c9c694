import Foundation
import Glibc

/// What a process holds on to, as the kernel tells it.
public struct Inventory: Equatable {
  /// Number and target of every open descriptor.
  public var descriptors: Set<String> = []
  /// The pids of every child, zombies included.
  public var children: Set<Int32> = []
  /// How many mappings of our memory files there are.
  public var mappings = 0

  public init() {}

  public static func now() -> Inventory {
    var inventory = Inventory()
    let folder = "/proc/self/fd"
    for number in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
      // The one that reads this very folder is gone by now.
      guard let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\(number)")
      else {
        continue
      }
      // Dispatch makes one when a test first uses concurrency, and keeps it, as the reactor does its own.
      if target == "anon_inode:[timerfd]" { continue }
      // The reactor's: one for the whole program, made with its first async wait.
      if target == "anon_inode:[eventpoll]" { continue }
      // The register of names: one for the whole program, made with its first child.
      if target.hasPrefix("/memfd:mp-family") { continue }
      inventory.descriptors.insert("\(number) -> \(target)")
    }
    inventory.children = Set(childProcesses(of: getpid()))
    inventory.mappings = textOfFile("/proc/self/maps").split(separator: "\n").count {
      $0.contains("memfd:multiprocessing")
    }
    return inventory
  }

  /// What is here now and was not `before`, in words. Gives what is on its way out a moment to go.
  public static func leaks(
    since before: Inventory, patience: Double = 2, _ isLeak: (String) -> Bool = { _ in true }
  ) -> [String] {
    let end = Date().addingTimeInterval(patience)
    while true {
      let leaks = now().additions(to: before).filter(isLeak)
      if leaks.isEmpty || Date() > end { return leaks }
      usleep(5000)
    }
  }

  func additions(to before: Inventory) -> [String] {
    var words = descriptors.subtracting(before.descriptors).sorted().map { "descriptor \($0)" }
    words += children.subtracting(before.children).sorted().map { "child \($0) (\(processState($0)))" }
    if mappings > before.mappings { words.append("\(mappings - before.mappings) mappings of memory files") }
    return words
  }
}

/// The whole text of a file of proc(5), empty when there is none. Foundation stops at the first page of such a file.
public func textOfFile(_ path: String) -> String {
  let file = open(path, O_RDONLY | O_CLOEXEC)
  guard file >= 0 else { return "" }
  defer { close(file) }
  var bytes: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 1 << 16)
  while true {
    let count = read(file, &buffer, buffer.count)
    // A process that goes away in between has no text either.
    guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
    bytes += buffer[..<count]
  }
}

/// The pids of the children of every thread of `pid`.
public func childProcesses(of pid: Int32) -> [Int32] {
  let tasks = "/proc/\(pid)/task"
  return ((try? FileManager.default.contentsOfDirectory(atPath: tasks)) ?? []).flatMap { task in
    textOfFile("\(tasks)/\(task)/children").split(separator: " ").compactMap {
      Int32($0.trimmingCharacters(in: .whitespacesAndNewlines))
    }
  }
}

/// The state letter of proc(5): "R", "S", "T", "Z"; "gone" for no such process.
public func processState(_ pid: Int32) -> String {
  let text = textOfFile("/proc/\(pid)/stat")
  guard let afterName = text.lastIndex(of: ")") else { return "gone" }
  return String(text[afterName...].dropFirst(2).prefix(1))
}

/// Whether a process of that number is there and not a zombie.
public func isRunning(_ pid: Int32) -> Bool { !["gone", "Z", "X"].contains(processState(pid)) }

/// Waits until `condition` holds; false when it does not within `seconds`.
public func eventually(within seconds: Double = 20, _ condition: () throws -> Bool) rethrows -> Bool {
  let end = Date().addingTimeInterval(seconds)
  while true {
    if try condition() { return true }
    if Date() > end { return false }
    usleep(2000)
  }
}

/// Whether the only thread of `pid` sleeps in futex(2).
public func isAsleepOnFutex(_ pid: Int32) -> Bool {
  processState(pid) == "S" && textOfFile("/proc/\(pid)/syscall").hasPrefix("\(futexCall) ")
}

#if arch(x86_64)
  private let futexCall = "202"
#else
  private let futexCall = "98"
#endif
