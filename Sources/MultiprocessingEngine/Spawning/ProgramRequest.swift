import CMultiprocessing
import Glibc

/// All that a program is started with. No string in it holds a NUL.
package struct ProgramRequest: Sendable {
  /// The first is the program: a path, or a name to look for.
  package var arguments: [[UInt8]]
  /// "NAME=value"; nil: this process' own.
  package var environment: [[UInt8]]?
  package var folder: String?
  /// Further descriptors, under the numbers they have here.
  package var passedDescriptors: [Int32] = []
  package var newSession = false
  /// The process group to join, 0 for one of its own; nil: this process'.
  package var group: Int32?
  package var fileModeMask: UInt32?
  package var user: UInt32?
  package var userGroup: UInt32?
  package var groups: [UInt32]?
  package var diesWithParent = false

  package init(arguments: [[UInt8]]) { self.arguments = arguments }

  /// Whether the program will lead a process group.
  var leadsGroup: Bool { newSession || group == 0 }
}

extension ProgramRequest {
  /// Starts the program with these standard streams.
  func start(_ streams: StandardStreamPlan) throws(ProgramFailure) -> ChildProcess {
    let candidates = SearchPath.candidates(for: arguments[0], path: SearchPath.value(in: environment))
    var moves = streams.moves
    // What takes the place of a standard stream goes ahead of a descriptor that is passed under its number.
    for number in Set(passedDescriptors) where !moves.contains(where: { $0.target == number }) {
      moves.append(mp_spawn_move(source: number, target: number))
    }
    moves.sort { $0.target < $1.target }
    let files = StringTable(candidates)
    let words = StringTable(arguments)
    let variables = environment.map { StringTable($0) }
    defer { withExtendedLifetime((files, words, variables, streams)) {} }
    let moving = UnsafeMutableBufferPointer<mp_spawn_move>.allocate(capacity: moves.count)
    defer { moving.deallocate() }

    var request = mp_spawn_request()
    request.candidates = UnsafePointer(files.list)
    request.searches = !arguments[0].contains(UInt8(ascii: "/"))
    request.arguments = UnsafePointer(words.list)
    request.moves = moving.baseAddress
    request.move_count = moves.count
    request.terminal = streams.terminal ?? -1
    request.new_session = newSession
    request.group = group ?? -1
    request.file_mode_mask = fileModeMask.map { Int32($0 & 0o777) } ?? -1
    request.sets_user = user != nil
    request.user = user ?? 0
    request.sets_user_group = userGroup != nil
    request.user_group = userGroup ?? 0
    request.group_count = groups.map { Int32(clamping: $0.count) } ?? -1
    request.dies_with_parent = diesWithParent

    // Another thread may be changing the environment of this process, and the kernel meet a list that is no longer one.
    var patience = variables == nil ? 100 : 0
    while true {
      // The child writes to them.
      _ = moving.initialize(from: moves)
      request.environment = UnsafePointer(variables?.list ?? environ)
      switch spawnMasked(&request) {
      case .success(let pidfd):
        return ChildProcess(pid: request.pid, pidfd: pidfd, leadsGroup: leadsGroup)
      case .failure(let failure) where failure.errno == EFAULT && request.step == MP_SPAWN_EXEC && patience > 0:
        patience -= 1
      case .failure(let failure):
        throw explanation(of: failure.errno, request, moves, candidates)
      }
    }
  }

  private func spawnMasked(_ request: inout mp_spawn_request) -> Result<SharedDescriptor, Errno> {
    SignalMask.withAllBlocked {
      (groups ?? []).withUnsafeBufferPointer { groups in
        request.groups = groups.baseAddress
        return Self.withFolder(folder) { path in
          request.folder = path
          return Self.spawn(&request)
        }
      }
    }
  }

  private static func withFolder<Result>(
    _ folder: String?, _ body: (UnsafePointer<CChar>?) -> Result
  ) -> Result {
    guard let folder else { return body(nil) }
    return folder.withCString { body($0) }
  }

  private struct Errno: Error {
    let errno: Int32
  }

  private static func spawn(_ request: inout mp_spawn_request) -> Result<SharedDescriptor, Errno> {
    let pidfd = UnsafeMutablePointer<mp_expected_descriptor>.allocate(capacity: 1)
    defer { pidfd.deallocate() }
    pidfd.initialize(to: mp_expected_descriptor(descriptor: -1, next: nil))
    request.pidfd = pidfd
    let error: Int32
    let isListed: Bool
    if request.dies_with_parent {
      // The launcher does one thing at a time, by the fork lock.
      (error, isListed) = forkLock.withLock { _ in
        mp_registry_expect(pidfd)
        let error = mp_spawn_on_launcher(&request)
        return (error, mp_registry_settle(pidfd, error == 0))
      }
    } else {
      // A file system that does not answer may hold the child up: nobody else waits for it.
      let prepared = forkLock.withLock { _ in
        mp_registry_expect(pidfd)
        return mp_launch_prepare()
      }
      error = prepared == 0 ? mp_spawn(&request) : prepared
      isListed = forkLock.withLock { _ in mp_registry_settle(pidfd, error == 0) }
    }
    guard error == 0 else { return .failure(Errno(errno: -error)) }
    let descriptor = SharedDescriptor(Descriptor(inherited: pidfd.pointee.descriptor))
    // Beyond what the table holds: rather no program than a descriptor that children keep.
    guard isListed else {
      let child = ChildProcess(pid: request.pid, pidfd: descriptor)
      try? child.send(signal: SIGKILL)
      _ = try? child.wait(until: .never)
      return .failure(Errno(errno: EMFILE))
    }
    return .success(descriptor)
  }

  /// What an errno means at the step where it came up.
  private func explanation(
    of errno: Int32, _ request: mp_spawn_request, _ moves: [mp_spawn_move], _ candidates: [[UInt8]]
  ) -> ProgramFailure {
    func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
    switch request.step {
    case MP_SPAWN_EXEC:
      let path = text(candidates[Int(request.index)])
      switch (request.reason, errno) {
      case (MP_SPAWN_IS_FOLDER, _): return .isFolder(path)
      case (MP_SPAWN_LACKS_INTERPRETER, _):
        let interpreter = SearchPath.interpreter(of: path, from: folder)
        return .lacksInterpreter(interpreter ?? "the loader", of: path)
      case (_, ENOENT): return .notFound(text(arguments[0]))
      case (_, ENAMETOOLONG): return .notFound("\(path) (too long a name)")
      case (_, ELOOP): return .notFound("\(path) (symbolic links that lead to one another)")
      case (_, EACCES):
        guard let interpreter = SearchPath.deniedInterpreter(of: path, from: folder) else {
          return .notExecutable(path)
        }
        return .notExecutable("\(interpreter) (the interpreter of \(path))")
      case (_, EPERM): return .notExecutable(path)
      case (_, ENOEXEC): return .notExecutable("\(path) (neither a program for this system nor a script)")
      case (_, E2BIG): return .tooMuch
      default: return .system(SystemFailure("execute \(path)", errno: errno))
      }
    case MP_SPAWN_FOLDER: return .folder(folder ?? "", errno: errno)
    case MP_SPAWN_DESCRIPTOR where errno == EBADF: return .descriptor(moves[Int(request.index)].source, errno: errno)
    case MP_SPAWN_USER: return .user(errno: errno)
    case MP_SPAWN_SESSION where !newSession: return .group(group ?? 0, errno: errno)
    default: return .system(SystemFailure("start a program", errno: errno))
    }
  }
}
