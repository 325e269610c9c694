#include "mpb_ring.h"

#include <linux/futex.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

// Tens of microseconds, about what a sleep and a wake cost.
enum { MOST_SPINS = 1000, FEWEST_SPINS = 16 };

static void relax(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

mpb_ring *mpb_ring_new(void) { return mpb_shared(sizeof(mpb_ring)); }

void mpb_ring_free(mpb_ring *ring) { munmap(ring, sizeof *ring); }

mpb_ring_end mpb_ring_end_of(mpb_ring *ring) { return (mpb_ring_end){.ring = ring, .spins = MOST_SPINS}; }

/// Waits for the other side's count to become another. Spins as long as that has been worth it lately, then sleeps: `sleeps` is
/// set ahead of a last look, and whoever changes the count looks at it after. It is the futex as well, so that a waker that is
/// late can end a sleep too early, but never miss one.
static uint32_t changed(mpb_ring_end *end, _Atomic uint32_t *count, uint32_t old, _Atomic uint32_t *sleeps) {
  uint32_t now;
  for (int spin = 0; spin < end->spins; spin++) {
    now = atomic_load_explicit(count, memory_order_acquire);
    if (now != old) {
      if (end->spins < MOST_SPINS) end->spins *= 2;
      return now;
    }
    relax();
  }
  if (end->spins > FEWEST_SPINS) end->spins /= 2;
  for (;;) {
    atomic_store(sleeps, 1);
    now = atomic_load(count);
    if (now != old) break;
    syscall(SYS_futex, sleeps, FUTEX_WAIT, 1, NULL, NULL, 0);
  }
  atomic_store_explicit(sleeps, 0, memory_order_relaxed);
  return now;
}

static void wake(_Atomic uint32_t *sleeps) {
  if (atomic_exchange(sleeps, 0) != 0) syscall(SYS_futex, sleeps, FUTEX_WAKE, 1, NULL, NULL, 0);
}

void mpb_ring_push(mpb_ring_end *end, const void *message) {
  mpb_ring *ring = end->ring;
  if (end->own - end->others == MPB_RING_SLOTS) {
    end->others = atomic_load_explicit(&ring->popped, memory_order_acquire);
    if (end->own - end->others == MPB_RING_SLOTS) {
      end->others = changed(end, &ring->popped, end->others, &ring->writer_sleeps);
    }
  }
  memcpy(ring->slots[end->own % MPB_RING_SLOTS], message, MPB_MESSAGE);
  // The message ahead of the count; the count ahead of the look at whether somebody sleeps.
  atomic_store_explicit(&ring->pushed, ++end->own, memory_order_release);
  atomic_thread_fence(memory_order_seq_cst);
  if (atomic_load_explicit(&ring->reader_sleeps, memory_order_relaxed) != 0) wake(&ring->reader_sleeps);
}

void mpb_ring_pop(mpb_ring_end *end, void *message) {
  mpb_ring *ring = end->ring;
  if (end->own == end->others) {
    end->others = atomic_load_explicit(&ring->pushed, memory_order_acquire);
    if (end->own == end->others) end->others = changed(end, &ring->pushed, end->own, &ring->reader_sleeps);
  }
  memcpy(message, ring->slots[end->own % MPB_RING_SLOTS], MPB_MESSAGE);
  atomic_store_explicit(&ring->popped, ++end->own, memory_order_release);
  atomic_thread_fence(memory_order_seq_cst);
  // A writer that found the ring full sleeps until half of it is free: not one wake for each slot.
  if (atomic_load_explicit(&ring->writer_sleeps, memory_order_relaxed) != 0
      && end->others - end->own <= MPB_RING_SLOTS / 2) {
    wake(&ring->writer_sleeps);
  }
}
