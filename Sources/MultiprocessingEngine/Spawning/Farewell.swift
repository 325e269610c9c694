/// The sign of the end for a program that reads from a terminal, where there was no room for it yet. Written when there is, unless this process
/// or the program ends before.
enum Farewell {
  static func send(_ bytes: ArraySlice<UInt8>, to terminal: SharedDescriptor) {
    if bytes.isEmpty { return }
    do throws(SystemFailure) {
      let room = try StreamWatch.descriptor(writable: terminal)
      let reactor = try Reactor.current()
      reactor.begin(reactor.reserve(), for: [room.raw], until: .never) { outcome in
        // The descriptors are held until here.
        withExtendedLifetime(room) {}
        guard case .ready = outcome, let rest = rest(of: bytes, to: terminal) else { return }
        send(rest, to: terminal)
      }
    } catch {
      // Nothing to wait with: the program will not hear of it.
    }
  }

  /// What there was no room for; nil when nobody reads any more.
  private static func rest(of bytes: ArraySlice<UInt8>, to terminal: SharedDescriptor) -> ArraySlice<UInt8>? {
    bytes.withUnsafeBytes { buffer in
      do throws(SystemFailure) {
        return bytes.dropFirst(try Syscall.writeAvailable(terminal.raw, buffer) ?? 0)
      } catch {
        return nil
      }
    }
  }
}
