// Bytes from one process to another through memory that both have.
#include "mpb_ring.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

double mpb_ring_messages(const mpb_baseline *baseline) {
  mpb_ring *ring = mpb_ring_new();
  _Atomic int *go = mpb_shared(4096);
  unsigned char message[MPB_MESSAGE] = {0};
  pid_t child = mpb_fork(true);
  mpb_ring_end end = mpb_ring_end_of(ring);
  if (child == 0) {
    mpb_await(go);
    for (long each = 0, number; each < baseline->count; each++) {
      mpb_ring_pop(&end, message);
      memcpy(&number, message, sizeof number);
      if (number != each) _exit(1);
    }
    _exit(0);
  }
  double start = mpb_now();
  atomic_store(go, 1);
  for (long each = 0; each < baseline->count; each++) {
    memcpy(message, &each, sizeof each);
    mpb_ring_push(&end, message);
  }
  mpb_join(child);
  double time = mpb_now() - start;
  mpb_ring_free(ring);
  munmap((void *)go, 4096);
  return (double)baseline->count / time;
}

/// Slots of 1 MiB: the parent copies in, the child copies out. Rings tell which are full, and which are free again.
double mpb_shared_copies(const mpb_baseline *baseline) {
  enum { SLOTS = 4 };
  char *slots = mpb_shared(SLOTS * MPB_MEBIBYTE), *copy = mpb_touched(MPB_MEBIBYTE);
  mpb_ring *rings[2] = {mpb_ring_new(), mpb_ring_new()};
  unsigned char token[MPB_MESSAGE] = {0};
  memset(copy, 7, MPB_MEBIBYTE);
  double start = mpb_now();
  pid_t child = mpb_fork(true);
  mpb_ring_end filled = mpb_ring_end_of(rings[0]), emptied = mpb_ring_end_of(rings[1]);
  if (child == 0) {
    memset(copy, 1, MPB_MEBIBYTE);
    for (long each = 0; each < baseline->count; each++) {
      mpb_ring_pop(&filled, token);
      memcpy(copy, slots + each % SLOTS * MPB_MEBIBYTE, MPB_MEBIBYTE);
      mpb_ring_push(&emptied, token);
      if (copy[each] != 7) _exit(1);
    }
    _exit(0);
  }
  for (long each = 0; each < baseline->count; each++) {
    if (each >= SLOTS) mpb_ring_pop(&emptied, token);
    memcpy(slots + each % SLOTS * MPB_MEBIBYTE, copy, MPB_MEBIBYTE);
    mpb_ring_push(&filled, token);
  }
  mpb_join(child);
  double time = mpb_now() - start;
  for (int each = 0; each < 2; each++) mpb_ring_free(rings[each]);
  munmap(slots, SLOTS * MPB_MEBIBYTE);
  munmap(copy, MPB_MEBIBYTE);
  return (double)baseline->count / 1024 / time;
}
