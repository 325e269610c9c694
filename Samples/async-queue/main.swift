// Shows:  tasks that take what child processes put into a queue, while another task goes on: no thread is blocked.
// Run:    swift run async-queue
// Prints: what four consumers found between them, that a wait was cancelled, and that it has taken nothing.
import Multiprocessing

let numbers = try Queue<Int>(capacity: 8)
let producers = (0..<3).map { first in
  Process { for number in 0..<100 { try await numbers.put(first * 100 + number) } }
}
for producer in producers { try producer.start() }

// Every element reaches one of them. The loops end when the queue is closed and drained.
let consumers = (0..<4).map { _ in
  Task {
    var sum = 0
    for try await number in numbers { sum += number }
    return sum
  }
}

// Meanwhile this task waits for the children, on the same few threads.
for producer in producers { try await producer.value }
numbers.close()
var total = 0
for consumer in consumers { total += try await consumer.value }
print("0 to 299 is \(total) together")

// A wait that is cancelled takes nothing.
let words = try Queue<String>()
let impatient = Task { try await words.get() }
impatient.cancel()
do { _ = try await impatient.value } catch is CancellationError { print("cancelled") }
try words.put("still there")
print(try words.get())
