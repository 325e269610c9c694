import CEngineTestSupport
import CMultiprocessing
import Glibc
import MultiprocessingEngine
import XCTest

/// What the handler does where a simple one would report wrongly, twice, or never.
final class CrashHandlerTests: XCTestCase {
  func testACrashOnAnotherThread() throws {
    let record = try CrashChild.run { _ in
      onThread { _ = crashByIndex(opaque([1]), opaque(5)) }
    }.record()
    XCTAssertNotEqual(record.thread, record.process)
    XCTAssert(Symbolication(of: record).frames.contains { $0.function == "crashByIndex(_:_:)" })
  }

  func testAStackOverflowOnAnotherThread() throws {
    let prepared = try CrashChild.run { _ in
      onThread {
        mp_crash_install_for_thread()
        _ = crashByRecursion(opaque(1))
      }
    }
    XCTAssertEqual(prepared.signal, SIGSEGV)
    XCTAssertTrue(try prepared.record().isStackOverflow)
    // Without a stack to run on there is no report, but the true signal.
    let bare = try CrashChild.run { _ in onThread { _ = crashByRecursion(opaque(1)) } }
    XCTAssertEqual(bare.signal, SIGSEGV)
    XCTAssertEqual(bare.frames, [])
  }

  func testThreadStacksAreReleased() throws {
    let outcome = try CrashChild.run { _ in
      onThread { mp_crash_install_for_thread() }
      let before = mappingCount()
      for _ in 0..<50 { onThread { mp_crash_install_for_thread() } }
      exit(mappingCount() - before < 10 ? 0 : 1)
    }
    XCTAssertEqual(outcome.exitCode, 0)
  }

  func testASignalFromOutsideIsNoCrash() throws {
    let killed = try CrashChild.run(whileRunning: { kill($0, SIGSEGV) }, body: { _ in sleep(60) })
    XCTAssertEqual(killed.signal, SIGSEGV)
    let record = try killed.record()
    XCTAssertTrue(record.isFromOutside)
    XCTAssertEqual(record.sender, getpid())
    XCTAssertNil(record.message)
    XCTAssertNil(record.faultAddress)

    let raised = try CrashChild.run { _ in raise(SIGSEGV) }
    XCTAssertEqual(raised.signal, SIGSEGV)
    XCTAssertFalse(try raised.record().isFromOutside)
    XCTAssertNil(try raised.record().message)
  }

  func testThreadsThatCrashAtOnceMakeOneReport() throws {
    for _ in 0..<20 {
      let outcome = try CrashChild.run { _ in
        var barrier = pthread_barrier_t()
        pthread_barrier_init(&barrier, nil, 4)
        // The barrier lives in this frame, which the threads do not outlive: they end the process.
        nonisolated(unsafe) let shared = withUnsafeMutablePointer(to: &barrier) { $0 }
        let threads = (0..<4).map { number in
          startThread {
            pthread_barrier_wait(shared)
            if number % 2 == 0 { _ = crashByNull(opaque(8)) } else { crashByAbort() }
          }
        }
        for thread in threads { pthread_join(thread, nil) }
      }
      let record = try outcome.record()
      XCTAssertEqual(outcome.signal, record.signal)
      XCTAssert([SIGSEGV, SIGABRT].contains(record.signal))
    }
  }

  func testACrashWithLocksHeld() throws {
    let stdio = try CrashChild.run { _ in
      ets_lock_stderr()
      onThread { _ = crashByNull(opaque(8)) }
    }
    XCTAssertEqual(try stdio.record().faultAddress, 8)
    // The C library aborts while it holds the lock of its heap.
    let heap = try CrashChild.run { _ in ets_corrupt_heap() }
    XCTAssertEqual(heap.signal, SIGABRT)
    XCTAssertEqual(try heap.record().signal, SIGABRT)
  }

