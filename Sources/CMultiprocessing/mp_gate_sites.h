// Which calls to `pthread_mutex_lock` are the Swift runtime's.
//
// A *site* is one call instruction, known by its return address. With the shared standard library the answer
// is the address alone: it lies in the text of one of a few libraries. With the static one the runtime shares
// its text with the program, so a site is watched from the first call and named later, from the symbol table,
// by the thread that forks; a program that never forks never reads it.
//
// libswiftCore holds its locks for moments. Some sites are *doubtful*: watched, but they may be held for
// long. libswift_Concurrency runs cancellation handlers under a task's lock. Foundation's ICU and
// FoundationEssentials, watched because formatting a number or a date takes their global locks, wait on
// condition variables, which release a lock unseen. And a site without a symbol, as in a stripped program,
// may be anybody's. libFoundation itself is left alone: its NSLock and NSCondition are the user's locks.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum mp_site_kind {
  mp_site_new = 0,      // watched; not looked up yet
  mp_site_runtime = 1,  // watched
  mp_site_doubtful = 2, // watched, but waited for less, and dismissed if it is held through fork after fork
  mp_site_foreign = 3,  // not watched
};

typedef struct {
  _Atomic uintptr_t address;  // 0: free
  _Atomic uint64_t tally;     // how often entered, and how many are inside
  _Atomic uint8_t kind;
  uint8_t expiries;  // forks in a row that waited for it in vain; only the thread that forks looks at it
} mp_site;

// One word holds both numbers, so that one read sees whether anybody is inside *and* whether anybody has come
// since the last read.
#define MP_SITE_ONE_INSIDE UINT64_C(1)
#define MP_SITE_ONE_ENTERED (UINT64_C(1) << 24)
#define MP_SITE_INSIDE(tally) ((tally) & (MP_SITE_ONE_ENTERED - 1))
#define MP_SITE_ENTERED(tally) ((tally) >> 24)

enum { mp_site_capacity = 1024, mp_text_capacity = 16 };

typedef struct {
  uintptr_t low, high;
  enum mp_site_kind kind;  // of the sites in it; new where only a symbol can tell
} mp_text;

// All sites; the last one stands for every site that found no place.
extern mp_site mp_sites[mp_site_capacity + 1];

// The executable segments to watch. Entries are written once and never change; the count, released after the
// entry it admits, makes them safe to read without a lock.
extern mp_text mp_texts[mp_text_capacity];
extern _Atomic unsigned mp_text_count;

// Looks for the runtime among the loaded images. Called once, before the other functions.
void mp_sites_set_up(void);

// Takes notice of images and sites that are new since the last call. Only for the thread that forks.
void mp_sites_refresh(void);

// The site of a call from a watched text, made on first sight; null once it is known to be foreign.
mp_site *_Nullable mp_sites_find(uintptr_t address, const mp_text *_Nonnull text);

// The site to count a call under, or null if the call is nobody's business here: nearly always, and fast.
static inline mp_site *_Nullable mp_sites_watched(uintptr_t address) {
  unsigned count = atomic_load_explicit(&mp_text_count, memory_order_acquire);
  for (unsigned i = 0; i < count; i++) {
    const mp_text *text = &mp_texts[i];
    if (address - text->low < text->high - text->low) return mp_sites_find(address, text);
  }
  return 0;
}
