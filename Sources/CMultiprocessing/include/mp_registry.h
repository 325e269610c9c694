// The engine's own descriptors, by number, so that a child can close all that are not its own.
#pragma once

#include <stdbool.h>
#include <stddef.h>

/// false when the number is beyond what the table holds (a million).
bool mp_registry_add(int descriptor);
void mp_registry_remove(int descriptor);
/// How many descriptors the table holds.
int mp_registry_count(void);
/// In a child, before anything else runs: closes every descriptor of the table but the `count` in `kept`.
void mp_registry_close_all_but(const int *_Nullable kept, size_t count);

/// A descriptor that the kernel is about to create, in a call during which nobody can hold the engine's fork lock. A child that is
/// forked meanwhile closes it as well.
typedef struct mp_expected_descriptor {
  /// What the kernel writes the number to; -1 until then.
  int descriptor;
  struct mp_expected_descriptor *_Nullable next;
} mp_expected_descriptor;

/// Both under the fork lock. The entry stays where it is in between.
void mp_registry_expect(mp_expected_descriptor *_Nonnull entry);
/// Lists what has come, false when the table has no place for it; or closes it, where it is not kept.
bool mp_registry_settle(mp_expected_descriptor *_Nonnull entry, bool is_kept);
