// The gate: fork when no thread is inside the Swift runtime's locks.
//
// The idea. A mutex that another thread holds at the fork stays held in the child for ever. The Swift runtime
// guards its metadata and conformance caches with pthread mutexes, so a child of a busy program would hang on
// its first new generic type. The runtime reaches those mutexes through `pthread_mutex_lock` and
// `pthread_mutex_unlock`; the definitions below take their place for the whole program, pass every call on,
// and count the runtime's own callers in and out. The thread that forks closes the gate, waits until nobody
// is inside, forks, and opens it.
//
// The invariant. While the gate is closed, a thread gets past it only if it is already inside a watched lock.
// Hence once nobody is inside, nobody will be until the gate opens. A thread that waits at the gate holds no
// watched lock, and those inside never wait for the gate, so they come out.
//
// The ordering. A thread counts itself in and then reads `closed`; the thread that forks sets `closed` and
// then reads the counts. All four are sequentially consistent, so at least one of the two sees the other:
// never does a thread walk in while its count goes unseen. The counts are spread over the sites (see
// mp_gate_sites.h) and a thread may move between sites while they are read, so they are read twice: if every
// tally was without anybody inside and the same both times, then nobody was inside anywhere at the moment
// between.
//
// Whom it waits for in vain. The thread that asks for the fork is blocked in the launcher, outside the
// runtime, with one exception: a task's cancellation handler runs under that task's lock. Then, and for
// whatever else stays inside for long, a bound ends the wait; the fork goes ahead and `gave_up` counts it.
//
// What it cannot see: `swift_once` waits on the kernel and not on a mutex. mp_once.c takes care of that.
//
// The lock path may run in a signal handler and before any constructor: no allocation, no lock, errno kept.
#include "mp_gate.h"

#include "mp_interpose.h"

#ifdef MP_INTERPOSING_LEFT_OUT

void mp_gate_close(void) {}
void mp_gate_open(void) {}
void mp_gate_reset_in_child(void) {}
void mp_gate_read_statistics(mp_gate_statistics *statistics) { *statistics = (mp_gate_statistics){0}; }

#else

#include "mp_gate_sites.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// How long a fork waits. What keeps it waiting is a thread inside that has lost its CPU: with four busy
// threads on two CPUs a tenth of a second has been seen. A doubtful lock may stay held for good, so it gets
// less.
static const uint64_t longest_wait_ns = 1000 * 1000 * 1000;
static const uint64_t longest_wait_for_doubtful_ns = 200 * 1000 * 1000;

static struct {
  _Atomic uint32_t closed;  // a futex word
  bool enabled;             // set by the constructor, read-only afterwards
  _Atomic uint64_t times_closed, times_waited, times_given_up;
} gate;

// MARK: The real functions

// glibc has both under these names too. Weak, since they are not declared and a linker may refuse to look for
// them; it then leaves null, and the next definition after ours is asked for instead.
extern int __pthread_mutex_lock(pthread_mutex_t *) __attribute__((weak));
extern int __pthread_mutex_unlock(pthread_mutex_t *) __attribute__((weak));

typedef int (*mutex_function)(pthread_mutex_t *);

static mutex_function next_definition(_Atomic(mutex_function) *cache, const char *name) {
  // Relaxed: every thread finds the same function, and a function needs nothing published with it.
  mutex_function function = atomic_load_explicit(cache, memory_order_relaxed);
  if (!function) {
    function = (mutex_function)dlsym(RTLD_NEXT, name);
    atomic_store_explicit(cache, function, memory_order_relaxed);
  }
  return function;
}

static int real_lock(pthread_mutex_t *mutex) {
  static _Atomic(mutex_function) next;
  if (__pthread_mutex_lock) return __pthread_mutex_lock(mutex);
  return next_definition(&next, "pthread_mutex_lock")(mutex);
}

static int real_unlock(pthread_mutex_t *mutex) {
  static _Atomic(mutex_function) next;
  if (__pthread_mutex_unlock) return __pthread_mutex_unlock(mutex);
  return next_definition(&next, "pthread_mutex_unlock")(mutex);
}

