/// Lanes whose workers have ended, for the workers that come next: to put memory behind a lane takes as long as half of a fork.
package final class LaneStock: Sendable {
  private let lanes = ForkAwareLock<[Lane]>([])
  private let most: Int

  /// - Parameter most: how many lanes are kept.
  package init(keeping most: Int) { self.most = most }

  package func take() throws(SystemFailure) -> Lane {
    if let lane = lanes.withLock({ $0.popLast() }) { return lane }
    return try Lane()
  }

  /// Keeps a lane that only the caller knows any more: neither a process that lives nor whoever reads a block of it.
  package func giveBack(_ lane: Lane) {
    guard lane.region.isOfThisProcess else { return }
    lane.reset()
    lanes.withLock { lanes in
      if lanes.count < most { lanes.append(lane) }
    }
  }
}
