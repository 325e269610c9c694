// Kill points for tests, in debug builds only: the process ends by SIGKILL ahead of a chosen write to shared memory, as it
// might between any two instructions.
#pragma once

// Declared for all, since Swift's importer does not see the C target's macros; defined in debug builds alone.

/// Starts counting the kill points that this process passes, on any of its threads; at the `nth` (from 0; -1: never) it ends.
/// A child that it forks begins without.
void mp_kill_arm(int nth);
/// How many kill points this process has passed since arming.
int mp_kill_passed(void);
/// A kill point.
void mp_kill_pass(void);
