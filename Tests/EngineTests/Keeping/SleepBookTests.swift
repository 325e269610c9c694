import XCTest

@testable import MultiprocessingEngine

/// Who sleeps on what, without a thread.
final class SleepBookTests: XCTestCase {
  private var words: [UnsafeMutablePointer<UInt32>] = []

  override func setUp() {
    words = (0..<4).map { _ in
      let word = UnsafeMutablePointer<UInt32>.allocate(capacity: 1)
      word.initialize(to: 0)
      return word
    }
  }

  override func tearDown() { for word in words { word.deallocate() } }

  private func sleep(_ index: Int, while value: UInt32 = 0, lookAgain: Deadline = .never) -> KeptSleep {
    KeptSleep(on: words[index], while: value, lookAgain: lookAgain)
  }

  func testAChangedWordWakesAllWhoSleepOnItInTheOrderTheyCame() {
    var book = SleepBook()
    for (ticket, word) in [(3, 0), (1, 0), (2, 1)] { book.note(UInt64(ticket), sleep(word), until: .never) }
    XCTAssertEqual(book.awake(), [])
    words[0].pointee = 1
    XCTAssertEqual(book.awake(), [1, 3])
    book.note(1, sleep(0, while: 1), until: .never)
    XCTAssertEqual(book.awake(), [3])
    book.remove(3)
    XCTAssertEqual(book.awake(), [])
    book.remove(1)
    book.remove(2)
    XCTAssert(book.isEmpty)
  }

  func testTimesToLookAgainAndDeadlines() {
    var book = SleepBook()
    let far = Deadline(after: .seconds(1000))
    let further = Deadline(after: .seconds(2000))
    XCTAssertEqual(book.earliest, .never)
    book.note(1, sleep(0), until: .never)
    XCTAssertEqual(book.earliest, .never)
    book.note(2, sleep(1, lookAgain: further), until: far)
    XCTAssertEqual(book.earliest, far)
    book.note(2, sleep(1, lookAgain: far), until: further)
    XCTAssertEqual(book.earliest, far)
    XCTAssertEqual(book.awake(), [])
    book.note(3, sleep(0, lookAgain: .now), until: further)
    book.note(4, sleep(0), until: .now)
    XCTAssertEqual(book.awake(), [3, 4])
  }

  func testAWordIsSleptOnOnceForEachValue() {
    var book = SleepBook()
    for ticket in 0..<10 { book.note(UInt64(ticket), sleep(ticket % 2), until: .never) }
    XCTAssertEqual(Set(book.words(limit: 100).map(\.word)), [words[0], words[1]].asRaw)
    XCTAssertEqual(book.words(limit: 100).count, 2)
    // One of the two does not see what is there: the kernel says so at once.
    book.note(0, sleep(0, while: 7), until: .never)
    XCTAssertEqual(book.words(limit: 100).count, 3)
    XCTAssertEqual(book.words(limit: 1).count, 1)
  }
}

extension [UnsafeMutablePointer<UInt32>] {
  fileprivate var asRaw: Set<UnsafeRawPointer> { Set(map { UnsafeRawPointer($0) }) }
}