  func testACrashInsideTheHandlerKeepsTheFirstSignal() throws {
    // Without a stack the unwinder faults.
    let outcome = try CrashChild.run { _ in ets_trap_without_stack() }
    XCTAssertEqual(outcome.signal, SIGILL)
    let record = try outcome.record()
    XCTAssertEqual(record.signal, SIGILL)
    XCTAssertEqual(Symbolication(of: record).frames.first?.function, "ets_trap_without_stack")
  }

  func testHeaderAndRecordArriveAsOneOnAPipeToo() throws {
    var ends: [Int32] = [0, 0]
    XCTAssertEqual(pipe(&ends), 0)
    let (reader, writer) = (ends[0], ends[1])
    let outcome = try CrashChild.run { _ in
      mp_crash_install(writer, CrashChild.header, CrashChild.header.count)
      crashByAbort()
    }
    close(writer)
    defer { close(reader) }
    XCTAssertEqual(outcome.signal, SIGABRT)
    var buffer = [UInt8](repeating: 0, count: 8_192)
    let count = read(reader, &buffer, buffer.count)
    XCTAssertEqual(count, CrashChild.header.count + CrashRecord.byteCount)
    XCTAssertNotNil(CrashRecord(Array(buffer[CrashChild.header.count..<max(count, 8)])))
  }

  func testAFullDescriptorDoesNotHoldUpTheEnd() throws {
    let outcome = try CrashChild.run { descriptor in
      var buffer = [UInt8](repeating: 7, count: 4_096)
      while send(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT)) > 0 {}
      close(STDERR_FILENO)
      crashByAbort()
    }
    // Either the parent made room in time, or there is no record; the end is the same.
    XCTAssertEqual(outcome.signal, SIGABRT)
  }

  func testADescriptorThatBecameAnotherFileIsLeftAlone() throws {
    var path = Array("/tmp/crash-test-XXXXXX".utf8CString)
    let file = mkstemp(&path)
    defer {
      close(file)
      unlink(path)
    }
    let outcome = try CrashChild.run { descriptor in
      dup2(file, descriptor)
      crashByAbort()
    }
    XCTAssertEqual(outcome.signal, SIGABRT)
    XCTAssertEqual(outcome.frames, [])
    XCTAssertEqual(lseek(file, 0, SEEK_END), 0)
  }

  func testACopyOfTheChildDoesNotReportInItsName() throws {
    let outcome = try CrashChild.run { _ in
      var status: Int32 = 0
      let plain = ets_plain_fork()
      if plain == 0 { crashByAbort() }
      waitpid(plain, &status, 0)
      exit(status & 0x7F)
    }
    XCTAssertEqual(outcome.exitCode, SIGABRT)
    XCTAssertEqual(outcome.frames, [])
  }

  func testUninstalling() throws {
    let outcome = try CrashChild.run { _ in
      mp_crash_uninstall()
      printError("still here\n")
      crashByAbort()
    }
    XCTAssertEqual(outcome.signal, SIGABRT)
    XCTAssertEqual(outcome.frames, [])
    XCTAssertEqual(outcome.standardErrorText, "still here\n")
  }

  func testInstallingCostsTheChildLittle() throws {
    let outcome = try CrashChild.run { descriptor in
      let heap = ets_heap_in_use()
      let faults = minorFaults()
      mp_crash_install(descriptor, CrashChild.header, CrashChild.header.count)
      let cost = minorFaults() - faults
      // Few, since it has been installed before; the point is that nobody adds a large buffer.
      exit(ets_heap_in_use() == heap && cost < 8 ? 0 : 1)
    }
    XCTAssertEqual(outcome.exitCode, 0)
  }
}

private func minorFaults() -> Int {
  var usage = rusage()
  getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
  return usage.ru_minflt
}

private func mappingCount() -> Int {
  try! String(contentsOfFile: "/proc/self/maps", encoding: .utf8).split(separator: "\n").count
}
