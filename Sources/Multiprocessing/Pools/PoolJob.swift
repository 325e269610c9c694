internal import MultiprocessingEngine

/// One call of a pool's: a map, or a task that was submitted. The pool delivers to it; who made it decodes.
class PoolJob: @unchecked Sendable {
  // Sendable: what changes is guarded by the pool's lock.
  let function: PoolFunctionBody
  /// Bytes of a result that is a number.
  let outputStride: Int
  /// What has come since somebody looked last.
  @exclusivity(unchecked) var mail = PoolMail()
  /// Nobody wants results any more: what is not running need not.
  @exclusivity(unchecked) var isAbandoned = false
  /// How many of its slices wait for a worker.
  @exclusivity(unchecked) var waiting = 0
  /// Whether a worker has ever got something of it.
  @exclusivity(unchecked) var wasSent = false
  /// Woken, without the lock, when something has come.
  @exclusivity(unchecked) var sleeper: (@Sendable () -> Void)?

  /// What has to live on with it: inputs with descriptors, which have to arrive first, and the registration of its function. For whoever feeds the job.
  var kept: [Any] = []

  init(_ function: PoolFunctionBody, outputStride: Int?) {
    self.function = function
    self.outputStride = outputStride ?? 0
  }

  /// Whether somebody has to be told that something has come.
  var isUntold: Bool { sleeper != nil }

  /// Something has come; called without the lock, on the thread that has collected it.
  func tell(_ core: PoolCore) {
    if let sleeper = core.takeSleeper(self) { sleeper() }
  }

  /// It was cancelled, and nothing will come any more; called without the lock.
  func end(_ core: PoolCore) {}

  /// Whether nothing but the pool may hold it.
  var isPools: Bool { isAbandoned }

  /// A worker has got some of it; under the lock.
  func noteSent() { wasSent = true }
}
