import CMultiprocessing

/// What the reactor asks of the system.
extension Syscall {
  static func readinessSet() throws(SystemFailure) -> Int32 {
    Int32(try attempt(MP_CALL_READINESS, "open a set of descriptors to wait for") { Int(mp_readiness_set()) })
  }

  static func watch(_ descriptor: Int32, in set: Int32) throws(SystemFailure) {
    try attempt(MP_CALL_READINESS, "wait for a descriptor") { Int(mp_readiness_add(set, descriptor)) }
  }

  static func unwatch(_ descriptor: Int32, in set: Int32) throws(SystemFailure) {
    try attempt(MP_CALL_READINESS, "end the wait for a descriptor") { Int(mp_readiness_remove(set, descriptor)) }
  }

  /// Sleeps until something in the set is ready; how many numbers `ready` was given.
  static func waitReady(_ set: Int32, into ready: inout [Int32]) throws(SystemFailure) -> Int {
    try attempt(MP_CALL_READINESS, "wait for descriptors") {
      ready.withUnsafeMutableBufferPointer { Int(mp_readiness_wait(set, $0.baseAddress!, Int32($0.count))) }
    }
  }

  static func clockDescriptor() throws(SystemFailure) -> Int32 {
    Int32(try attempt(MP_CALL_READINESS, "open a clock's descriptor") { Int(mp_clock_descriptor()) })
  }

  /// The descriptor is readable from `deadline` on, and not before.
  static func setClock(_ descriptor: Int32, to deadline: Deadline) throws(SystemFailure) {
    // 0 would be never; `Deadline.now` is a point that has passed.
    let instant = deadline.instant.map { max($0, 1) } ?? 0
    try attempt(MP_CALL_READINESS, "set a clock") { Int(mp_clock_set(descriptor, instant)) }
  }
}
