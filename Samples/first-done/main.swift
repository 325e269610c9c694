// Shows:  several downloads at once, each in a process of its own: the results in the order in which they are done.
// Run:    swift run first-done
// Prints: one line for each, the fastest first, and the one that failed.
import Glibc
import Multiprocessing

struct Unreachable: Error, Codable { let host: String }

/// Stands in for the real thing: it takes as long as it is told.
@Sendable func download(_ host: String, _ milliseconds: UInt32) throws -> Int {
  _ = usleep(milliseconds * 1000)
  if host == "down.example" { throw Unreachable(host: host) }
  return host.utf8.count * 1000
}

let hosts: [String: UInt32] = ["slow.example": 900, "quick.example": 50, "down.example": 300, "fair.example": 600]

let pool = try Pool(processes: hosts.count)
let fetch = try pool.register { (job: [String: UInt32]) in try download(job.first!.key, job.first!.value) }
var names: [Future<Int>: String] = [:]
for (host, time) in hosts { names[try pool.submit(fetch, args: [host: time])] = host }

for future in try asCompleted(names.keys, timeout: .seconds(60)) {
  let host = names[future]!
  do {
    print("\(host): \(try future.result()) bytes")
  } catch let error as Unreachable {
    print("\(error.host): unreachable")
  }
}
pool.close()
try pool.join()
