import Foundation
import Glibc
import Multiprocessing
import TestSupport
import XCTest

/// How programs are found and what they begin with.
final class ProgramStartTests: AuditedTestCase {
  // MARK: Finding it

  func testPATH() throws {
    let (first, second) = (try TemporaryFolder(), try TemporaryFolder())
    _ = try first.write("#!/bin/sh\necho first", to: "mp-not-executable", mode: 0o644)
    _ = try second.write("#!/bin/sh\necho second", to: "mp-not-executable")
    mkdir(first.path + "/mp-folder", 0o755)
    _ = try second.write("#!/bin/sh\necho file", to: "mp-folder")
    func run(_ name: String, path: String, from folder: String? = nil) throws -> String {
      try Popen.run([name], workingDirectory: folder, environment: .inherit.updating(["PATH": path])).outputText
    }
    let both = "/no/such/folder:/dev/null:\(first.path):\(second.path):/bin:/usr/bin"
    // What is there but cannot be executed is passed over.
    XCTAssertEqual(try run("mp-not-executable", path: both), "second\n")
    XCTAssertEqual(try run("mp-folder", path: both), "file\n")
    // Unless there is nothing else.
    assertThrows(PopenError.permissionDenied("\(first.path)/mp-not-executable")) {
      try run("mp-not-executable", path: first.path)
    }
    assertThrows(PopenError.permissionDenied("\(first.path)/mp-folder (a directory)")) {
      try run("mp-folder", path: first.path)
    }
    // An empty part is the working directory, and a name with a slash is looked for nowhere else.
    XCTAssertEqual(try run("mp-folder", path: ":/bin", from: second.path), "file\n")
    XCTAssertEqual(try run("./mp-folder", path: "", from: second.path), "file\n")
    assertThrows(PopenError.notFound("./mp-folder")) { try run("./mp-folder", path: second.path) }
    assertThrows(PopenError.notFound("mp-folder")) { try run("mp-folder", path: "/no/such/folder") }
    // Without PATH there is a default.
    XCTAssertEqual(try Popen.run(["echo", "x"], environment: .custom([:])).outputText, "x\n")
  }

  func testWhatCannotBeStarted() throws {
    let folder = try TemporaryFolder()
    let plain = try folder.write("#!/bin/sh\n", to: "plain", mode: 0o644)
    let lost = try folder.write("#! /no/such/interpreter -x\n", to: "lost")
    let empty = try folder.write("", to: "empty")
    let file = try folder.write("", to: "file")
    assertThrows(PopenError.notFound("no-such-program")) { try Popen(["no-such-program"]) }
    assertThrows(PopenError.notFound("/no/such/program")) { try Popen(["/no/such/program"]) }
    assertThrows(PopenError.notFound("")) { try Popen([""]) }
    assertThrows(PopenError.notFound("\(file)/x")) { try Popen(["\(file)/x"]) }
    assertThrows(PopenError.permissionDenied(plain)) { try Popen([plain]) }
    assertThrows(PopenError.permissionDenied("/tmp (a directory)")) { try Popen(["/tmp"]) }
    assertThrows(PopenError.notFound("/no/such/interpreter (the interpreter of \(lost))")) { try Popen([lost]) }
    assertThrows(PopenError.notFound("/no/such/interpreter (the interpreter of ./lost)")) {
      try Popen(["./lost"], workingDirectory: folder.path)
    }
    assertThrows(PopenError.permissionDenied("\(empty) (neither a program for this system nor a script)")) {
      try Popen([empty])
    }
    let denied = try folder.write("#!\(plain)\n", to: "denied")
    assertThrows(PopenError.permissionDenied("\(plain) (the interpreter of \(denied))")) { try Popen([denied]) }
    let foreign = try folder.write("#!/bin/sh\r\n", to: "foreign")
    assertThrows(PopenError.notFound("/bin/sh\\r (the interpreter of \(foreign))")) { try Popen([foreign]) }
    let loop = "\(folder.path)/loop"
    XCTAssertEqual(symlink(loop, loop), 0)
    assertThrows(PopenError.notFound("\(loop) (symbolic links that lead to one another)")) { try Popen([loop]) }
    let long = "/" + String(repeating: "x", count: 300)
    assertThrows(PopenError.notFound("\(long) (too long a name)")) { try Popen([long]) }
    assertThrows(PopenError.notFound("/no/such/folder (the working directory)")) {
      try Popen(["true"], workingDirectory: "/no/such/folder")
    }
    assertThrows(PopenError.notFound("\(file) (the working directory) is not a directory")) {
      try Popen(["true"], workingDirectory: file)
    }
    assertThrows(PopenError.notFound("/no/such/file (the file for a stream)")) {
      try Popen(["true"], stdin: .path("/no/such/file"))
    }
    assertThrows(PopenError.permissionDenied("/tmp (the file for a stream)")) {
      try Popen(["true"], stdout: .path("/tmp", append: true))
    }
    assertThrows(PopenError.invalidArgument("more arguments and variables than the system hands over")) {
      try Popen(["true", String(repeating: "x", count: 4 << 20)])
    }
  }

