// The gate: fork when no thread is inside the Swift runtime's locks.
#pragma once

#include <stdbool.h>
#include <stdint.h>

/// What the gate has done in this process.
typedef struct {
  /// Times the gate was closed.
  uint64_t closed;
  /// Times it found a thread inside and waited.
  uint64_t waited;
  /// Times it stopped waiting at the bound and let the fork go ahead all the same.
  uint64_t gave_up;
  /// Times a thread came to a watched lock, those sent back to wait included; carries on in a child.
  uint64_t entered;
  /// False when the gate is left out of this build, switched off, or not reached by the runtime's calls.
  bool active;
} mp_gate_statistics;

/// Stops threads from entering the Swift runtime's locks and waits, within a bound, until none is inside.
///
/// Only the thread that forks calls this. It must never run Swift.
void mp_gate_close(void);

/// Lets everybody in again: the parent calls this after the fork, whether or not the fork succeeded.
void mp_gate_open(void);

/// Makes the gate as new: the child's only thread calls this right after the fork.
void mp_gate_reset_in_child(void);

/// Reads the counters. Safe from any thread, at any time.
void mp_gate_read_statistics(mp_gate_statistics *_Nonnull statistics);
