import Glibc

/// A system call that failed for a reason the engine cannot mend.
package struct SystemFailure: Error, Equatable, CustomStringConvertible {
  /// What was tried, as a person says it: "open a pipe".
  package let operation: String
  package let errno: Int32

  package init(_ operation: String, errno: Int32) {
    self.operation = operation
    self.errno = errno
  }

  package var description: String { "cannot \(operation): \(String(cString: strerror(errno)))" }
}