  func testMisuse() throws {
    func refuses(_ part: String, line: UInt = #line, _ body: () throws -> Popen) {
      guard case .invalidArgument(let text)? = thrown(PopenError.self, line: line, by: body) else {
        return XCTFail("another error", line: line)
      }
      XCTAssert(text.contains(part), text, line: line)
    }
    refuses("no argument") { try Popen([]) }
    refuses("NUL") { try Popen(["echo", "a\0b"]) }
    refuses("NUL") { try Popen(["ec\0ho"]) }
    refuses("NUL") { try Popen(["true"], workingDirectory: "/tmp\0") }
    refuses("NUL") { try Popen(["true"], stdout: .path("/tmp\0/x", append: false)) }
    refuses("A=B") { try Popen(["true"], environment: .custom(["A=B": "c"])) }
    refuses("empty") { try Popen(["true"], environment: .inherit.updating(["": "c"])) }
    refuses("A") { try Popen(["true"], environment: .inherit.updating(["A": "c\0d"])) }
    refuses("NUL") { try Popen(["true"], environment: .inherit.updating(["A\0": nil])) }
    refuses("descriptor 987") { try Popen(["true"], stdin: .fileDescriptor(987)) }
    refuses("descriptor -1") { try Popen(["true"], stdout: .fileDescriptor(-1)) }
    refuses("descriptor 987") { try Popen(["true"], options: .init(passDescriptors: [987])) }
    refuses("stderr alone") { try Popen(["true"], stdin: .combinedWithOutput) }
    refuses("stderr alone") { try Popen(["true"], stdout: .combinedWithOutput) }
    refuses("umask") { try Popen(["true"], options: .init(umask: 0o1000)) }
    refuses("outputLimit") { try Popen(["true"], options: .init(outputLimit: -1)) }
    refuses("none") { try Popen(["true"], options: .init(userID: .max)) }
    refuses("none") { try Popen(["true"], options: .init(groupID: .max)) }
    refuses("none") { try Popen(["true"], options: .init(supplementaryGroups: [0, .max])) }
    refuses("process group -2") { try Popen(["true"], options: .init(processGroup: -2)) }
    refuses("session") { try Popen(["true"], options: .init(processGroup: 5, newSession: true)) }
  }

  // MARK: What it begins with

  func testArgumentsArriveAsTheyAre() throws {
    let words = ["", " ", "a b", "*", "$HOME", "\"'\\", "é 測試 🙂", "-n", "\n"]
    let output = try Popen.run(["/bin/sh", "-c", "for word; do printf '<%s>' \"$word\"; done", "sh"] + words).outputText
    XCTAssertEqual(output, words.map { "<\($0)>" }.joined())
  }

  func testEnvironments() throws {
    // Not UTF-8, in the environment that is handed on.
    setenv("MP_BYTES", [97, -1, 98, 0].map { CChar($0) }, 1)
    setenv("MP_GONE", "x", 1)
    defer {
      unsetenv("MP_BYTES")
      unsetenv("MP_GONE")
    }
    let script = "printf %s \"$MP_BYTES\" | od -An -tx1; echo ${MP_GONE-gone} ${MP_NEW-none}"
    XCTAssertEqual(try Shell.run(script), " 61 ff 62\nx none\n")
    let updated = Popen.Environment.inherit.updating(["MP_GONE": nil, "MP_NEW": "a=b c"])
    XCTAssertEqual(try Shell.run(script, environment: updated), " 61 ff 62\ngone a=b c\n")
    XCTAssertEqual(try Shell.run(script, environment: updated.updating(["MP_NEW": nil])), " 61 ff 62\ngone none\n")
    let custom = Popen.Environment.custom(["A": "1", "B": ""]).updating(["A": nil, "C": "3"])
    let lines = try Popen.run(["env"], environment: custom).outputText.split(separator: "\n").sorted()
    XCTAssertEqual(lines, ["B=", "C=3"])
  }

