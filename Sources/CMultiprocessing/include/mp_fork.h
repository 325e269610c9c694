// The launcher: one thread that never runs Swift and does every fork of the process.
//
// Two reasons, both measured. The Swift runtime caches the thread's id in thread-local storage, so a child
// forked from a thread that has run Swift traps or hangs on its first contended lock. And the signal that
// tells a child of its parent's death is tied to the forking thread: this one lives as long as the process.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { MP_KEPT_DESCRIPTORS = 4 };

/// What a fork is to do, and what came of it.
typedef struct {
  /// Runs in the child, on the child's only thread; must not return.
  void (*_Nullable entry)(void *_Nullable context);
  void *_Nullable context;
  /// Written to `record_descriptor` once the child and its pidfd exist: until then the child waits, so that
  /// a start that fails half-way has run nothing of the user's.
  const void *_Nullable record;
  size_t record_size;
  int record_descriptor;
  /// Of the engine's descriptors, those the child keeps.
  int kept[MP_KEPT_DESCRIPTORS];
  size_t kept_count;
  bool survives_parent;

  pid_t pid;
  int pidfd;
} mp_launch;

/// Starts the launcher if need be, and forks. 0 or a negative errno; on an error no child is left.
/// Calls must not overlap: the caller holds the engine's fork lock.
int mp_launch_run(mp_launch *_Nonnull launch);

/// Sees to it that this process' forks are noticed in their children; the launcher does so by itself. 0 or a negative errno. The
/// caller holds the engine's fork lock.
int mp_launch_prepare(void);
/// Calls `body` on the launcher's thread, which lives as long as the process; what it answers, or a negative errno. The caller
/// holds the engine's fork lock.
int mp_launcher_run(int (*_Nonnull body)(void *_Nullable context), void *_Nullable context);

/// In the child, once its dispositions are what they are to be: it begins with every signal blocked, so that one that comes
/// early meets neither a handler of the parent's nor none where there will be one.
void mp_unblock_signals(void);

/// Calls, in the parent and to no effect, what the child will call: the dynamic linker binds a function at its first call,
/// and a child that is the first to call one pays for it in copied pages, every child anew.
void mp_launch_rehearse(void);

/// Claims the end of this process for the calling thread, which may do so again, as exit(3) in an exit handler does. False on
/// any other thread: it has to stay until the process is gone.
bool mp_claim_end(void);

/// A number that every fork changes in the child. What carries an older one belongs to an
/// ancestor: its locks are held by threads that do not exist here, its descriptors are closed.
uint32_t mp_generation(void);

/// True in a child that the launcher made, and not a fork of the program's own.
bool mp_is_launched(void);
