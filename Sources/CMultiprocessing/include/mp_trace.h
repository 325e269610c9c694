// Whether events are recorded, and where: read in many places, among them a crash handler, and so nothing that Swift would
// have to initialise first.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  MP_TRACE_OFF = -1,
  /// The environment asks for a trace, and no event has come yet.
  MP_TRACE_ASKED = -2
};

/// The descriptor of the trace, or one of the values above. To be used by the functions below.
extern int mp_trace_word;

/// Relaxed: who meets the word a moment too late misses or tries an event, and the file's own lock orders the rest.
static inline int mp_trace_state(void) { return __atomic_load_n(&mp_trace_word, __ATOMIC_RELAXED); }
static inline bool mp_trace_is_on(void) { return mp_trace_state() != MP_TRACE_OFF; }
void mp_trace_set(int state);

/// The file that the environment asked for when the program began; null when there is none.
const char *_Nullable mp_trace_asked_path(void);
/// When the program began, in nanoseconds on the monotonic clock; 0 unless the environment asks for a trace.
uint64_t mp_trace_beginning(void);

/// Whether no other program writes to the file. Where locks are not to be had, none does. The lock belongs to the open file, as long as
/// any process that has inherited it lives; flock(2).
bool mp_trace_claim(int descriptor);
/// Makes the claim one that others can share.
void mp_trace_share(int descriptor);

/// Records that this process crashes. For a signal handler: one system call, and nothing that could wait or allocate.
void mp_trace_crash(int signal, int process, int thread);
