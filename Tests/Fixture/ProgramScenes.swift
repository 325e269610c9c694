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
