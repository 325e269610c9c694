internal import MultiprocessingEngine

/// A place where a fixed number of parties, processes and threads alike, wait until all of them are there. Python's
/// `multiprocessing.Barrier`.
///
/// It can be used again and again. It goes to a child as an argument, alone or inside of others, as a capture of a closure, or as a property
/// of a `ProcessBase` subclass, and is the same barrier there. Every other coder refuses it with an `EncodingError`.
///
/// **When a party dies while it waits**, or while it runs the action, the barrier breaks: within a tenth of a second the others throw
/// `SynchronizationError.brokenBarrier`, as does everybody who comes after, until `reset()`. A party that has been let go, or has not come yet, is
/// not part of it: who waits for one that died before it came waits on, so give a timeout.
public final class Barrier: SegmentHandle, Sendable {
  static let label = SegmentLabel(kind: "barr")
  let segment: SharedSegment
  let ground: BarrierGround
  let action: BarrierAction?

  /// Makes a barrier.
  ///
  /// - Parameters:
  ///   - parties: how many have to come, up to 65,536.
  ///   - action: runs in the party that comes last, before the others are let go. It stays in the memory of the process that made the barrier
  ///     and of its forks: a process that has the barrier by another way lets the others go without it.
  /// - Throws: `SynchronizationError.invalidArgument` for less than one party, or too many; `SystemError` when there is no memory or
  ///   descriptor left.
  public convenience init(parties: Int, action: (@Sendable () throws -> Void)? = nil) throws {
    guard let size = BarrierGround.size(parties: parties) else {
      throw SynchronizationError.invalidArgument("a barrier of \(parties) parties")
    }
    let segment = try SharedSegment.prepared(Self.label, size: size) { address throws(SystemFailure) in
      _ = try BarrierGround.make(at: address, parties: parties)
    }
    try self.init(segment, action.map { BarrierAction($0, of: segment) })
  }

  convenience init(segment: SharedSegment) throws { try self.init(segment, BarrierAction.of(segment)) }

  private init(_ segment: SharedSegment, _ action: BarrierAction?) throws {
    guard let ground = BarrierGround(at: segment.contents, capacity: segment.capacity) else {
      throw SegmentError.notASegment
    }
    self.segment = segment
    self.ground = ground
    self.action = action
  }

  /// Waits until all parties are there.
  ///
  /// - Parameter timeout: nil waits for ever; zero or less does not wait. A party that runs out of time breaks the barrier.
  /// - Returns: the number of this party, from 0, in the order in which they came: each party gets another one.
  /// - Throws: `TimeoutError` in the party whose time ran out; `SynchronizationError.brokenBarrier` when the barrier is broken,
  ///   or breaks or is reset meanwhile; in the party that runs the action, what the action throws, which breaks the barrier; `SystemError`.
  @discardableResult
  public func wait(timeout: Duration? = nil) throws -> Int {
    let passage: BarrierGround.Passage
    do {
      passage = try ground.wait(until: Deadline(after: timeout), action: action?.body)
    } catch let failure as SystemFailure {
      throw SystemError(failure)
    }
    return try number(of: passage, timeout)
  }

  func number(of passage: BarrierGround.Passage, _ timeout: Duration?) throws -> Int {
    switch passage {
    case .passed(let number): return number
    case .broken: throw SynchronizationError.brokenBarrier
    case .outOfTime: throw TimeoutError.waiting(for: "the other parties of a barrier", timeout)
    }
  }

  /// Breaks the barrier: everybody who waits, or comes later, throws `SynchronizationError.brokenBarrier`.
  public func abort() { ground.abort() }

  /// Makes the barrier new and empty. Whoever waits throws `SynchronizationError.brokenBarrier`.
  public func reset() { ground.reset() }

  /// How many have to come.
  public var parties: Int { ground.parties }

  /// How many wait at this moment. Python's `n_waiting`.
  public var waiting: Int { ground.waiting }

  /// Whether the barrier is broken.
  public var isBroken: Bool { ground.isBroken }
}

/// What the last party runs, found again by whoever finds the barrier in the memory of its maker or of a fork of it.
final class BarrierAction: Sendable {
  let body: @Sendable () throws -> Void
  private let identity: FileIdentity

  private static let live = LiveObjects<FileIdentity, BarrierAction>()

  init(_ body: @escaping @Sendable () throws -> Void, of segment: SharedSegment) {
    self.body = body
    identity = segment.identity
    _ = Self.live.unify(self, for: identity)
  }

  deinit { Self.live.remove(identity) }

  static func of(_ segment: SharedSegment) -> BarrierAction? { live[segment.identity] }
}
