import Endurance
import Glibc

/// Does everything that the library can, all at once, kills whatever runs at random moments, and looks whether all that was promised
/// holds: nothing hangs, nothing is left, nothing grows, each thing arrives once.
@main
enum Command {
  static func main() {
    let kinds = Lane.all.filter { !$0.isFault }.map(\.kind)
    let options: StressOptions
    do {
      options = try StressOptions(CommandLine.arguments.dropFirst(), kinds: kinds)
    } catch {
      Console.write("mpstress: \(error.message)\n\(StressOptions.usage(kinds: kinds))\n")
      exit(2)
    }
    if options.asksForHelp {
      print(StressOptions.usage(kinds: kinds))
      return
    }
    let seed = options.seed ?? UInt64.random(in: 0...UInt64.max)
    print("mpstress --minutes \(options.minutes) --seed \(seed)\(options.kinds.map { " --only \($0)" }.joined())")
    fflush(nil)
    exit(Course(options, seed: seed).run() ? 0 : 1)
  }
}
