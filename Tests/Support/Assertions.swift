import XCTest

/// Fails unless `expression` throws exactly `expected`.
public func assertThrows<Value, Failure: Error & Equatable>(
  _ expected: Failure, file: StaticString = #filePath, line: UInt = #line,
  _ expression: () throws -> Value
) {
  do {
    let value = try expression()
    XCTFail("\(value) instead of \(expected)", file: file, line: line)
  } catch let error as Failure {
    XCTAssertEqual(error, expected, file: file, line: line)
  } catch {
    XCTFail("\(error) instead of \(expected)", file: file, line: line)
  }
}

/// The error that `body` throws; nil, and a failure, when it throws none of that type.
public func thrown<Value, Failure: Error>(
  _ type: Failure.Type = Failure.self, file: StaticString = #filePath, line: UInt = #line,
  by body: () throws -> Value
) -> Failure? {
  do {
    let value = try body()
    XCTFail("\(value) instead of an error", file: file, line: line)
  } catch let error as Failure {
    return error
  } catch {
    XCTFail("\(error) instead of a \(type)", file: file, line: line)
  }
  return nil
}
