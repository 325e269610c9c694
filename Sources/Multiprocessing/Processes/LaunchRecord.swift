internal import MultiprocessingEngine

/// All that a child needs to know to become itself, whatever start method brings it to life.
struct LaunchRecord: Equatable {
  var name: String
  /// The numbers of the process and its ancestors: "Process-1:2" has [1, 2].
  var path: [Int]
  var isDaemon: Bool
  var parent: ProcessIdentity
  var limits: ResourceLimits
  var arguments: EncodedArguments

  var bytes: [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(128 + arguments.bytes.count)
    bytes.append(text: name)
    bytes.append(numbers: path)
    bytes.append(flag: isDaemon)
    bytes.append(text: parent.name)
    bytes.append(littleEndian: parent.pid)
    bytes.append(flag: parent.isDaemon)
    bytes.append(optional: limits.memory) { $0.append(littleEndian: Int64($1)) }
    bytes.append(optional: limits.cpuTime) {
      $0.append(littleEndian: $1.components.seconds)
      $0.append(littleEndian: $1.components.attoseconds)
    }
    bytes.append(optional: limits.openFiles) { $0.append(littleEndian: Int64($1)) }
    bytes.append(optional: limits.fileSize) { $0.append(littleEndian: Int64($1)) }
    bytes.append(numbers: arguments.descriptors.map(Int.init))
    bytes.append(contentsOf: arguments.bytes)
    return bytes
  }

  /// Reads everything but the arguments, and answers where those lie in `bytes`.
  static func parse(_ bytes: UnsafeRawBufferPointer) throws -> (LaunchRecord, InheritedArguments) {
    var reader = ByteReader(bytes)
    let record = LaunchRecord(
      name: try reader.string(),
      path: try reader.numbers(),
      isDaemon: try reader.flag(),
      parent: ProcessIdentity(
        name: try reader.string(), pid: try reader.int32(), isDaemon: try reader.flag()),
      limits: ResourceLimits(
        memory: try reader.optional { Int(try $0.int64()) },
        cpuTime: try reader.optional {
          Duration(secondsComponent: try $0.int64(), attosecondsComponent: try $0.int64())
        },
        openFiles: try reader.optional { Int(try $0.int64()) },
        fileSize: try reader.optional { Int(try $0.int64()) }),
      arguments: .none)
    let descriptors = try reader.numbers().map { Int32(truncatingIfNeeded: $0) }
    return (record, InheritedArguments(bytes: reader.remainder(), descriptors: descriptors))
  }
}
