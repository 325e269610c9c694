import Glibc
import Multiprocessing
import TestSupport
import XCTest

/// Programs in tasks.
final class ProgramTaskTests: TaskTestCase {
  private static let much = (0..<1 << 20).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }

  /// What a task met that was cancelled once `isReady` holds.
  private func cancelled(
    _ isReady: () -> Bool, _ body: @escaping @Sendable () async throws -> Void
  ) async -> (any Error)? {
    let task = Task { try await body() }
    while !isReady() { try? await Task.sleep(for: .milliseconds(2)) }
    task.cancel()
    switch await task.result {
    case .success: return nil
    case .failure(let error): return error
    }
  }

  func testAMegabyteBothWays() async throws {
    let program = try Popen(["cat"], stdin: .pipe, stdout: .pipe)
    let output = try await program.communicate(input: Self.much).output
    XCTAssertEqual(output, Self.much)
    XCTAssertEqual(program.poll(), .exited(0))
    let head = try await Popen.run(["head", "-c", "3"], input: Self.much)
    XCTAssertEqual(head.output, Array(Self.much[..<3]))
  }

  func testALargeWrite() async throws {
    let program = try Popen(["wc", "-c"], stdin: .pipe, stdout: .pipe)
    try await program.standardInput?.write(Self.much)
    program.standardInput?.close()
    let count = try await program.standardOutput?.readLine()
    XCTAssertEqual(count?.filter { $0 != " " }, "1048576")
    let status = try await program.wait()
    XCTAssertEqual(status, .exited(0))
  }

  func testTenStartedFirstAndAwaitedAfter() async throws {
    // Each waits for the one before it: they end only if all of them run.
    let programs = try (0..<10).map { _ in try Popen(["cat"], stdin: .pipe, stdout: .pipe) }
    for program in programs { XCTAssertNil(program.poll()) }
    for (number, program) in programs.enumerated().reversed() {
      let output = try await program.communicate(input: [UInt8(number)]).output
      XCTAssertEqual(output, [UInt8(number)])
    }
  }

  func testAHundredAtOnce() async throws {
    let outputs = try await withThrowingTaskGroup(of: String.self) { group in
      for number in 0..<100 {
        group.addTask { try await Popen.run(["/bin/sh", "-c", "cat; echo \(number)"], input: [65]).outputText }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    XCTAssertEqual(Set(outputs), Set((0..<100).map { "A\($0)\n" }))
  }

  // MARK: Timeouts

  func testTimeouts() async throws {
    let program = try Popen(
      ["/bin/sh", "-c", "sleep 3600 & echo x; wait"], stdout: .pipe, options: .init(processGroup: 0))
    let line = try await program.standardOutput?.readLine()
    XCTAssertEqual(line, "x")
    var error = await thrownError { try await program.wait(timeout: .milliseconds(20)) }
    XCTAssertEqual(error as? TimeoutError, TimeoutError(operation: "the end of /bin/sh", timeout: .milliseconds(20)))
    error = await thrownError { try await program.standardOutput?.read(upTo: 1, timeout: .milliseconds(20)) }
    XCTAssertEqual(
      error as? TimeoutError, TimeoutError(operation: "what a program writes", timeout: .milliseconds(20)))
    XCTAssertNil(program.poll())
    error = await thrownError { try await program.communicate(timeout: .milliseconds(20)) }
    XCTAssertEqual(
      error as? TimeoutError,
      TimeoutError(
        operation: "the end of /bin/sh", timeout: .milliseconds(20), partialOutput: [], partialError: []))
    XCTAssertEqual(program.poll(), .signaled(.terminate))
    XCTAssert(eventually { !hasRunningMembers(group: program.pid) })
  }

  func testAWriteInVain() async throws {
    let program = try Popen(["sleep", "3600"], stdin: .pipe)
    let error = await thrownError { try await program.standardInput?.write(Self.much, timeout: .milliseconds(20)) }
    XCTAssertEqual(error as? TimeoutError, TimeoutError(operation: "a program to read", timeout: .milliseconds(20)))
    let status = try await program.end()
    XCTAssertEqual(status, .signaled(.terminate))
  }

  func testALimit() async throws {
    let error = await thrownError { try await Popen.run(["yes"], options: .init(outputLimit: 5)) }
    XCTAssertEqual(error as? PopenError, .outputLimitExceeded(5))
  }

  // MARK: Cancellation

  func testCancellationEndsTheGroupOfARun() async throws {
    let mailbox = TemporaryFile()
    let file = mailbox.descriptor
    let script = "sleep 3600 & exec >>/proc/self/fd/\(file); echo $!; echo $$; wait"
    let run: @Sendable () async throws -> Void = {
      _ = try await Popen.run(["/bin/sh", "-c", script], options: .init(processGroup: 0, passDescriptors: [file]))
    }
    let error = await cancelled({ mailbox.lines.count == 2 }, run)
    XCTAssert(error is CancellationError, "\(String(describing: error))")
    let pids = mailbox.lines.compactMap { Int32($0) }
    XCTAssertEqual(pids.count, 2)
    XCTAssert(eventually { !hasRunningMembers(group: pids[1]) })
    XCTAssertEqual(processState(pids[1]), "gone", "it was reaped")
  }

  func testCancellationOfCommunicateEndsTheGroup() async throws {
    let program = try Popen(
      ["/bin/sh", "-c", "trap '' TERM; sleep 3600 & echo x; while :; do sleep 0.01; done"], stdout: .pipe,
      options: .init(processGroup: 0, gracePeriod: .milliseconds(30)))
    let line = try await program.standardOutput?.readLine()
    XCTAssertEqual(line, "x")
    let error = await cancelled({ true }, { _ = try await program.communicate() })
    XCTAssert(error is CancellationError, "\(String(describing: error))")
    XCTAssertEqual(program.poll(), .signaled(.kill))
    XCTAssert(eventually { !hasRunningMembers(group: program.pid) })
  }

  func testCancellationOfAWaitEndsNothing() async throws {
    let program = try Popen(["cat"], stdin: .pipe, stdout: .pipe)
    for body in [
      { _ = try await program.wait() }, { _ = try await program.standardOutput?.read(upTo: 1) },
      { for try await _ in program.standardOutput!.lines {} },
    ] as [@Sendable () async throws -> Void] {
      let error = await cancelled({ true }, body)
      XCTAssert(error is CancellationError, "\(String(describing: error))")
    }
    XCTAssertNil(program.poll())
    let output = try await program.communicate(input: [9]).output
    XCTAssertEqual(output, [9])
  }

  func testCancellationAtAnyMoment() async throws {
    let before = Set(childProcesses(of: getpid()))
    let run: @Sendable () async throws -> Void = { _ = try await Popen.run(["sleep", "3600"]) }
    for round in 0..<60 {
      let task = Task(operation: run)
      for _ in 0..<round { await Task.yield() }
      task.cancel()
      do {
        try await task.value
        XCTFail("an hour is over")
      } catch {
        XCTAssert(error is CancellationError, "\(error)")
      }
    }
    XCTAssertEqual(Set(childProcesses(of: getpid())), before)
  }

  func testACancelledTaskStartsNothing() async throws {
    let before = Set(childProcesses(of: getpid()))
    let error = await Task {
      withUnsafeCurrentTask { $0?.cancel() }
      return await thrownError { try await Popen.run(["sleep", "3600"]) }
    }.value
    XCTAssert(error is CancellationError)
    XCTAssertEqual(Set(childProcesses(of: getpid())), before)
  }

  func testEndInACancelledTask() async throws {
    let program = try Popen(["sleep", "3600"])
    let status = try await Task {
      withUnsafeCurrentTask { $0?.cancel() }
      return try await program.end()
    }.value
    XCTAssertEqual(status, .signaled(.terminate))
  }
}

private func thrownError(_ body: () async throws -> some Any) async -> (any Error)? {
  do {
    _ = try await body()
    return nil
  } catch {
    return error
  }
}
