// Walks over the loaded images, which no fork of the launcher's comes across.
//
// dl_iterate_phdr(3) holds a lock of the loader's that glibc leaves as it is in the child of a fork: had a thread of the parent held it, the child's
// first walk, and so its first start of a child of its own, would wait for ever.
#pragma once

#include <link.h>
#include <stddef.h>

/// dl_iterate_phdr(3), not while the launcher forks.
int mp_walk_images(int (*_Nonnull visit)(struct dl_phdr_info *_Nonnull, size_t, void *_Nullable), void *_Nullable context);

/// Waits until nobody walks, and keeps others from beginning. To be called ahead of mp_gate_close: a walk's callback may wait for the gate.
void mp_walk_hold(void);
void mp_walk_let_go(void);
/// In a child nobody walks.
void mp_walk_reset_in_child(void);
