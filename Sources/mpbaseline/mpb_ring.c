#include "mpb_ring.h"

#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

// Tens of microseconds, about what a sleep and a wake cost.
enum { MOST_SPINS = 1000, WAITS_TO_A_TRIAL = 16 };

static void relax(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

mpb_ring *mpb_ring_new(void) { return mpb_shared(sizeof(mpb_ring)); }

void mpb_ring_free(mpb_ring *ring) { munmap(ring, sizeof *ring); }

mpb_ring_end mpb_ring_end_of(mpb_ring *ring) { return (mpb_ring_end){.ring = ring}; }

/// Spins as long as that has been worth it lately, with a full trial now and then: where the other side has no processor to run on, a
/// sleep gives it this one. `sleeps` is set ahead of a last look at the count, and whoever changes the count looks at it after. It
/// is the futex as well, so that a waker that is late can end a sleep too early, but never miss one.
uint32_t mpb_ring_changed(mpb_ring_end *end, _Atomic uint32_t *count, uint32_t old, _Atomic uint32_t *sleeps) {
  int spins = end->waits++ % WAITS_TO_A_TRIAL == 0 ? MOST_SPINS : end->spins;
  uint32_t now;
  for (int spin = 0; spin < spins; spin++) {
    now = atomic_load_explicit(count, memory_order_acquire);
    if (now != old) {
      end->spins = MOST_SPINS;
      return now;
    }
    relax();
  }
  end->spins = spins / 2;
  do {
    atomic_store(sleeps, 1);
    now = atomic_load(count);
    if (now != old) break;
    syscall(SYS_futex, sleeps, FUTEX_WAIT, 1, NULL, NULL, 0);
    now = atomic_load_explicit(count, memory_order_acquire);
  } while (now == old);
  atomic_store_explicit(sleeps, 0, memory_order_relaxed);
  return now;
}

void mpb_ring_wake(_Atomic uint32_t *sleeps) {
  if (atomic_exchange(sleeps, 0) != 0) syscall(SYS_futex, sleeps, FUTEX_WAKE, 1, NULL, NULL, 0);
}
