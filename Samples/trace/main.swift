// Shows:  a trace: what processes did and when, one that crashes and is replaced, and a picture of it.
// Run:    swift run trace
// Prints: who was busy for how long, the longest tasks, the crash and the restart. The picture of it is trace.svg in the folder below.
import Glibc
import Multiprocessing

let folder = "/tmp/multiprocessing-trace-sample-\(getuid())"
mkdir(folder, 0o700)
try Trace.start(path: "\(folder)/trace.json")

let steady = Process(target: { Trace.span("a long task") { _ = usleep(600_000) } }, name: "steady")
try steady.start()

// One that crashes in the middle of a task, and another one in its place.
let reckless = Process(target: { Trace.span("a bad task") { fatalError("out of ideas") } }, name: "worker")
try reckless.start()
try reckless.join()
let successor = Process(target: { Trace.span("a short task") { _ = usleep(150_000) } }, name: "worker")
try successor.start()

try successor.join()
try steady.join()
Trace.mark("all done")
Trace.stop()

// As `swift run mptrace trace.json -o trace.svg` does in a terminal, by the program beside this one.
let here = CommandLine.arguments[0].prefix(upTo: CommandLine.arguments[0].lastIndex(of: "/")!)
system("'\(here)/mptrace' \(folder)/trace.json -o \(folder)/trace.svg")
