#if DEBUG
  import CMultiprocessing
  import Glibc
  import Multiprocessing
  import TestSupport
  import XCTest

  import class Multiprocessing.Process

  /// Waits of tasks in children whose system lacks what the first one needs: they fail, and the next ones try again.
  final class TaskFaultTests: KeptTestCase {
    /// The errno of what `body` throws while the `nth` call fails; 0 for another error, or none.
    private static func failing(_ nth: Int32, _ error: Int32, _ body: () async throws -> Void) async -> Int32 {
      mp_fault_arm(MP_SIDE_CHILD, nth, error, 1)
      defer { mp_fault_disarm() }
      do {
        try await body()
      } catch QueueError.system(let errno) {
        return errno
      } catch ConnectionError.system(let errno) {
        return errno
      } catch let error as SystemError {
        return error.errno
      } catch {}
      return 0
    }

    func testWithoutAThread() async throws {
      let (queue, lock, barrier) = (try Queue<Int>(), try Lock(), try Barrier(parties: 1))
      let child = Process { () async throws -> [Int32] in
        var errors = [
          await Self.failing(0, EAGAIN) { _ = try await queue.get() },
          await Self.failing(0, ENOMEM) { try await queue.join() },
          await Self.failing(0, EAGAIN) { try await lock.acquire() },
          await Self.failing(0, EAGAIN) { try await barrier.wait() },
        ]
        do { _ = try await queue.get(timeout: .milliseconds(5)) } catch is TimeoutError { errors.append(-1) }
        try await lock.withLock { errors.append(-2) }
        try await barrier.wait()
        return errors
      }
      try child.start()
      let errors = try await child.value
      // Nothing was put, so that there is nothing to wait for: that takes a step of the keeper all the same.
      XCTAssertEqual(errors, [EAGAIN, ENOMEM, EAGAIN, EAGAIN, -1, -2])
      XCTAssertTrue(lock.tryAcquire())
      try lock.release()
    }

    func testAcceptingWithoutDescriptors() async throws {
      let (key, ready): ([UInt8], Mailbox) = ([1, 2, 3], Mailbox())
      let listener = try Listener(.abstract(name: "multiprocessing-task-fault-\(getpid())"), authKey: key)
      let child = Process { () async throws -> [Int32] in
        var errors: [Int32] = []
        // Accepting itself, the two descriptors of the first wait and their meeting, and its thread.
        for nth: Int32 in 0..<5 {
          errors.append(await Self.failing(nth, EMFILE) { _ = try await listener.accept(timeout: .seconds(60)) })
        }
        ready.post("ready")
        let connection = try await listener.accept(timeout: .seconds(60))
        return errors + [try await connection.receive(Int32.self)]
      }
      try child.start()
      XCTAssertEqual(try ready.next(), "ready")
      let address = listener.address
      let client = Process { try Connection.connect(to: address, authKey: key, timeout: .seconds(60)).send(Int32(7)) }
      try client.start()
      let answer = try await child.value
      XCTAssertEqual(answer, [EMFILE, EMFILE, EMFILE, EMFILE, EMFILE, 7])
      try await client.value
    }
  }
#endif