// MARK: Going in and out

// The watched locks this thread holds. What is taken beyond them rides on the outer ones. `initial-exec`, so
// that the first use in a thread allocates nothing. A signal handler may come between any two steps: a place
// is taken before it is filled and emptied before it is given back, and whoever interrupts gives back what it
// took.
enum { most_held = 16 };
#define MP_THREAD_LOCAL static _Thread_local __attribute__((tls_model("initial-exec")))
MP_THREAD_LOCAL struct {
  pthread_mutex_t *mutex;
  mp_site *site;
} held[most_held];
MP_THREAD_LOCAL volatile unsigned held_count;

static bool is_inside(void) {
  for (unsigned i = 0; i < held_count; i++)
    if (held[i].mutex && atomic_load(&held[i].site->kind) != mp_site_foreign) return true;
  return false;
}

static void wait_until_open(void) {
  int saved = errno;
  while (atomic_load(&gate.closed)) syscall(SYS_futex, &gate.closed, FUTEX_WAIT_PRIVATE, 1, 0, 0, 0);
  errno = saved;
}

static void go_in(mp_site *site, pthread_mutex_t *mutex) {
  if (held_count == most_held) return;
  for (;;) {
    atomic_fetch_add(&site->tally, MP_SITE_ONE_ENTERED + MP_SITE_ONE_INSIDE);
    if (!atomic_load(&gate.closed) || is_inside()) break;
    atomic_fetch_sub(&site->tally, MP_SITE_ONE_INSIDE);
    wait_until_open();
  }
  unsigned place = held_count;
  held[place].mutex = 0;
  held_count = place + 1;
  held[place].site = site;
  atomic_signal_fence(memory_order_seq_cst);
  held[place].mutex = mutex;
}

static void go_out(pthread_mutex_t *mutex) {
  for (unsigned i = held_count; i-- > 0;) {
    if (held[i].mutex != mutex) continue;
    mp_site *site = held[i].site;
    unsigned last = held_count - 1;
    held[i] = held[last];
    held[last].mutex = 0;
    atomic_signal_fence(memory_order_seq_cst);
    held_count = last;
    atomic_fetch_sub(&site->tally, MP_SITE_ONE_INSIDE);
    return;
  }
}

static int gate_lock(pthread_mutex_t *mutex) {
  mp_site *site = mp_sites_watched((uintptr_t)__builtin_return_address(0));
  if (site) go_in(site, mutex);
  int result = real_lock(mutex);
  if (site && result != 0 && result != EOWNERDEAD) go_out(mutex);
  return result;
}

// Matched by the mutex, not by the caller: whoever releases a lock that was counted in counts it out.
static int gate_unlock(pthread_mutex_t *mutex) {
  int result = real_unlock(mutex);
  if (held_count > 0 && result == 0) go_out(mutex);
  return result;
}

MP_INTERPOSE("gate_lock") int pthread_mutex_lock(pthread_mutex_t *mutex);
MP_INTERPOSE("gate_unlock") int pthread_mutex_unlock(pthread_mutex_t *mutex);

__attribute__((constructor)) static void set_up(void) {
  if (mp_interposing_is_off()) return;
  if (pthread_mutex_lock != gate_lock || pthread_mutex_unlock != gate_unlock) return;
  // A fork that is none of ours may fall into the time the gate is closed; its child must not wait for ever.
  if (pthread_atfork(0, 0, mp_gate_reset_in_child) != 0) return;
  mp_sites_set_up();
  gate.enabled = true;
}

// MARK: Closing and opening

static uint64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static bool is_awaited(mp_site *site, bool doubtful_too) {
  uint8_t kind = atomic_load(&site->kind);
  return kind == mp_site_runtime || (doubtful_too && kind != mp_site_foreign);
}

