import CMultiprocessing
import Glibc

/// The calls behind named shared memory.
extension Syscall {
  /// A file without a name where named shared memory lies.
  static func createNameless() throws(SystemFailure) -> Int32 {
    Int32(try attempt(MP_CALL_NAME_CREATE, "create shared memory") { Int(mp_name_create()) })
  }

  /// Throws EEXIST when the name is taken.
  static func give(name: String, to descriptor: Int32) throws(SystemFailure) {
    try attempt(MP_CALL_NAME_GIVE, "name shared memory \(name)") { Int(mp_name_give(descriptor, name)) }
  }

  /// Throws ENOENT when there is no such name.
  static func open(name: String) throws(SystemFailure) -> Int32 {
    Int32(try attempt(MP_CALL_NAME_OPEN, "open shared memory \(name)") { Int(mp_name_open(name)) })
  }

  /// Throws ENOENT when the name stands for that file no more.
  static func remove(name: String, of file: FileIdentity) throws(SystemFailure) {
    try attempt(MP_CALL_NAME_REMOVE, "remove shared memory \(name)") {
      Int(mp_name_remove(name, file.device, file.number))
    }
  }

  static func found(
    family register: Int32, mappedAt address: UnsafeMutableRawPointer, length: Int
  ) throws(SystemFailure) {
    try attempt(MP_CALL_FAMILY, "lock the register of names") { Int(mp_family_found(register, address, length)) }
  }

  static func guardFamily(_ register: Int32) throws(SystemFailure) {
    try attempt(MP_CALL_FAMILY, "start the guardian of names") { Int(mp_family_guard(register)) }
  }

  static func isRegularFile(_ descriptor: Int32) throws(SystemFailure) -> Bool {
    var status = stat()
    try attempt(MP_CALL_STATUS, "ask what a file is") { negativeErrno(Int(fstat(descriptor, &status))) }
    return status.st_mode & S_IFMT == S_IFREG
  }
}
