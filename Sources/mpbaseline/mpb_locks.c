// A mutex in shared memory: taking it, counting under it, giving it back.
#include "mpb_ring.h"

#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PROCESSES = 2, BATCH = 100, MICROSECONDS = 200000 };

typedef struct {
  MPB_APART pthread_mutex_t mutex;
  MPB_APART volatile uint64_t counter;
  MPB_APART _Atomic int go;
  MPB_APART _Atomic int stop;
  MPB_APART uint64_t done[PROCESSES][16];
} counted;

static counted *new_counted(bool is_robust) {
  counted *made = mpb_shared(sizeof(counted));
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  MPB_REQUIRE((errno = pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED)) == 0);
  if (is_robust) MPB_REQUIRE((errno = pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST)) == 0);
  MPB_REQUIRE((errno = pthread_mutex_init(&made->mutex, &attributes)) == 0);
  pthread_mutexattr_destroy(&attributes);
  return made;
}

static void count(counted *shared, long times) {
  for (long each = 0; each < times; each++) {
    pthread_mutex_lock(&shared->mutex);
    shared->counter++;
    pthread_mutex_unlock(&shared->mutex);
  }
}

double mpb_lock_alone(const mpb_baseline *baseline) {
  counted *shared = new_counted(baseline->how);
  double start = mpb_now();
  count(shared, baseline->count);
  double time = mpb_now() - start;
  MPB_REQUIRE(shared->counter == (uint64_t)baseline->count);
  munmap(shared, sizeof *shared);
  return time / (double)baseline->count * 1e9;
}

/// Each on a processor of its own: on one they would take turns by the slice.
double mpb_lock_contended(const mpb_baseline *baseline) {
  counted *shared = new_counted(baseline->how);
  pid_t children[PROCESSES];
  for (int each = 0; each < PROCESSES; each++) {
    children[each] = mpb_fork(true);
    if (children[each] != 0) continue;
    mpb_pin(each);
    mpb_await(&shared->go);
    while (atomic_load_explicit(&shared->stop, memory_order_relaxed) == 0) {
      count(shared, BATCH);
      shared->done[each][0] += BATCH;
    }
    _exit(0);
  }
  usleep(MICROSECONDS / 10);
  double start = mpb_now();
  atomic_store(&shared->go, 1);
  usleep(MICROSECONDS);
  atomic_store(&shared->stop, 1);
  double time = mpb_now() - start;
  for (int each = 0; each < PROCESSES; each++) mpb_join(children[each]);
  uint64_t total = shared->done[0][0] + shared->done[1][0];
  MPB_REQUIRE(shared->counter == total);
  munmap(shared, sizeof *shared);
  return (double)total / time;
}