  func testASignalMaskAndDispositionsOfItsOwn() throws {
    var set = sigset_t()
    var before = sigset_t()
    sigfillset(&set)
    signal(SIGPIPE, SIG_IGN)
    signal(SIGUSR1) { _ in }
    signal(SIGHUP, SIG_IGN)
    pthread_sigmask(SIG_BLOCK, &set, &before)
    defer {
      for number in [SIGPIPE, SIGUSR1, SIGHUP] { signal(number, SIG_DFL) }
      pthread_sigmask(SIG_SETMASK, &before, nil)
    }
    let masks = try Popen.run(["cat", "/proc/self/status"]).outputText.split(separator: "\n").filter {
      ["SigBlk:", "SigIgn:", "SigCgt:"].contains($0.prefix(7))
    }.compactMap { UInt64($0.dropFirst(8), radix: 16) }
    XCTAssertEqual(masks.first, 0)
    // SIGHUP stays ignored, for nohup(1). Whoever runs the tests may have had something ignored above 31.
    XCTAssertEqual(masks.map { $0 & 0x7FFF_FFFF }, [0, 1, 0])
    // And ours is what it was.
    var now = sigset_t()
    pthread_sigmask(SIG_BLOCK, nil, &now)
    XCTAssertEqual(sigismember(&now, SIGTERM), 1)
  }

  func testSIGPIPEEndsIt() throws {
    signal(SIGPIPE, SIG_IGN)
    defer { signal(SIGPIPE, SIG_DFL) }
    let program = try Popen(["yes"], stdout: .pipe)
    _ = try program.standardOutput?.read(upTo: 2)
    program.standardOutput?.close()
    XCTAssertEqual(try program.wait(), .signaled(.brokenPipe))
  }

  func testGroupsAndSessions() throws {
    func ids(_ options: Popen.Options) throws -> (pid: Int32, group: Int32, session: Int32) {
      let program = try Popen(
        ["/bin/sh", "-c", "read x; cut -d' ' -f1,5,6 /proc/$$/stat"], stdin: .pipe, stdout: .pipe, options: options)
      let numbers = try XCTUnwrap(String(decoding: program.communicate(input: [10]).output, as: UTF8.self))
        .split(whereSeparator: \.isWhitespace).compactMap { Int32($0) }
      XCTAssertEqual(numbers.first, program.pid)
      return (numbers[0], numbers[1], numbers[2])
    }
    let terminal = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC)
    if terminal >= 0 { close(terminal) }
    let usual = try ids(.init())
    XCTAssertEqual(usual.group, terminal >= 0 ? getpgrp() : usual.pid)
    let own = try ids(.init(processGroup: 0))
    XCTAssertEqual(own.group, own.pid)
    XCTAssertEqual(own.session, getsid(0))
    XCTAssertEqual(try ids(.init(processGroup: getpgrp())).group, getpgrp())
    let session = try ids(.init(newSession: true))
    XCTAssertEqual(session.group, session.pid)
    XCTAssertEqual(session.session, session.pid)
    let leader = try Popen(["sleep", "3600"], options: .init(processGroup: 0))
    XCTAssertEqual(try ids(.init(processGroup: leader.pid)).group, leader.pid)
    try leader.end()
    XCTAssertThrowsError(try Popen(["true"], options: .init(processGroup: leader.pid)))
  }

  func testUmask() throws {
    let before = umask(0o22)
    defer { umask(before) }
    XCTAssertEqual(try Shell.run("umask"), "0022\n")
    XCTAssertEqual(try Shell.run("umask", options: .init(umask: 0o77)), "0077\n")
    XCTAssertEqual(try Shell.run("umask", options: .init(umask: 0)), "0000\n")
    XCTAssertEqual(umask(0o22), 0o22)
  }

  func testAnotherUser() throws {
    if getuid() != 0 {
      guard case .permissionDenied? = thrown(PopenError.self, by: { try Popen(["true"], options: .init(userID: 0)) })
      else { return XCTFail("another error") }
      return
    }
    let options = Popen.Options(userID: 65534, groupID: 65533, supplementaryGroups: [65532])
    XCTAssertEqual(try Shell.run("id -u; id -g; id -G", options: options), "65534\n65533\n65533 65532\n")
    XCTAssertEqual(getuid(), 0)
    assertThrows(PopenError.notFound("no-such-program")) { try Popen(["no-such-program"], options: options) }
    let folder = try TemporaryFolder()
    let secret = try folder.write("#!/bin/sh\n", to: "secret", mode: 0o700)
    assertThrows(PopenError.permissionDenied(secret)) { try Popen([secret], options: options) }
  }

  func testTheEndOfAThreadIsNotTheParents() throws {
    let programs = Mailbox()
    let box = Box<Popen>()
    let thread = TestThread {
      do {
        box.value = try Popen(["sleep", "3600"], options: .init(diesWithParent: true))
        programs.post("started")
      } catch {
        programs.post("\(error)")
      }
    }
    XCTAssertEqual(try programs.next(), "started")
    thread.join()
    let program = try XCTUnwrap(box.value)
    XCTAssertThrowsError(try program.wait(timeout: .milliseconds(100))) { XCTAssert($0 is TimeoutError) }
    XCTAssertEqual(try program.end(), .signaled(.terminate))
  }

  private final class Box<Value: Sendable>: @unchecked Sendable {
    // Sendable: written by a thread that is joined before it is read.
    var value: Value?
  }
}
