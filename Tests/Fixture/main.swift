// A program for the tests to watch from outside: what a program does at its end, and what is left when it is killed.
import Glibc
import Multiprocessing

/// Past every buffer, so that the lines of all processes stand in the order of the calls.
func say(_ text: String) {
  let bytes = Array("\(text)\n".utf8)
  precondition(write(STDOUT_FILENO, bytes, bytes.count) == bytes.count)
}

func block(_ signal: Int32) {
  var set = sigset_t()
  sigemptyset(&set)
  sigaddset(&set, signal)
  pthread_sigmask(SIG_BLOCK, &set, nil)
}

/// Waits for a signal that is blocked.
func awaitSignal(_ signal: Int32) {
  var set = sigset_t()
  sigemptyset(&set)
  sigaddset(&set, signal)
  var received: Int32 = 0
  precondition(sigwait(&set, &received) == 0 && received == signal)
}

/// In a child: tells the parent that it is ready, waits for `signal`.
func report(andAwait signal: Int32) {
  block(signal)
  kill(getppid(), SIGUSR2)
  awaitSignal(signal)
}

final class Worker: ProcessBase {
  override func run() { say(name) }
}

func names() throws {
  say(currentProcess().name)
  say(parentProcess() == nil ? "no parent" : "a parent")
  let first = Process { () -> String in Process {}.name }
  let second = Worker()
  try first.start()
  try second.start()
  say(first.name)
  say(try first.result())
  try second.join()
}

func end() throws {
  block(SIGUSR2)
  let keeper = Process {
    report(andAwait: SIGUSR1)
    say("child ends")
  }
  let daemon = Process(
    target: {
      report(andAwait: SIGTERM)
      say("daemon terminated")
    }, daemon: true)
  // Only the end of the program lets the child end.
  atExit {
    say("first registered")
    try? keeper.send(.user1)
  }
  atExit { say("last registered") }
  for process in [keeper, daemon] {
    try process.start()
    awaitSignal(SIGUSR2)
  }
  say("main ends")
}

func nestedExit() throws {
  block(SIGUSR2)
  let keeper = Process {
    report(andAwait: SIGUSR1)
    say("child")
  }
  atExit {
    say("block")
    try? keeper.send(.user1)
  }
  atExit { exit(7) }
  try keeper.start()
  awaitSignal(SIGUSR2)
  exit(3)
}

func handlers() throws {
  atexit { say("handler of \(getpid())") }
  let children = [
    Process {},
    Process { exit(4) },
    Process { throw ProcessError.closed },
    Process {
      atExit { exit(7) }
      exit(5)
    },
    Process { atExit { exit(8) } },
    Process { try Process { exit(6) }.start() },
  ]
  for child in children {
    try child.start()
    try child.join()
  }
  say("codes \(children.map { $0.exitCode ?? -1000 })")
  say("main is \(getpid())")
}

func family() throws {
  block(SIGUSR2)
  for isDaemon in [false, true] {
    let child = Process(
      target: {
        let grandchild = Process(target: { while true { pause() } }, daemon: !isDaemon)
        try grandchild.start()
        say("\(getpid())")
        say("\(grandchild.pid!)")
        kill(getppid(), SIGUSR2)
        while true { pause() }
      }, daemon: isDaemon)
    try child.start()
    awaitSignal(SIGUSR2)
  }
  say("ready")
  while true { pause() }
}

switch CommandLine.arguments.dropFirst().first {
case "names": try names()
case "end": try end()
case "exit":
  try end()
  exit(3)
case "nested-exit": try nestedExit()
case "handlers": try handlers()
case "family": try family()
case "pool-interrupted": try poolInterrupted()
case "pool-left": try poolLeft()
case "programs": try programs()
case "prompt": try prompt()
case "foreground": try foreground()
case "memory": try memory(CommandLine.arguments[2], CommandLine.arguments[3])
case "threads": try threads()
case "threads-exit":
  try threads()
  exit(3)
case "exit-in-a-thread": try exitInAThread()
case "exit-in-threads": try exitInThreads()
case "threads-of-exit-blocks": try threadsOfExitBlocks()
default: fatalError("name a scene")
}
