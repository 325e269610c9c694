import Glibc
import Multiprocessing

/// A program that dies with this one, and one that does not.
func programs() throws {
  let bound = try Popen(["sleep", "3600"], stdout: .null, stderr: .null, options: .init(diesWithParent: true))
  let free = try Popen(["sleep", "3600"], stdout: .null, stderr: .null)
  say("\(bound.pid)")
  say("\(free.pid)")
  say("ready")
  while true { pause() }
}

/// On a terminal: a program that asks there for a word, as those do that ask for a password, though its streams lead elsewhere.
func prompt() throws {
  let script = "stty -echo </dev/tty; printf 'word: ' >/dev/tty; read x </dev/tty; stty echo </dev/tty; echo got $x"
  say(try Popen.run(["/bin/sh", "-c", script]).outputText)
}

/// On a terminal: a program in the background of it, and one in the foreground, which the terminal's Ctrl-C reaches with this one.
func foreground() throws {
  let options = Popen.Options(processGroup: 0)
  let behind = try Popen(["sleep", "3600"], stdin: .null, stdout: .null, stderr: .null, options: options)
  let ahead = try Popen(["sleep", "3600"], stdin: .null, stdout: .null, stderr: .null)
  say("\(behind.pid)")
  say("\(ahead.pid)")
  while true { pause() }
}
