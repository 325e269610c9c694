// Messages from one process to another through memory that both have. No system call while neither has to wait.
#ifndef MPB_RING_H
#define MPB_RING_H

#include "mpb_baseline.h"

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
} mpb_ring_end;

mpb_ring *mpb_ring_new(void);
void mpb_ring_free(mpb_ring *ring);
mpb_ring_end mpb_ring_end_of(mpb_ring *ring);
void mpb_ring_push(mpb_ring_end *end, const void *message);
void mpb_ring_pop(mpb_ring_end *end, void *message);

#endif