// True if nobody was inside at one moment during the call.
static bool nobody_inside(bool doubtful_too) {
  // Entries only ever grow: two equal sums of them mean that nobody came in at any site between the readings.
  uint64_t entered[2] = {0, 0};
  for (int reading = 0; reading < 2; reading++) {
    for (int i = 0; i <= mp_site_capacity; i++) {
      uint64_t tally = atomic_load(&mp_sites[i].tally);
      if (tally == 0 || !is_awaited(&mp_sites[i], doubtful_too)) continue;
      if (MP_SITE_INSIDE(tally) != 0) return false;
      entered[reading] += MP_SITE_ENTERED(tally);
    }
  }
  return entered[0] == entered[1];
}

static void pause_before_looking_again(unsigned looks) {
  if (looks < 200) {
    sched_yield();
  } else {
    nanosleep(&(struct timespec){.tv_nsec = 50 * 1000}, 0);
  }
}

// Called when the wait for doubtful sites has run out; true if it was in vain for any. One that nobody has
// left in several forks in a row is no passing lock of a library's: it is the user's, or a wait on a
// condition variable.
static bool blame_doubtful_sites(void) {
  enum { patience = 3 };
  bool found = false;
  for (int i = 0; i <= mp_site_capacity; i++) {
    mp_site *site = &mp_sites[i];
    if (atomic_load(&site->kind) == mp_site_runtime || !is_awaited(site, true)) continue;
    bool inside = MP_SITE_INSIDE(atomic_load(&site->tally)) != 0;
    found |= inside;
    site->expiries = inside ? site->expiries + 1 : 0;
    if (site->expiries == patience) atomic_store(&site->kind, mp_site_foreign);
  }
  return found;
}

void mp_gate_close(void) {
  if (!gate.enabled) return;
  mp_sites_refresh();
  atomic_fetch_add(&gate.times_closed, 1);
  atomic_store(&gate.closed, 1);
  if (nobody_inside(true)) return;
  atomic_fetch_add(&gate.times_waited, 1);
  uint64_t start = now_ns(), waited = 0;
  bool doubtful_too = true;
  for (unsigned looks = 0; !nobody_inside(doubtful_too) && waited < longest_wait_ns; looks++) {
    pause_before_looking_again(looks);
    waited = now_ns() - start;
    doubtful_too = waited < longest_wait_for_doubtful_ns;
  }
  bool gave_up = waited >= longest_wait_ns;
  if (!doubtful_too && blame_doubtful_sites()) gave_up = true;
  if (gave_up) atomic_fetch_add(&gate.times_given_up, 1);
}

void mp_gate_open(void) {
  if (!gate.enabled) return;
  atomic_store(&gate.closed, 0);
  syscall(SYS_futex, &gate.closed, FUTEX_WAKE_PRIVATE, INT_MAX, 0, 0, 0);
}

void mp_gate_reset_in_child(void) {
  if (!gate.enabled) return;
  atomic_store(&gate.closed, 0);
  atomic_store(&gate.times_closed, 0);
  atomic_store(&gate.times_waited, 0);
  atomic_store(&gate.times_given_up, 0);
  held_count = 0;
  // Only what a thread was counted in at is written: every page written here is a copy-on-write fault.
  for (int i = 0; i <= mp_site_capacity; i++) {
    uint64_t inside = MP_SITE_INSIDE(atomic_load(&mp_sites[i].tally));
    if (inside != 0) atomic_fetch_sub(&mp_sites[i].tally, inside);
  }
}

void mp_gate_read_statistics(mp_gate_statistics *statistics) {
  uint64_t entered = 0;
  for (int i = 0; i <= mp_site_capacity; i++) entered += MP_SITE_ENTERED(atomic_load(&mp_sites[i].tally));
  *statistics = (mp_gate_statistics){
    .closed = atomic_load(&gate.times_closed),
    .waited = atomic_load(&gate.times_waited),
    .gave_up = atomic_load(&gate.times_given_up),
    .entered = entered,
    .active = gate.enabled && atomic_load(&mp_text_count) > 0,
  };
}

#endif
