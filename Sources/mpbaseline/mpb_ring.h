// Messages from one process to another through memory that both have. No system call while neither has to wait.
#ifndef MPB_RING_H
#define MPB_RING_H

#include "mpb_baseline.h"

#include <string.h>

enum { MPB_RING_SLOTS = 4096 };

// What the two sides write lies in cache lines of their own, and apart from the lines that a processor fetches along with them.
#define MPB_APART _Alignas(128)

typedef struct {
  MPB_APART _Atomic uint32_t pushed;
  MPB_APART _Atomic uint32_t popped;
  MPB_APART _Atomic uint32_t reader_sleeps;
  MPB_APART _Atomic uint32_t writer_sleeps;
  MPB_APART unsigned char slots[MPB_RING_SLOTS][MPB_MESSAGE];
} mpb_ring;

/// What one side knows without a look at the other.
typedef struct {
  mpb_ring *ring;
  uint32_t own, others;
  int spins;
  unsigned waits;
} mpb_ring_end;

mpb_ring *mpb_ring_new(void);
void mpb_ring_free(mpb_ring *ring);
mpb_ring_end mpb_ring_end_of(mpb_ring *ring);

/// Waits for the other side's count to become another, and answers it.
uint32_t mpb_ring_changed(mpb_ring_end *end, _Atomic uint32_t *count, uint32_t old, _Atomic uint32_t *sleeps);
void mpb_ring_wake(_Atomic uint32_t *sleeps);

static inline void mpb_ring_push(mpb_ring_end *end, const void *message) {
  mpb_ring *ring = end->ring;
  if (end->own - end->others == MPB_RING_SLOTS) {
    end->others = atomic_load_explicit(&ring->popped, memory_order_acquire);
    if (end->own - end->others == MPB_RING_SLOTS) {
      end->others = mpb_ring_changed(end, &ring->popped, end->others, &ring->writer_sleeps);
    }
  }
  memcpy(ring->slots[end->own % MPB_RING_SLOTS], message, MPB_MESSAGE);
  // The message ahead of the count; the count ahead of the look at whether somebody sleeps.
  atomic_store_explicit(&ring->pushed, ++end->own, memory_order_release);
  atomic_thread_fence(memory_order_seq_cst);
  if (atomic_load_explicit(&ring->reader_sleeps, memory_order_relaxed) != 0) mpb_ring_wake(&ring->reader_sleeps);
}

static inline void mpb_ring_pop(mpb_ring_end *end, void *message) {
  mpb_ring *ring = end->ring;
  if (end->own == end->others) {
    end->others = atomic_load_explicit(&ring->pushed, memory_order_acquire);
    if (end->own == end->others) {
      end->others = mpb_ring_changed(end, &ring->pushed, end->own, &ring->reader_sleeps);
    }
  }
  memcpy(message, ring->slots[end->own % MPB_RING_SLOTS], MPB_MESSAGE);
  atomic_store_explicit(&ring->popped, ++end->own, memory_order_release);
  atomic_thread_fence(memory_order_seq_cst);
  // A writer that found the ring full sleeps until half of it is free: not one wake for each slot.
  if (atomic_load_explicit(&ring->writer_sleeps, memory_order_relaxed) != 0
      && end->others - end->own <= MPB_RING_SLOTS / 2) {
    mpb_ring_wake(&ring->writer_sleeps);
  }
}

#endif
