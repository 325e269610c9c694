import Endurance
import Glibc
import Multiprocessing

extension Lane {
  /// Other programs.
  static let programs = Lane(
    kind: "programs",
    operations: [
      Operation("echo", echo), Operation("cat", cat), Operation("timeout", timeout), Operation("pipeline", pipeline),
      Operation("not found", notFound), Operation("lines", lines), Operation("kill", kill),
      Operation("several", several),
    ])

  /// Whether a program ended well; a violation unless it was killed here.
  private static func isWhole(_ status: TerminationStatus, _ desk: Desk) -> Bool {
    if status == .exited(0) { return true }
    desk.require(status == .signaled(.kill) && !Kills.all.isEmpty, "a program ended with \(status)")
    desk.tally.add("killed", to: .errors)
    return false
  }

  private static func echo(_ desk: Desk) throws {
    let text = "word \(desk.draw.number(0...1 << 30))"
    let completed = try Popen.run(["echo", text])
    if isWhole(completed.status, desk) { desk.require(completed.outputText == text + "\n", completed.outputText) }
  }

  private static func cat(_ desk: Desk) throws {
    let bytes = (0..<desk.draw.size(upTo: 2 << 20)).map { UInt8(truncatingIfNeeded: $0) }
    let program = try Popen(["cat"], stdin: .pipe, stdout: .pipe)
    let (output, _) = try program.communicate(input: bytes)
    if isWhole(try program.wait(), desk) {
      desk.require(output == bytes, "\(output.count) bytes of \(bytes.count) came back")
    } else {
      desk.require(bytes.starts(with: output), "other bytes came back of a killed cat")
    }
  }

  private static func timeout(_ desk: Desk) throws {
    do {
      let completed = try Popen.run(
        ["sh", "-c", "echo begun; sleep 3600 & sleep 3600"], timeout: .milliseconds(desk.draw.number(1...100)))
      desk.require(!isWhole(completed.status, desk), "an hour has passed at once")
    } catch let error as TimeoutError {
      let output = error.partialOutput ?? []
      desk.require(output.isEmpty || output == Array("begun\n".utf8), "other partial output")
      desk.tally.add("out of time", to: .errors)
    }
  }

  private static func pipeline(_ desk: Desk) throws {
    let lines = desk.draw.size(upTo: 20_000)
    let input = Array((0..<lines).map { "\($0)\n" }.joined().utf8)
    let pipeline = try Popen.pipeline([["cat"], ["sort", "-rn"], ["wc", "-l"]], stdin: .pipe, stdout: .pipe)
    let (output, _) = try pipeline.communicate(input: input)
    let statuses = try pipeline.wait()
    if statuses.allSatisfy({ $0 == .exited(0) }) {
      let text = String(decoding: output, as: UTF8.self).filter(\.isNumber)
      desk.require(text == "\(lines)", "\(text) lines of \(lines)")
    } else {
      desk.require(statuses.contains(.signaled(.kill)) && !Kills.all.isEmpty, "\(statuses)")
    }
  }

  private static func notFound(_ desk: Desk) throws {
    do {
      let program = try Popen(["no-such-program-\(desk.draw.number(0...99))"])
      // Killed before it could tell that there is none.
      desk.require(!isWhole(try program.wait(), desk), "a program that does not exist has ended well")
    } catch PopenError.notFound {
      desk.tally.add("not found", to: .errors)
    }
  }

  private static func lines(_ desk: Desk) throws {
    let count = desk.draw.size(upTo: 5000)
    let program = try Popen(["seq", "\(count)"], stdout: .pipe)
    var expected = 1
    for line in program.standardOutput!.lines {
      desk.require(line == "\(expected)" || Popen.mayBeCut(line, "\(expected)"), "line \(line) in place of \(expected)")
      expected += 1
      if expected > 100, desk.draw.chance(2000) { break }
    }
    program.kill()
    let status = try program.wait()
    desk.require([.exited(0), .signaled(.kill), .signaled(.brokenPipe)].contains(status), "seq ended with \(status)")
  }

  private static func kill(_ desk: Desk) throws {
    let program = try Popen(["sleep", "3600"])
    desk.require(program.poll() == nil || !Kills.all.isEmpty, "an hour has passed at once")
    desk.dawdle(upTo: 2000)
    let signal = desk.draw.one(of: [Signal.kill, .terminate])
    desk.require(program.send(signal) || !Kills.all.isEmpty, "no program to send a signal to")
    desk.tally.add("\(signal)", to: .kills)
    let status = try program.wait()
    desk.require(
      status == .signaled(signal) || status == .signaled(.kill) && !Kills.all.isEmpty, "\(status) of \(signal)")
  }

  private static func several(_ desk: Desk) throws {
    let programs = try (0..<desk.draw.number(2...6)).map { _ in
      try Popen(["sleep", "0.0\(desk.draw.number(0...5))"])
    }
    for program in programs.shuffled(using: &desk.draw) {
      do { _ = isWhole(try program.wait(timeout: .milliseconds(1)), desk) } catch is TimeoutError {}
    }
    for program in programs { _ = isWhole(try program.wait(), desk) }
  }
}

extension Popen {
  /// Whether a line may be the beginning of another, of a program that was killed in between.
  fileprivate static func mayBeCut(_ line: String, _ whole: String) -> Bool {
    !Kills.all.isEmpty && whole.hasPrefix(line)
  }
}
