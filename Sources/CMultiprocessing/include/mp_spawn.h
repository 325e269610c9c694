// Starts another program: a process that shares this one's memory until it is that program, so that a start costs the same however
// much memory this one has.
//
// posix_spawn(3) does not tell which step failed, has no room for a terminal, a user, a mask or the parent's death, and closes
// what it is told to close, rather than all but what it is told to keep.
#pragma once

#include "mp_registry.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/// The steps on the way to the program, in their order.
typedef enum {
  MP_SPAWN_BIRTH, MP_SPAWN_SESSION, MP_SPAWN_DESCRIPTOR, MP_SPAWN_TERMINAL, MP_SPAWN_FOLDER, MP_SPAWN_USER,
  MP_SPAWN_PARENT, MP_SPAWN_SIGNALS, MP_SPAWN_EXEC
} mp_spawn_step;

/// What errno alone does not tell of an exec that failed.
typedef enum { MP_SPAWN_ERRNO, MP_SPAWN_IS_FOLDER, MP_SPAWN_LACKS_INTERPRETER } mp_spawn_reason;

/// The number that a start which fails by a fault has got and lost.
enum { MP_SPAWN_GIVEN_UP = 1000 };

/// A descriptor of this process' and its number in the program.
typedef struct {
  int source, target;
} mp_spawn_move;

typedef struct {
  /// The files to try, one after the other as a shell does; ends with a null, as do the arguments and the environment.
  char *const _Nullable *_Nullable candidates;
  /// Whether they are the parts of a search path: one that may not be looked into is passed over.
  bool searches;
  char *const _Nullable *_Nullable arguments;
  char *const _Nullable *_Nullable environment;
  /// Null: this process' own.
  const char *_Nullable folder;

  /// Any permutation; written to. No target twice, sorted by target. Above number 2 the program has these and no others.
  mp_spawn_move *_Nullable moves;
  size_t move_count;
  /// The target that becomes the controlling terminal; -1: none. Needs a session.
  int terminal;

  bool new_session;
  /// A process group to join, 0 for one of its own, -1 to stay.
  pid_t group;
  /// -1: as it is.
  int file_mode_mask;
  bool sets_user, sets_user_group;
  uid_t user;
  gid_t user_group;
  /// The supplementary groups; a negative count: as they are.
  const gid_t *_Nullable groups;
  int group_count;
  bool dies_with_parent;

  /// Entered into the registry by the caller; its number is that of the program's pidfd.
  mp_expected_descriptor *_Nullable pidfd;
  pid_t pid;
  /// After an error: where, the index of the move or of the candidate, and what is known besides.
  mp_spawn_step step;
  int index;
  mp_spawn_reason reason;
} mp_spawn_request;

/// 0 once the program runs, or a negative errno; after an error no child is left, and a pidfd that came of it is dropped where it is
/// settled. The calling thread is the one on whose end a program that dies with its parent dies.
int mp_spawn(mp_spawn_request *_Nonnull request);

/// The same, on the launcher's thread. The caller holds the engine's fork lock.
int mp_spawn_on_launcher(mp_spawn_request *_Nonnull request);
