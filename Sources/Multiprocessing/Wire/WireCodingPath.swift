/// The coding key of an element of an unkeyed container.
struct WireIndexKey: CodingKey {
  let index: Int

  init(_ index: Int) { self.index = index }

  init?(intValue: Int) { self.init(intValue) }

  init?(stringValue: String) { nil }

  var intValue: Int? { index }
  var stringValue: String { "Index \(index)" }
}

/// The coding key under which a class finds its superclass.
struct WireSuperKey: CodingKey {
  init() {}

  init?(intValue: Int) { nil }

  init?(stringValue: String) {
    guard stringValue == self.stringValue else { return nil }
  }

  var intValue: Int? { nil }
  var stringValue: String { "super" }
}

/// A coder that knows under which key its value lies, and in which coder.
protocol WirePathNode: AnyObject {
  var parent: Self? { get }
  var key: (any CodingKey)? { get }
}

extension WirePathNode {
  /// The keys from the outermost value to this one. It is put together only when somebody asks.
  var codingPath: [any CodingKey] {
    var path: [any CodingKey] = []
    var node: Self? = self
    while let current = node {
      if let key = current.key { path.append(key) }
      node = current.parent
    }
    path.reverse()
    return path
  }
}
