// A mutex between processes that survives the death of its holder: glibc's robust, process-shared, error-checking one.
//
// The kernel walks the list of mutexes that a dying thread holds, marks each, and wakes a waiter: pthread_mutexattr_setrobust(3).
// These functions call glibc past the gate, which counts the Swift runtime's locks alone. The two that are called most are
// inlined.
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

// glibc's function under the name that the gate does not take the place of. Weak, because a fully static program may lack it;
// the gate lets this library's calls pass then. It leaves the functions that lock otherwise alone.
extern int __pthread_mutex_unlock(pthread_mutex_t *_Nonnull) __attribute__((weak));

enum {
  /// The bytes of a mutex, and their alignment, in shared memory.
  MP_MUTEX_SIZE = 40,
  MP_MUTEX_ALIGNMENT = 8,
  /// What locking answers when the former holder died with it: the caller holds the mutex, and what it guards may be half
  /// done. A caller that dies before it unlocks leaves the next one the same answer.
  MP_MUTEX_OWNER_DIED = 1
};

/// Makes a mutex of zeroed memory that nobody else sees yet.
int mp_mutex_init(void *_Nonnull mutex);
/// Waits for a mutex that could not be had at once: `error` says why. -ETIMEDOUT once the monotonic clock has passed `nanoseconds`.
int mp_mutex_wait(void *_Nonnull mutex, int error, uint64_t nanoseconds);
/// 0, MP_MUTEX_OWNER_DIED, -ETIMEDOUT once the monotonic clock has passed `nanoseconds`, or another negative errno: -EDEADLK when
/// the calling thread holds it.
static inline int mp_mutex_lock_until(void *_Nonnull mutex, uint64_t nanoseconds) {
  int error = pthread_mutex_trylock((pthread_mutex_t *)mutex);
  return error == 0 ? 0 : mp_mutex_wait(mutex, error, nanoseconds);
}
/// The same without an end.
static inline int mp_mutex_lock(void *_Nonnull mutex) { return mp_mutex_lock_until(mutex, UINT64_MAX); }
/// As `mp_mutex_lock`, or -EBUSY, also when the calling thread holds it.
int mp_mutex_try(void *_Nonnull mutex);
/// 0, or -EPERM when another thread holds it, or nobody.
static inline int mp_mutex_unlock(void *_Nonnull mutex) {
  return -(
    __pthread_mutex_unlock ? __pthread_mutex_unlock((pthread_mutex_t *)mutex)
                           : pthread_mutex_unlock((pthread_mutex_t *)mutex));
}
/// The id of the thread that holds it at the moment, 0 when none does or the holder has died.
int mp_mutex_holder(const void *_Nonnull mutex);
/// Whether a thread of this process holds it at the moment.
bool mp_mutex_is_held_here(const void *_Nonnull mutex);
