// Where a crash happened: program counters, collected inside a signal handler. Not part of the module.
#pragma once

#include "mp_crash.h"

#include <ucontext.h>

/// Fills in the program counter, the stack pointer and the addresses of `record`, whose count is zero.
/// Addresses are added one by one, so that those found before a fault are there. `backtrace()` must have been
/// called before.
void mp_backtrace_collect(mp_crash_record *_Nonnull record, const ucontext_t *_Nonnull context);
