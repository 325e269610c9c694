import Foundation
import Glibc
import TestSupport
import XCTest

/// What is left of a name when its program has ended, in whatever way; each test in a program of its own.
final class NameLifetimeTests: AuditedTestCase {
  private let memory = "mp-test-\(getpid())-\(UInt32.random(in: .min ... .max))"

  private var running: TestProgram?

  override func tearDownWithError() throws {
    running.map(end)
    shm_unlink("/" + memory)
    try super.tearDownWithError()
  }

  private func exists(_ name: String) -> Bool { access("/dev/shm/\(name)", F_OK) == 0 }

  private func start(_ scene: String) throws -> TestProgram {
    let program = TestProgram("fixture", "memory", scene, memory)
    // A test that fails half-way leaves nothing running.
    running = program
    XCTAssertTrue(eventually { program.output.lines.contains("ready") }, program.output.text)
    return program
  }

  private func end(_ program: TestProgram) {
    XCTAssertEqual(kill(program.pid, SIGKILL), 0)
    XCTAssertEqual(program.wait(), -SIGKILL)
    running = nil
  }

  /// The guardian of a program's family: it has the program's register open. A name is given once it is ready.
  private func guardian(of pid: Int32) -> Int32? {
    guard let register = registers(of: pid).first else { return nil }
    return processes().first {
      textOfFile("/proc/\($0)/comm") == "mp-guardian\n" && registers(of: $0).contains(register)
    }
  }

  private func processes() -> [Int32] {
    ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { Int32($0) }
  }

  private func descriptors(of pid: Int32) -> [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").map { "/proc/\(pid)/fd/\($0)" }) ?? []
  }

  private func registers(of pid: Int32) -> [UInt64] {
    descriptors(of: pid).filter {
      (try? FileManager.default.destinationOfSymbolicLink(atPath: $0))?.hasPrefix("/memfd:mp-family") == true
    }.compactMap {
      var status = stat()
      return stat($0, &status) == 0 ? UInt64(status.st_ino) : nil
    }
  }

  func testTheNameOfAKilledProgramIsGone() throws {
    let program = try start("keep")
    XCTAssertTrue(exists(memory))
    end(program)
    XCTAssertTrue(eventually { !exists(memory) })
  }

  func testANameOutlivesItsCreatorAsLongAsTheProgramRuns() throws {
    let program = try start("child-creates")
    XCTAssertTrue(exists(memory), "its creator is dead")
    end(program)
    XCTAssertTrue(eventually { !exists(memory) })
  }

  func testANameOutlivesTheFirstProcessAsLongAsOthersRun() throws {
    let program = try start("survivor")
    let survivor = try XCTUnwrap(program.output.lines.compactMap { Int32($0) }.first)
    let guardian = try XCTUnwrap(guardian(of: program.pid))
    end(program)
    // The guardian has had its chance to be wrong: it sleeps, and the name is there.
    for _ in 0..<50 {
      XCTAssertTrue(exists(memory))
      usleep(2000)
    }
    XCTAssertTrue(isRunning(survivor) && isRunning(guardian))
    XCTAssertEqual(kill(survivor, SIGKILL), 0)
    XCTAssertTrue(eventually { !exists(memory) })
    XCTAssertTrue(eventually { !isRunning(guardian) })
  }

  func testAProgramThatEndsInOrderLeavesNothingForAMoment() throws {
    for _ in 0..<10 {
      let program = TestProgram("fixture", "memory", "end", memory)
      XCTAssertEqual(program.wait(), 0)
      XCTAssertFalse(exists(memory))
      XCTAssertFalse(exists(memory + "-2"))
      XCTAssertEqual(program.output.lines, ["ready"])
    }
  }

  func testAPersistentNameStays() throws {
    let program = try start("keep-persistent")
    XCTAssertEqual(registers(of: program.pid), [], "it needs no guardian")
    end(program)
    let reader = TestProgram("fixture", "memory", "attach", memory)
    XCTAssertEqual(reader.wait(), 0)
    XCTAssertEqual(reader.output.lines, ["10000 42"])
    XCTAssertTrue(exists(memory))
  }

  func testAnUnrelatedProgramAttaches() throws {
    let program = try start("keep")
    for _ in 0..<2 {
      let reader = TestProgram("fixture", "memory", "attach", memory)
      XCTAssertEqual(reader.wait(), 0)
      XCTAssertEqual(reader.output.lines, ["10000 42"])
      XCTAssertTrue(exists(memory), "who attaches does not own the name")
    }
    let descriptor = shm_open("/" + memory, O_RDONLY, 0)
    var bytes: [UInt8] = [0, 0]
    XCTAssertEqual(read(descriptor, &bytes, 2), 2)
    XCTAssertEqual(bytes, [42, 43])
    close(descriptor)
    end(program)
    XCTAssertTrue(eventually { !exists(memory) })
  }

  func testTheGuardianHoldsNothingAndMindsNoSignal() throws {
    let program = try start("keep")
    let guardian = try XCTUnwrap(guardian(of: program.pid))
    // The one through which it said that it is ready is closed a moment later.
    XCTAssertTrue(eventually { descriptors(of: guardian).count == 1 })
    XCTAssertEqual(getsid(guardian), guardian)
    XCTAssertNotEqual(getsid(guardian), getsid(program.pid))
    XCTAssertEqual(childProcesses(of: program.pid), [])
    let maps = textOfFile("/proc/\(guardian)/maps")
    XCTAssertFalse(maps.contains("/dev/shm") || maps.contains("memfd:"), maps)
    // The program has 64 MiB.
    let line = textOfFile("/proc/\(guardian)/status").split(separator: "\n").first { $0.hasPrefix("RssAnon:") }
    let kibibytes = try XCTUnwrap(line?.split(separator: " ").dropFirst().first.flatMap { Int($0) })
    XCTAssertLessThan(kibibytes, 8 << 10)
    for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT] { XCTAssertEqual(kill(guardian, signal), 0) }
    end(program)
    XCTAssertTrue(eventually { !exists(memory) })
    XCTAssertTrue(eventually { !isRunning(guardian) })
  }

  func testTheNameOfSomebodyElseIsLeftAlone() throws {
    let program = try start("keep")
    XCTAssertEqual(shm_unlink("/" + memory), 0)
    let other = shm_open("/" + memory, O_RDWR | O_CREAT | O_EXCL, 0o600)
    close(other)
    let guardian = try XCTUnwrap(guardian(of: program.pid))
    end(program)
    XCTAssertTrue(eventually { !isRunning(guardian) })
    XCTAssertTrue(exists(memory))
  }

  func testDeathsAtAnyInstructionLeaveNothing() throws {
    func left() throws -> [String] {
      try FileManager.default.contentsOfDirectory(atPath: "/dev/shm").filter { $0.hasPrefix(memory) }
    }
    for _ in 0..<20 {
      let program = try start("storm")
      usleep(UInt32.random(in: 0..<20_000))
      let guardian = try XCTUnwrap(guardian(of: program.pid))
      end(program)
      XCTAssertTrue(eventually { !isRunning(guardian) })
      // Children that are still dying are members of the family as well: the guardian has waited for them.
      XCTAssertEqual(try left(), [])
    }
  }
}
