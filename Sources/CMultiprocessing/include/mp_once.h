// Once in a child, too: what a thread of the parent was initialising is initialised anew.
#pragma once

#include <stdbool.h>
#include <stdint.h>

/// What has been done about initialisers whose thread is gone.
typedef struct {
  /// How many were set free, in this process and before the fork in its ancestors.
  uint64_t freed;
  /// False when this is left out of the build, switched off, or not reached by the runtime's calls, and until the first
  /// start of a process.
  bool active;
} mp_once_statistics;

/// Finds the runtime's call, once for all, before the first fork. For the thread that asks for the fork: the one that
/// forks must never run Swift, and this does.
void mp_once_prepare(void);

/// Reads the counters. Safe from any thread, at any time.
void mp_once_read_statistics(mp_once_statistics *_Nonnull statistics);
