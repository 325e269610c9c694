// Waiting for many descriptors at once, and for a point in time among them: epoll(7) and timerfd_create(2), whose flags and
// unions Swift does not see. Every function that can fail returns a negative errno.
#pragma once

#include <stdint.h>

int mp_readiness_set(void);
/// Watches for the descriptor's being readable, or its peer's being gone.
int mp_readiness_add(int set, int descriptor);
/// Watches for room to write, or for nobody's reading any more.
int mp_readiness_add_writable(int set, int descriptor);
int mp_readiness_remove(int set, int descriptor);
/// Sleeps until descriptors of the set are ready; their numbers and how many they are.
int mp_readiness_wait(int set, int *_Nonnull ready, int capacity);

/// A descriptor that can be made readable by the monotonic clock.
int mp_clock_descriptor(void);
/// Unreadable until the clock shows that many nanoseconds; 0: for good.
int mp_clock_set(int descriptor, uint64_t nanoseconds);
