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
