import CMultiprocessing

/// Starts a child by fork(2), on the launcher thread.
package struct ForkMethod: StartMethod {
  package init() {}

  package func start(_ request: borrowing StartRequest) throws -> ChildProcess {
    let error = mp_crash_prepare()
    guard error == 0 else { throw SystemFailure("prepare for crashes", errno: error) }
    // Without it, for want of memory or descriptors, the child founds a family of its own: names it makes go when that has ended.
    _ = try? Family.current()
    let pipe = try Descriptor.Pair.listing { () throws(SystemFailure) in try Syscall.pipe() }
    let sockets = try Descriptor.Pair.listing { () throws(SystemFailure) in try Syscall.packetPair() }
    let packed = try LaunchFrame.pack(request.record, forPipe: pipe.second.raw)
    let entry = ChildEntry(
      record: pipe.first.raw, report: sockets.second.raw, catchesTermination: request.catchesTermination,
      body: request.body)

    var launch = mp_launch()
    launch.entry = ChildEntry.start
    launch.record_descriptor = pipe.second.raw
    launch.survives_parent = request.survivesParent
    launch.keep(pipe.first.raw)
    launch.keep(sockets.second.raw)
    if let file = packed.inherited { launch.keep(file) }
    if let kept = request.kept { launch.keep(kept) }

    try packed.bytes.withUnsafeBytes { bytes in
      launch.record = bytes.baseAddress
      launch.record_size = bytes.count
      // Only borrowed: the child works on its own copy of this memory, made while this thread waits here.
      launch.context = Unmanaged.passUnretained(entry).toOpaque()
      try withExtendedLifetime(entry) {
        let error = forkLock.withLock { _ in Self.run(&launch) }
        if error < 0 { throw SystemFailure("start a process", errno: -error) }
      }
    }
    let pidfd = SharedDescriptor(Descriptor(inherited: launch.pidfd))
    return ChildProcess(pid: launch.pid, pidfd: pidfd, socket: sockets.ends().first)
  }

  /// Forks and lists the pidfd under the one lock.
  private static func run(_ launch: inout mp_launch) -> Int32 {
    let error = mp_launch_run(&launch)
    guard error == 0 else { return error }
    _ = mp_registry_add(launch.pidfd)
    return 0
  }
}

extension mp_launch {
  fileprivate mutating func keep(_ descriptor: Int32) {
    withUnsafeMutableBytes(of: &kept) { bytes in
      bytes.bindMemory(to: Int32.self)[kept_count] = descriptor
    }
    kept_count += 1
  }
}
