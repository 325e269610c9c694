// Shows:  a pool of threads: what a pool of processes can do, for tasks that mostly wait, and that share this program's memory.
// Run:    swift run thread-pool
// Prints: the size of each page in the order of the list, the one that failed, and what the tasks have counted together.
import Glibc
import Multiprocessing

struct Unreachable: Error { let address: String }

/// Not Codable: a thread hands over the object itself.
final class Page: Sendable {
  let size: Int
  init(size: Int) { self.size = size }
}

/// What all tasks change.
let fetched = try SharedAtomic(0)

/// Stands in for the real thing.
@Sendable func fetch(_ address: String) throws -> Page {
  _ = usleep(20_000)
  if address.hasPrefix("down") { throw Unreachable(address: address) }
  fetched.add(1)
  return Page(size: address.utf8.count * 1000)
}

let addresses = ["one.example", "three.example", "down.example", "seventeen.example"]

let pool = try ThreadPool(threads: 4)
for (address, result) in zip(addresses, try pool.mapResults(addresses, fetch)) {
  switch result {
  case .success(let page): print("\(address): \(page.size) bytes")
  case .failure(let error): print("\(address): \(type(of: error))")
  }
}
print("\(fetched.load()) pages")
pool.close()
try pool.join()
