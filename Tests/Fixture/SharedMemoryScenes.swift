import Glibc
import Multiprocessing

/// What becomes of a name.
func memory(_ scene: String, _ name: String) throws {
  switch scene {
  case "keep", "keep-persistent":
    let ballast = [UInt8](repeating: 1, count: 64 << 20)
    let array = try SharedArray(count: 1000, repeating: 1)
    let memory = try SharedMemory.create(name: name, size: 10_000, persistent: scene == "keep-persistent")
    try memory.withUnsafeMutableBytes { $0[0] = 42 }
    withExtendedLifetime((ballast, array), waitForDeath)
  case "child-creates":
    let child = Process { try dieAfterCreating(name) }
    try child.start()
    try child.join()
    waitForDeath()
  case "survivor":
    // Started ahead of everything: it knows nothing of the name.
    let survivor = Process(target: { while true { pause() } }, daemon: false)
    survivor.survivesParent = true
    try survivor.start()
    let memory = try SharedMemory.create(name: name, size: 10_000)
    say("\(survivor.pid!)")
    withExtendedLifetime(memory, waitForDeath)
  case "end":
    _ = try SharedMemory.create(name: name, size: 10_000)
    let child = Process { _ = try SharedMemory.create(name: name + "-2", size: 10_000) }
    try child.start()
    try child.join()
    say("ready")
  case "attach":
    let memory = try SharedMemory.attach(name: name)
    try memory.withUnsafeMutableBytes { bytes in
      say("\(memory.size) \(bytes[0])")
      bytes[1] = 43
    }
  case "storm":
    // Whatever becomes of the children, there is a name, and so a guardian.
    let memory = try SharedMemory.create(name: name, size: 100)
    while memory.size == 100 { try storm(name) }
  case "full":
    try inSmallFilesystem(name)
  default: fatalError("no such scene")
  }
}

private func waitForDeath() {
  say("ready")
  while true { pause() }
}

private func dieAfterCreating(_ name: String) throws {
  _ = try SharedMemory.create(name: name, size: 10_000)
  kill(getpid(), SIGKILL)
}

/// Children that create and remove names as fast as they can, until they are killed.
private func storm(_ name: String) throws {
  let children = (0..<3).map { number in
    Process {
      for round in 0... {
        let memory = try SharedMemory.create(name: "\(name)-\(getpid())-\(number)-\(round)", size: 100)
        if round % 3 > 0 { try memory.unlink() }
      }
    }
  }
  for child in children { try child.start() }
  usleep(UInt32.random(in: 500..<3000))
  for child in children { try child.kill() }
  for child in children { try child.join() }
  say("ready")
}

/// A mount that only this process and its children see, of 1 MiB.
private func inSmallFilesystem(_ name: String) throws {
  typealias Unshare = @convention(c) (Int32) -> Int32
  let newNamespace: Int32 = 0x0002_0000
  let unshare = unsafeBitCast(dlsym(nil, "unshare")!, to: Unshare.self)
  typealias Mount =
    @convention(c) (UnsafePointer<CChar>?, UnsafePointer<CChar>?, UnsafePointer<CChar>?, UInt, UnsafePointer<CChar>?) ->
    Int32
  let mount = unsafeBitCast(dlsym(nil, "mount")!, to: Mount.self)
  let recursive: UInt = 0x4000
  let `private`: UInt = 1 << 18
  guard unshare(newNamespace) == 0, mount(nil, "/", nil, recursive | `private`, nil) == 0,
    mount("tmpfs", "/dev/shm", "tmpfs", 0, "size=1m") == 0
  else {
    say("not allowed")
    return
  }
  do {
    _ = try SharedMemory.create(name: name, size: 2 << 20)
    say("too large, and created")
  } catch SharedMemoryError.noSpace(let bytes) {
    say("no space for \(bytes)")
  }
  let memory = try SharedMemory.create(name: name, size: 1 << 19)
  try memory.withUnsafeMutableBytes { bytes in
    for index in bytes.indices { bytes[index] = 1 }
  }
  say("half fits")
  do {
    _ = try SharedMemory.create(size: 3 << 18)
    say("too much, and created")
  } catch SharedMemoryError.noSpace {
    say("no space for more")
  }
}
