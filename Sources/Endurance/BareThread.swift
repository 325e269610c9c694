import Glibc

/// A thread that owes nothing to what is tested.
package final class BareThread {
  private let handle: pthread_t

  private final class Start {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  package init(_ body: @escaping @Sendable () -> Void) {
    var handle = pthread_t()
    let start = Unmanaged.passRetained(Start(body))
    let error = pthread_create(
      &handle, nil,
      { argument in
        Unmanaged<Start>.fromOpaque(argument!).takeRetainedValue().body()
        return nil
      }, start.toOpaque())
    precondition(error == 0, "no thread: errno \(error)")
    self.handle = handle
  }

  package func join() { pthread_join(handle, nil) }
}
