/// A pipe between two programs, or from several to this one; the engine's, so that no forked child keeps it.
package struct SharedPipe {
  package let reader: SharedDescriptor
  package let writer: SharedDescriptor

  package init() throws(SystemFailure) {
    let pair = try Descriptor.Pair.listing { () throws(SystemFailure) in try Syscall.pipe() }
    (reader, writer) = pair.ends()
  }
}
