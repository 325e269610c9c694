// Shows:  arguments by name, in any order, alone and after arguments by position.
// Run:    swift run keywords
// Prints: the same texts twice, whatever the order they were given in, then a greeting.
import Multiprocessing

// The names that the function knows: a field that is optional may be left out.
struct Texts: Decodable {
  var test: String
  var test2: String
  var note: String?
}

func show(_ texts: Texts) { print("test: \(texts.test), test2: \(texts.test2)") }
func greet(_ name: String, _ texts: Texts) { print("\(name): \(texts.test), \(texts.note ?? "-")") }

let inOrder = Process(target: show, kwargs: ["test": "테스트입니다", "test2": "this is a test"])
try inOrder.start()
try inOrder.join()

let inAnotherOrder = Process(target: show, kwargs: ["test2": "this is a test", "test": "테스트입니다"])
try inAnotherOrder.start()
try inAnotherOrder.join()

let both = Process(
  target: greet, args: "Mina", kwargs: ["test2": "", "note": "안녕하세요", "test": "hello"])
try both.start()
try both.join()
