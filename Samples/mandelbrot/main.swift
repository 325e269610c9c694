// Shows:  several processes that compute one picture, each into its own rows of shared memory.
// Run:    swift run mandelbrot
// Prints: the size, the number of processes and a checksum of the picture, a PPM file at the path given, if any.
import Glibc
import Multiprocessing

let (width, height, processes) = (480, 320, 4)
let deepest = 200

/// How many steps it takes to get away from there; `deepest` for a point of the set.
func depth(_ x: Double, _ y: Double) -> Int {
  var (a, b) = (0.0, 0.0)
  for step in 0..<deepest {
    (a, b) = (a * a - b * b + x, 2 * a * b + y)
    if a * a + b * b > 4 { return step }
  }
  return deepest
}

func colour(_ depth: Int) -> [UInt8] {
  if depth == deepest { return [0, 0, 0] }
  return [UInt8(depth * 9 % 256), UInt8(depth * 5 % 256), UInt8(64 + depth * 3 % 192)]
}

/// Every row whose number leaves `first` as the remainder: all processes then have about as much to do.
@Sendable func paint(_ picture: SharedArray<UInt8>, from first: Int) {
  for row in stride(from: first, to: height, by: processes) {
    for column in 0..<width {
      let x = Double(column) / Double(width) * 3 - 2.2
      let y = Double(row) / Double(height) * 2 - 1
      for (channel, part) in colour(depth(x, y)).enumerated() {
        picture[(row * width + column) * 3 + channel] = part
      }
    }
  }
}

let picture = try SharedArray(count: width * height * 3, repeating: UInt8(0))
let painters = (0..<processes).map { Process(target: paint, args: (picture, $0)) }
for painter in painters { try painter.start() }
for painter in painters { try painter.join() }

let path = CommandLine.arguments.dropFirst().first ?? "/tmp/mandelbrot-\(getpid()).ppm"
guard let file = fopen(path, "w") else { fatalError("cannot write \(path)") }
fputs("P6\n\(width) \(height)\n255\n", file)
picture.withUnsafeMutableBufferPointer { pixels in _ = fwrite(pixels.baseAddress, 1, pixels.count, file) }
fclose(file)
if CommandLine.arguments.count < 2 { unlink(path) }

let checksum = picture.reduce(UInt32(0)) { ($0 << 5 | $0 >> 27) ^ UInt32($1) }
print("\(width) x \(height) pixels by \(processes) processes, checksum \(checksum)")
