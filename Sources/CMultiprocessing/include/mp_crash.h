// What a child tells about its own crash: a fixed record, written by a signal handler.
#pragma once

#include <stddef.h>
#include <stdint.h>

#define MP_CRASH_MAGIC 0x4D504352u
#define MP_CRASH_VERSION 1u
/// Return addresses kept, beside the program counter of the crash itself.
#define MP_CRASH_ADDRESS_LIMIT 126
/// Bytes of standard error kept. Header and record together stay below PIPE_BUF, so they arrive whole on a
/// pipe too.
#define MP_CRASH_MESSAGE_LIMIT 2048
#define MP_CRASH_HEADER_LIMIT 64

/// Fixed layout without padding; written and read on the same machine, so the byte order is its own.
typedef struct {
  uint32_t magic;
  uint32_t version;
  int32_t signal;
  /// `si_code`.
  int32_t code;
  /// `si_pid`; meaningful when `code` is SI_USER, SI_QUEUE or SI_TKILL.
  int32_t sender;
  int32_t process;
  int32_t thread;
  /// `errno` of the crashing thread.
  int32_t error_number;
  /// `si_addr`; meaningful when `code` is greater than zero.
  uint64_t fault_address;
  uint64_t program_counter;
  uint64_t stack_pointer;
  uint32_t address_count;
  uint32_t message_length;
  /// How many bytes at the end of `message` came by the last call that wrote to `stderr`.
  uint32_t last_write_length;
  uint32_t reserved;
  /// Innermost first, without `program_counter`.
  uint64_t addresses[MP_CRASH_ADDRESS_LIMIT];
  /// The end of what was written to `stderr`, oldest byte first.
  uint8_t message[MP_CRASH_MESSAGE_LIMIT];
} mp_crash_record;

/// Makes in the parent all that a child needs, so that the child allocates nothing: the alternate stack, the
/// stream that takes the place of `stderr`, a warm `backtrace()`. Cheap when it has been done. Returns 0 or
/// an errno.
int mp_crash_prepare(void);

/// Called in the child, on its only thread. From here on a crash sends `header` and an `mp_crash_record`, as
/// one message, to `descriptor`, and then ends the process by the signal it really met. Without
/// `mp_crash_prepare` it does nothing. `header_size` is at most MP_CRASH_HEADER_LIMIT; what exceeds it is not
/// sent.
///
/// A fork of this child that does not install anew reports nothing.
void mp_crash_install(int descriptor, const void *_Nonnull header, size_t header_size);

/// Gives the calling thread an alternate stack, released when the thread ends. A thread without one reports
/// every crash but the overflow of its own stack, which then ends the process by SIGSEGV without a record.
void mp_crash_install_for_thread(void);

/// Gives the signals their default dispositions back where they are still ours, and `stderr` its former
/// stream.
void mp_crash_uninstall(void);
