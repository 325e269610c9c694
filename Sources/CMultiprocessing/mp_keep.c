#include "mp_keep.h"

#include "mp_system.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// Older headers lack these; the numbers are the kernel's ABI, the same for every processor.
#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif
enum { WORD_OF_32_BITS = 2, WORD_IS_PRIVATE = 128 };

mp_word mp_word_make(const void *address, uint32_t value, bool isPrivate) {
  return (mp_word){
    .value = value,
    .address = (uintptr_t)address,
    .flags = WORD_OF_32_BITS | (isPrivate ? WORD_IS_PRIVATE : 0)};
}

int mp_sleep_on(const mp_word *words, uint32_t count, uint64_t nanoseconds) {
  struct timespec time = {(time_t)(nanoseconds / 1000000000), (long)(nanoseconds % 1000000000)};
  struct timespec *end = nanoseconds == UINT64_MAX ? NULL : &time;
  if (syscall(SYS_futex_waitv, words, count, 0, end, CLOCK_MONOTONIC) >= 0) return 0;
  return errno == EAGAIN || errno == ETIMEDOUT || errno == EINTR ? 0 : -errno;
}

static uint32_t *word_of(void *mutex) { return (uint32_t *)&((pthread_mutex_t *)mutex)->__data.__lock; }

const void *mp_mutex_word(const void *mutex) { return &((const pthread_mutex_t *)mutex)->__data.__lock; }

// What the word holds is said at mp_mutex_holder(). The kernel and glibc order what the mutex guards; these need not.

bool mp_mutex_await(void *mutex, uint32_t *value) {
  uint32_t *word = word_of(mutex);
  uint32_t now = __atomic_load_n(word, __ATOMIC_RELAXED);
  while (true) {
    if ((now & FUTEX_OWNER_DIED) || !(now & FUTEX_TID_MASK)) return false;
    *value = now | FUTEX_WAITERS;
    if (now == *value) return true;
    if (__atomic_compare_exchange_n(word, &now, *value, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) return true;
  }
}

void mp_mutex_expect_sleepers(void *mutex) { __atomic_fetch_or(word_of(mutex), FUTEX_WAITERS, __ATOMIC_RELAXED); }

void mp_mutex_wake(void *mutex) { mp_shared_futex_wake(word_of(mutex), 1); }
