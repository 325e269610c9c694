// SIGTERM as a request: the first one is noted, so that a thread can act on it, the second one ends the process.
#pragma once

#include <stdbool.h>

/// From here on the first SIGTERM of this process is noted and does nothing else. For a child's only thread, while the signal
/// is blocked: one that comes early is noted as well.
void mp_termination_catch(void);
/// Whether `mp_termination_catch` was called in this process.
bool mp_termination_is_caught(void);
/// Sleeps until a SIGTERM was noted.
void mp_termination_wait(void);
