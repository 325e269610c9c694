// Shows:  awaiting many children in a task group, with one time limit for all of them; what is late is ended with its group.
// Run:    swift run group-with-timeout
// Prints: the answers that came in time, and that nobody was left behind.
import Glibc
import Multiprocessing

/// The square of a number, or nothing for a long time.
func work(_ number: Int) -> Int {
  if number == 3 { sleep(3600) }
  return number * number
}

var answers: [Int] = []
do {
  try await withThrowingTaskGroup(of: Int.self) { group in
    for number in 0..<5 { group.addTask { try await Process.run { work(number) } } }
    group.addTask {
      try await Task.sleep(for: .seconds(2))
      throw TimeoutError(operation: "five answers", timeout: .seconds(2))
    }
    // The error cancels the group, and that ends the children that are not done.
    for try await answer in group { answers.append(answer) }
  }
} catch let error as TimeoutError {
  print(error)
}
print(answers.sorted())
print("\(activeChildren().count) children left")
