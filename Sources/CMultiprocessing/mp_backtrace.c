#include "mp_backtrace.h"

#include <errno.h>
#include <execinfo.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
  /// Frames of the handler itself, above the crash, that `backtrace()` lists first.
  handler_frames = 8,
};

/// Whether eight bytes can be read at `address`. The kernel copies the set before it looks at the operation,
/// which is no valid one: EFAULT tells of memory that is not there, and nothing is changed. No sandbox
/// forbids this call.
static bool is_readable(uintptr_t address) {
  // Null would be no set at all, which the kernel does not read.
  return address && !(syscall(SYS_rt_sigprocmask, -1, address, NULL, _NSIG / 8) != 0 && errno == EFAULT);
}

/// The address without the signature that a pointer-authenticating arm64 processor keeps in its upper bits.
static uintptr_t strip_signature(uintptr_t address) {
#if defined(__aarch64__)
  register uintptr_t link __asm__("x30") = address;
  __asm__("hint #7" : "+r"(link));
  return link;
#else
  return address;
#endif
}

static void append_address(mp_crash_record *record, uintptr_t address) {
  if (record->address_count < MP_CRASH_ADDRESS_LIMIT) record->addresses[record->address_count++] = address;
}

typedef struct {
  uintptr_t program_counter, frame_pointer, stack_pointer;
  /// Where the caller's return address would be, had the function not yet begun; 0 when it cannot be read.
  uintptr_t caller;
} registers;

static registers read_registers(const ucontext_t *context) {
#if defined(__x86_64__)
  const greg_t *values = context->uc_mcontext.gregs;
  registers result = {(uintptr_t)values[REG_RIP], (uintptr_t)values[REG_RBP], (uintptr_t)values[REG_RSP], 0};
  if (result.stack_pointer % 8 == 0 && is_readable(result.stack_pointer))
    result.caller = *(const uintptr_t *)result.stack_pointer;
  return result;
#elif defined(__aarch64__)
  return (registers){context->uc_mcontext.pc, context->uc_mcontext.regs[29], context->uc_mcontext.sp,
                     strip_signature(context->uc_mcontext.regs[30])};
#else
  return (registers){0, 0, 0, 0};
#endif
}

/// Follows the frame pointers that Swift code keeps. Touches only memory that is there.
static void walk_frames(mp_crash_record *record, uintptr_t frame) {
  // The runtime may mark the frames of async functions in this bit.
  const uintptr_t async_mark = (uintptr_t)1 << 60;
  frame &= ~async_mark;
  while (record->address_count < MP_CRASH_ADDRESS_LIMIT) {
    const uintptr_t *link = (const uintptr_t *)frame;
    if (!frame || frame % sizeof(uintptr_t) != 0 || !is_readable(frame) || !is_readable(frame + sizeof(uintptr_t)))
      break;
    uintptr_t next = link[0] & ~async_mark;
    if (!link[1]) break;
    append_address(record, strip_signature(link[1]));
    // The stack grows downwards; anything else is a loop or rubbish.
    if (next <= frame) break;
    frame = next;
  }
}

/// Replaces the frames by what the unwinder finds, if that is more: C libraries keep no frame pointers, so
/// that the walk misses the caller of `abort()` or of a faulting `strlen`. Should the unwinder stumble over a
/// broken stack, the handler is entered again and sends the frames that are already there.
static void unwind(mp_crash_record *record) {
  void *found[MP_CRASH_ADDRESS_LIMIT + handler_frames];
  int count = backtrace(found, MP_CRASH_ADDRESS_LIMIT + handler_frames);
  for (int i = 0; i < count && i < handler_frames; i++) {
    if ((uintptr_t)found[i] != record->program_counter) continue;
    uint32_t below = (uint32_t)(count - i - 1);
    if (below < record->address_count) return;
    record->address_count = 0;
    for (int j = i + 1; j < count; j++) append_address(record, strip_signature((uintptr_t)found[j]));
    return;
  }
}

void mp_backtrace_collect(mp_crash_record *record, const ucontext_t *context) {
  registers at = read_registers(context);
  record->program_counter = at.program_counter;
  record->stack_pointer = at.stack_pointer;
  // A call through a wild pointer: the place of interest is the caller.
  if (!is_readable(at.program_counter) && at.caller) append_address(record, at.caller);
  walk_frames(record, at.frame_pointer);
  unwind(record);
}
