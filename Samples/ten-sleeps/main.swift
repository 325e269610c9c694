// Shows:  ten programs started first and waited for after: they run side by side.
// Run:    swift run ten-sleeps
// Prints: the time of all together, which is less than their sum; the same in tasks.
import Glibc
import Multiprocessing

let clock = ContinuousClock()
let each = Duration.milliseconds(500)

let time = try clock.measure {
  let programs = try (1...10).map { _ in try Popen(["sleep", "0.5"]) }
  print("running: \(programs.filter { $0.poll() == nil }.count)")
  let statuses = try programs.map { try $0.wait() }
  print("ended well: \(statuses.filter { $0 == .exited(0) }.count)")
}
print("all together: \(time)")
print("at least one sleep long: \(time >= each), less than ten: \(time < each * 10)")

// In tasks: no thread waits.
let timeInTasks = try await clock.measure {
  try await withThrowingTaskGroup(of: Void.self) { group in
    for _ in 1...10 { group.addTask { _ = try await Popen.run(["sleep", "0.5"], check: true) } }
    try await group.waitForAll()
  }
}
print("all together: \(timeInTasks)")
print("at least one sleep long: \(timeInTasks >= each), less than ten: \(timeInTasks < each * 10)")
