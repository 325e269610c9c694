// Shows:  the same task in three processes at once.
// Run:    swift run same-task
// Prints: one line for each, with three different pids, in the order in which they were started.
import Multiprocessing

func square(_ number: Int) -> String {
  "\(number) * \(number) = \(number * number), computed by \(currentProcess().name), pid \(currentProcess().pid)"
}

let children = [11, 12, 13].map { Process(target: square, args: $0) }
for child in children { try child.start() }
// All three run by now; whoever is done first waits for nobody.
for child in children { print(try child.result()) }
