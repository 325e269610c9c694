// What the engine's tests need and Swift cannot say.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/// Forks on a thread of its own with a stack of 8 MiB, as the engine does. The child resets its signals, calls `body` and
/// exits with 0. Returns the pid, or -1.
pid_t ets_fork(void (*_Nonnull body)(void *_Nonnull context), void *_Nonnull context);

/// `fork()`, which Swift does not import.
pid_t ets_plain_fork(void);

/// Bytes of the heap in use.
size_t ets_heap_in_use(void);

/// Frees a block whose size has been overwritten, at which the C library aborts.
void ets_corrupt_heap(void);

/// A C function without a frame pointer faults here.
size_t ets_length(const char *_Nullable text);

void ets_call(void (*_Nullable function)(void));

/// C's `assert`.
void ets_assert_positive(int value);

/// Executes an illegal instruction while stack and frame pointer lead nowhere, where an unwinder faults.
void ets_trap_without_stack(void);

/// A breakpoint: unlike other traps, returning from its handler goes on behind it.
void ets_breakpoint(void);

/// Holds the lock of `stderr` from now on.
void ets_lock_stderr(void);

/// `fileno(stderr)`.
int ets_stderr_descriptor(void);

/// Writes `count` bytes to `stderr` by one call. Returns whether all of them were taken.
bool ets_write_stderr(const char *_Nonnull bytes, size_t count);

/// `freopen(path, "w", stderr)`.
bool ets_reopen_stderr(const char *_Nonnull path);

/// Asks the kernel, as the Swift runtime does for what it initialises once, for a word that thread `owner` holds; gives up
/// at once. Returns whether the word is held still.
bool ets_word_stays_held(int owner);

/// Forks a child that calls `body`, lets it execute `steps` instructions, or fewer if `body` returns before, and ends it with
/// SIGKILL ahead of the next. Returns how many it executed; a negative errno when processes cannot be traced here.
long ets_step_then_kill(void (*_Nonnull body)(void *_Nonnull context), void *_Nonnull context, long steps);

/// Keeps the calling thread on the first processor that the process may use; if `idle`, with what nobody else wants of its time.
void ets_stay_on_one_processor(bool idle);

/// Lets the calling thread run on every processor again.
void ets_use_every_processor(void);
