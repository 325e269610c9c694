#include "mp_walk.h"

#include "mp_system.h"

#include <stdatomic.h>
#include <stdint.h>

// Not a pthread mutex, which the gate would look at.
enum { FREE, HELD, AWAITED };
static _Atomic uint32_t lock = FREE;

void mp_walk_hold(void) {
  uint32_t expected = FREE;
  if (atomic_compare_exchange_strong_explicit(&lock, &expected, HELD, memory_order_acquire, memory_order_relaxed)) return;
  while (atomic_exchange_explicit(&lock, AWAITED, memory_order_acquire) != FREE) mp_futex_wait(&lock, AWAITED, -1);
}

void mp_walk_let_go(void) {
  if (atomic_exchange_explicit(&lock, FREE, memory_order_release) == AWAITED) mp_futex_wake(&lock, 1);
}

void mp_walk_reset_in_child(void) { atomic_store_explicit(&lock, FREE, memory_order_relaxed); }

int mp_walk_images(int (*visit)(struct dl_phdr_info *, size_t, void *), void *context) {
  mp_walk_hold();
  int result = dl_iterate_phdr(visit, context);
  mp_walk_let_go();
  return result;
}
