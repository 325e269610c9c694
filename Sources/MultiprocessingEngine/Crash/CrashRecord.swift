import CMultiprocessing
import Glibc

/// What a crashing child told: the signal, where it was, and the end of what it wrote to standard error.
package struct CrashRecord: Sendable, Equatable {
  package let signal: Int32
  /// `si_code`: greater than zero where the processor or the kernel raised the signal, else it was sent.
  package let code: Int32
  /// Who sent the signal, where somebody did. Zero is a process outside of this one's pid namespace.
  package let sender: Int32?
  package let process: Int32
  package let thread: Int32
  /// `errno` of the crashing thread.
  package let errorNumber: Int32
  /// The address that could not be accessed or executed; nil where the signal has none.
  package let faultAddress: UInt?
  package let programCounter: UInt
  package let stackPointer: UInt
  /// Innermost first, without `programCounter`.
  package let returnAddresses: [UInt]
  /// The end of what was written to `stderr`.
  package let standardErrorTail: [UInt8]
  /// How many bytes at the end of `standardErrorTail` one call has written.
  package let lastWriteLength: Int

  /// The size of every record.
  package static let byteCount = MemoryLayout<mp_crash_record>.size

  /// Reads a record. Nil if the bytes are not exactly one, whatever they are.
  package init?(_ bytes: UnsafeRawBufferPointer) {
    guard bytes.count == Self.byteCount else { return nil }
    var raw = mp_crash_record()
    // Every pattern of bits is a valid value of this struct of integers.
    withUnsafeMutableBytes(of: &raw) { $0.copyBytes(from: bytes) }
    guard raw.magic == MP_CRASH_MAGIC, raw.version == MP_CRASH_VERSION,
      raw.address_count <= MP_CRASH_ADDRESS_LIMIT,
      raw.message_length <= MP_CRASH_MESSAGE_LIMIT, raw.last_write_length <= raw.message_length
    else { return nil }
    signal = raw.signal
    code = raw.code
    sender = Self.sendingCodes.contains(raw.code) ? raw.sender : nil
    process = raw.process
    thread = raw.thread
    errorNumber = raw.error_number
    faultAddress = Self.hasFaultAddress(raw.signal, code: raw.code) ? UInt(raw.fault_address) : nil
    programCounter = UInt(raw.program_counter)
    stackPointer = UInt(raw.stack_pointer)
    // In bounds: both counts were checked against the arrays' sizes above.
    returnAddresses = withUnsafeBytes(of: raw.addresses) {
      $0.bindMemory(to: UInt64.self).prefix(Int(raw.address_count)).map(UInt.init)
    }
    standardErrorTail = withUnsafeBytes(of: raw.message) { Array($0.prefix(Int(raw.message_length))) }
    lastWriteLength = Int(raw.last_write_length)
  }

  /// Whether another process sent the signal, as `kill -SEGV` does: no crash, but a death from outside.
  package var isFromOutside: Bool {
    sender.map { $0 != process } ?? false
  }

  /// Whether memory ran out. The runtime's message tells for certain. Where even that could not be allocated (a failed
  /// allocation of a few bytes ends in the formatting of the message, by SIGSEGV) only `errno` is left, which may also stem
  /// from an earlier call: ask for this where there was a limit.
  package var isAllocationFailure: Bool {
    errorNumber == ENOMEM || message?.hasPrefix("failed to allocate ") == true
  }

  /// Whether the stack was full: the address out of reach is right where the stack pointer is.
  package var isStackOverflow: Bool {
    guard signal == SIGSEGV, let faultAddress else { return false }
    let distance = faultAddress > stackPointer ? faultAddress - stackPointer : stackPointer - faultAddress
    return distance <= 64 * 1024
  }

  /// The sentence a person wants to read, "Index out of range", where the runtime or the C library left one, or where the
  /// record speaks for itself. A trap in optimized code leaves none; ``Symbolication`` may find it then.
  package var message: String? {
    if isFromOutside { return nil }
    if isStackOverflow { return "Stack overflow" }
    // Other signals come without a message, and what the program last printed is not one.
    guard [SIGILL, SIGTRAP, SIGABRT].contains(signal) else { return nil }
    return CrashMessage.extract(fromTail: standardErrorTail, lastWriteLength: lastWriteLength)
  }

  /// SI_USER, SI_QUEUE and SI_TKILL, which are macros without a type that Swift imports.
  private static let sendingCodes: Set<Int32> = [0, -1, -6]

  private static func hasFaultAddress(_ signal: Int32, code: Int32) -> Bool {
    // SI_KERNEL with SIGSEGV is an address that is no address at all, which the processor does not tell.
    let siKernel: Int32 = 0x80
    return code > 0 && code != siKernel && [SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP].contains(signal)
  }
}
