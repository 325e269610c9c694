#include "mp_mutex.h"

#include "mp_system.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

_Static_assert(sizeof(pthread_mutex_t) <= MP_MUTEX_SIZE, "a mutex needs more room");
_Static_assert(_Alignof(pthread_mutex_t) <= MP_MUTEX_ALIGNMENT, "a mutex needs another alignment");

int mp_mutex_init(void *mutex) {
  pthread_mutexattr_t attributes;
  int error = pthread_mutexattr_init(&attributes);
  if (error) return -error;
  error = pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  if (!error) error = pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  if (!error) error = pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
  if (!error) error = pthread_mutex_init(mutex, &attributes);
  pthread_mutexattr_destroy(&attributes);
  return -error;
}

/// A mutex whose holder died is made usable at once: who holds it next mends what it guards, or dies and leaves it to another.
static int taken(void *mutex, int error) {
  if (error != EOWNERDEAD) return -error;
  error = pthread_mutex_consistent(mutex);
  return error ? -error : MP_MUTEX_OWNER_DIED;
}

/// How long anybody sleeps without another look.
///
/// A wake-up dies with the waiter it went to, or with the holder who was to give it. The kernel passes it on only if nobody has
/// taken the mutex in between; and whoever has knows nothing of those who wait, and wakes none of them: handle_futex_death() in
/// kernel/futex. To look again takes the free mutex, or makes its holder know.
static const uint64_t LONGEST_SLEEP = 250 * 1000 * 1000;

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

int mp_mutex_wait(void *mutex, int error, uint64_t nanoseconds) {
  while (error == EBUSY || error == ETIMEDOUT) {
    uint64_t look = now() + LONGEST_SLEEP;
    uint64_t end = look < nanoseconds ? look : nanoseconds;
    struct timespec time = {(time_t)(end / 1000000000), (long)(end % 1000000000)};
    error = pthread_mutex_clocklock(mutex, CLOCK_MONOTONIC, &time);
    if (end == nanoseconds) break;
  }
  return taken(mutex, error);
}

int mp_mutex_try(void *mutex) {
  int error = pthread_mutex_trylock(mutex);
  return taken(mutex, error == EDEADLK ? EBUSY : error);
}

int mp_mutex_holder(const void *mutex) {
  // glibc keeps the holder's id in the mutex' first word, in the form that the kernel's robust list prescribes; futex(2). It is
  // read as one word, and is news of a moment that has passed: nothing needs ordering by it.
  uint32_t word = (uint32_t)__atomic_load_n(&((const pthread_mutex_t *)mutex)->__data.__lock, __ATOMIC_RELAXED);
  return word & FUTEX_OWNER_DIED ? 0 : (int)(word & FUTEX_TID_MASK);
}

bool mp_mutex_is_held_here(const void *mutex) {
  int holder = mp_mutex_holder(mutex);
  return holder != 0 && syscall(SYS_tgkill, getpid(), holder, 0) == 0;
}
