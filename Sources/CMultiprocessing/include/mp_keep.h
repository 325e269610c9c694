// Sleeping on many words at once, and for a mutex without being stuck in it: futex_waitv(2), and the rules by which glibc and
// the kernel treat the word of a robust mutex.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
  /// How many words there may be in one call.
  MP_MOST_WORDS = 128
};

/// A word of 32 bits to sleep on as long as it has a value: the kernel's `struct futex_waitv`.
typedef struct {
  uint64_t value;
  uint64_t address;
  uint32_t flags;
  uint32_t reserved;
} mp_word;

/// `isPrivate`: of this process alone.
mp_word mp_word_make(const void *_Nonnull address, uint32_t value, bool isPrivate);
/// Sleeps until one of the words is woken or has another value, or until the monotonic clock has passed `nanoseconds`, for ever with
/// UINT64_MAX. 0 for each of these; -ENOSYS or -EPERM where the system does not offer it.
int mp_sleep_on(const mp_word *_Nonnull words, uint32_t count, uint64_t nanoseconds);

/// Has whoever holds the mutex wake a sleeper when he lets go of it: false when nobody holds it, else the value with which to sleep on
/// its word.
bool mp_mutex_await(void *_Nonnull mutex, uint32_t *_Nonnull value);
/// For the holder, who has slept on the word: others may still, and are to be woken.
void mp_mutex_expect_sleepers(void *_Nonnull mutex);
/// Wakes one that sleeps on the word. A wake-up too many does no harm: whoever sleeps there looks, and sleeps again.
void mp_mutex_wake(void *_Nonnull mutex);
const void *_Nonnull mp_mutex_word(const void *_Nonnull mutex);
