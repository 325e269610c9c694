import CMultiprocessing

/// A name of shared memory, and the file it was given to.
package struct NamedFile: Sendable {
  package let name: String
  let identity: FileIdentity

  /// Whether every program could open shared memory of that name; shm_open(3).
  package static func isValid(name: String) -> Bool {
    let bytes = name.utf8
    return (1...Int(MP_NAME_LENGTH)).contains(bytes.count) && name != "." && name != ".."
      && !bytes.contains { $0 == UInt8(ascii: "/") || $0 == 0 }
  }

  /// Removes the name; the memory goes with its last user. Throws ENOENT when the name stands for that file no more.
  package func unlink() throws(SystemFailure) {
    // Whoever removed it, it need not be listed any longer. An entry that stays on stands for nothing, and harms nobody.
    defer { try? Family.current().remove(identity) }
    try Syscall.remove(name: name, of: identity)
  }
}
