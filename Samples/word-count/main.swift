// Shows:  words counted over a folder of text files, on all processors, with a progress bar, a job log, and a second run that goes on where the first ended.
// Run:    swift run word-count
// Prints: how many words there are, the file that cannot be read, and what the second run had left to do.
import Glibc
import Multiprocessing

struct Unreadable: Error, Codable { let file: String }

@Sendable func words(in file: String) throws -> Int {
  guard let stream = fopen(file, "r") else { throw Unreadable(file: file) }
  defer { fclose(stream) }
  var (count, isInWord) = (0, false)
  while case let byte = getc(stream), byte != EOF {
    let isLetter = isalnum(byte) != 0
    if isLetter && !isInWord { count += 1 }
    isInWord = isLetter
  }
  return count
}

// A folder with a text or two, and one name that leads nowhere.
let folder = "/tmp/multiprocessing-words-\(getuid())"
mkdir(folder, 0o700)
let texts = ["the quick brown fox", "jumps over", "the lazy dog", "and once more over it"]
for (number, text) in texts.enumerated() {
  let file = fopen("\(folder)/\(number).txt", "w")
  fputs(text, file)
  fclose(file)
}
let files = texts.indices.map { "\(folder)/\($0).txt" } + ["\(folder)/missing.txt"]

let pool = try Pool()
let runs = try SharedAtomic(0)
let bar = isatty(2) == 1 ? terminalProgress("files") : nil

func run(resume: Bool) throws {
  runs.store(0)
  let counts = try pool.mapResults(files, jobLog: "\(folder)/jobs.log", resume: resume, progress: bar) { file in
    runs.add(1)
    return try words(in: file)
  }
  for case .failure(let error as Unreadable) in counts {
    print("cannot read \(error.file.split(separator: "/").last!)")
  }
  let total = counts.reduce(0) { $0 + ((try? $1.get()) ?? 0) }
  print("\(total) words in \(files.count) files, \(runs.load()) of them counted in this run")
}
try run(resume: false)

// The second run looks at the log: what has succeeded is not done again.
let file = fopen("\(folder)/missing.txt", "w")
fputs("found at last", file)
fclose(file)
try run(resume: true)
unlink("\(folder)/missing.txt")
pool.close()
try pool.join()
