// Shows:  two programs that talk through a Listener; neither is a child of the other by fork, and both know a key.
// Run:    swift run chat
// Prints: what each side heard, and how a guest without the key fares.
import Glibc
import Multiprocessing

let key = Array("open sesame".utf8)

struct Line: Codable {
  var speaker: String
  var text: String
}

/// Runs this program's file once more.
func runAgain(_ arguments: [String]) -> pid_t {
  var words = (["chat"] + arguments).map { strdup($0) } + [nil]
  var pid: pid_t = 0
  guard posix_spawn(&pid, "/proc/self/exe", nil, nil, &words, environ) == 0 else { fatalError("no second program") }
  return pid
}

func wait(for pid: pid_t) {
  var status: Int32 = 0
  while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
}

func host() throws {
  let name = "chat of pid \(getpid())"
  let listener = try Listener(.abstract(name: name), authKey: key)
  let guest = runAgain([name, "open sesame"])
  let connection = try listener.accept()
  for text in ["Who is there?", "Come in!", "Bye."] {
    try connection.send(Line(speaker: "host", text: text))
    let answer = try connection.receive(Line.self)
    print("\(answer.speaker): \(answer.text)")
  }
  wait(for: guest)

  let stranger = runAgain([name, "open barley"])
  do {
    _ = try listener.accept()
  } catch ConnectionError.authenticationFailed {
    print("a stranger was turned away")
  }
  wait(for: stranger)
}

func visit(_ name: String, _ key: String) throws {
  guard let connection = try? Connection.connect(to: .abstract(name: name), authKey: Array(key.utf8)) else { return }
  while let line = try? connection.receive(Line.self) {
    try connection.send(Line(speaker: "guest", text: "\"\(line.text)\", says the \(line.speaker)"))
    if line.text == "Bye." { return }
  }
}

if CommandLine.arguments.count == 3 {
  try visit(CommandLine.arguments[1], CommandLine.arguments[2])
} else {
  try host()
}
