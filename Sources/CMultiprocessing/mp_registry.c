#include "mp_registry.h"

#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

// Changed by one store each time: a fork that the program makes by itself, without the fork lock, finds the list whole.
static mp_expected_descriptor *_Atomic expected;

// A bit for each number. Adding, removing and forking exclude one another by the engine's fork lock; the
// words are atomic so that reading the count needs no lock, hence the relaxed order.
#define LIMIT (1 << 20)
static _Atomic uint64_t words[LIMIT / 64];
static _Atomic int highest;  // no bit is set in a word above this one

bool mp_registry_add(int descriptor) {
  if (descriptor < 0 || descriptor >= LIMIT) return false;
  int word = descriptor / 64;
  atomic_fetch_or_explicit(&words[word], 1ull << (descriptor % 64), memory_order_relaxed);
  if (word > atomic_load_explicit(&highest, memory_order_relaxed))
    atomic_store_explicit(&highest, word, memory_order_relaxed);
  return true;
}

void mp_registry_remove(int descriptor) {
  if (descriptor < 0 || descriptor >= LIMIT) return;
  atomic_fetch_and_explicit(&words[descriptor / 64], ~(1ull << (descriptor % 64)), memory_order_relaxed);
}

int mp_registry_count(void) {
  int count = 0;
  int last = atomic_load_explicit(&highest, memory_order_relaxed);
  for (int word = 0; word <= last; word++)
    count += __builtin_popcountll(atomic_load_explicit(&words[word], memory_order_relaxed));
  return count;
}

/// Closes `first` plus the number of each bit, those next to each other at once.
static void close_numbers(int first, uint64_t bits) {
  while (bits) {
    int low = __builtin_ctzll(bits);
    uint64_t above = bits >> low;
    int length = ~above ? __builtin_ctzll(~above) : 64;
    int start = first + low;
    // close_range(2) came with Linux 5.9.
    if (length == 1 || syscall(SYS_close_range, start, start + length - 1, 0) < 0)
      for (int i = 0; i < length; i++) close(start + i);
    bits = low + length < 64 ? bits >> (low + length) << (low + length) : 0;
  }
}

void mp_registry_expect(mp_expected_descriptor *entry) {
  entry->descriptor = -1;
  entry->next = expected;
  expected = entry;
}

bool mp_registry_settle(mp_expected_descriptor *entry, bool is_kept) {
  if (!is_kept && entry->descriptor >= 0) {
    close(entry->descriptor);
    entry->descriptor = -1;
  }
  bool is_listed = entry->descriptor < 0 || mp_registry_add(entry->descriptor);
  if (expected == entry) {
    expected = entry->next;
    return is_listed;
  }
  for (mp_expected_descriptor *other = expected; other; other = other->next)
    if (other->next == entry) other->next = entry->next;
  return is_listed;
}

void mp_registry_close_all_but(const int *kept, size_t count) {
  // The kernel has written the number before the descriptor is there. The entries lie on stacks of threads that do not exist here.
  for (mp_expected_descriptor *entry = expected; entry; entry = entry->next)
    if (entry->descriptor >= 0) close(entry->descriptor);
  if (expected) expected = NULL;
  int last = atomic_load_explicit(&highest, memory_order_relaxed);
  for (int word = 0; word <= last; word++) {
    uint64_t bits = atomic_load_explicit(&words[word], memory_order_relaxed);
    uint64_t mine = 0;
    for (size_t i = 0; i < count; i++)
      if (kept[i] / 64 == word) mine |= 1ull << (kept[i] % 64);
    if (!(bits & ~mine)) continue;  // a word that stays as it is costs no copy of its page
    atomic_store_explicit(&words[word], bits & mine, memory_order_relaxed);
    close_numbers(word * 64, bits & ~mine);
  }
}
