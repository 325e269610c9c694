/// A value whose size in memory is known: its own, and that of what it points to, without headers and spare capacity.
protocol Sized: Codable, Equatable {
  var memorySize: Int { get }
}

extension Double: Sized {
  var memorySize: Int { MemoryLayout<Self>.size }
}

extension UInt8: Sized {
  var memorySize: Int { MemoryLayout<Self>.size }
}

extension String: Sized {
  /// Up to 15 bytes of UTF-8 lie in the value itself.
  var memorySize: Int { MemoryLayout<Self>.size + (utf8.count > 15 ? utf8.count : 0) }
}

extension Array: Sized where Element: Sized {
  var memorySize: Int { MemoryLayout<Self>.size + reduce(0) { $0 + $1.memorySize } }
}

/// An ordinary struct: numbers, texts, an optional, an enum, a list of a further struct.
struct Order: Sized {
  enum State: String, Codable {
    case open, paid, shipped
  }

  struct Item: Sized {
    var product: Int
    var title: String
    var quantity: Int
    var price: Double
    var isGift: Bool

    var memorySize: Int { MemoryLayout<Self>.size + title.heapSize }
  }

  var number: Int
  var customer: String
  var email: String
  var state: State
  var note: String?
  var discount: Double
  var items: [Item]
  var tags: [String]

  var memorySize: Int {
    MemoryLayout<Self>.size + customer.heapSize + email.heapSize + (note?.heapSize ?? 0)
      + items.reduce(0) { $0 + $1.memorySize } + tags.reduce(0) { $0 + $1.memorySize }
  }

  static var sample: Order {
    Order(
      number: 4_711_000_815, customer: "Kim Minsu (김민수)", email: "minsu.kim@example.com", state: .paid,
      note: "Please ring twice; the bell is hard to hear.", discount: 0.125,
      items: (1...4).map {
        Item(
          product: 1000 + $0, title: "Notebook, ruled, \($0 * 40) pages", quantity: $0,
          price: 3.49 * Double($0), isGift: $0 == 2)
      },
      tags: ["stationery", "returning customer"])
  }
}

extension String {
  fileprivate var heapSize: Int { memorySize - MemoryLayout<Self>.size }
}
