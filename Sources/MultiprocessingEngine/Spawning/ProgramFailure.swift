import CMultiprocessing
import Glibc

/// Why a program could not be started. Nothing is left of the attempt.
package enum ProgramFailure: Error, Equatable {
  /// No such file: the name as it was given.
  case notFound(String)
  /// The file is there, and what it names as its interpreter or loader is not.
  case lacksInterpreter(String, of: String)
  /// The file is there, and may not be executed.
  case notExecutable(String)
  case isFolder(String)
  /// The arguments and the environment.
  case tooMuch
  /// The working directory.
  case folder(String, errno: Int32)
  /// A file for one of the standard streams.
  case file(String, errno: Int32)
  /// A descriptor that is to be passed.
  case descriptor(Int32, errno: Int32)
  /// The user, the group or the supplementary groups.
  case user(errno: Int32)
  case group(Int32, errno: Int32)
  case system(SystemFailure)
}
