// Fault injection for tests, in debug builds only: the n-th system call of one side of a start fails with
// a chosen errno. Counts live in memory shared by parent and child, so that a test sees both.
#pragma once

#include <stdbool.h>
#include <stdint.h>

/// Every call that can be made to fail; the order is the index into `mp_fault_trace`'s entries.
typedef enum {
  MP_CALL_PIPE, MP_CALL_PACKET_PAIR, MP_CALL_THREAD, MP_CALL_FORK, MP_CALL_PIDFD_OPEN, MP_CALL_READ,
  MP_CALL_WRITE, MP_CALL_POLL, MP_CALL_WAIT, MP_CALL_REAP, MP_CALL_SEND_SIGNAL, MP_CALL_SEND_PACKET,
  MP_CALL_RECEIVE_PACKET, MP_CALL_RECEIVE_DESCRIPTOR, MP_CALL_MEMFD, MP_CALL_SEAL, MP_CALL_MAP,
  MP_CALL_EVENT, MP_CALL_STATUS, MP_CALL_LIMIT, MP_CALL_ON_EXIT, MP_CALL_RESIZE, MP_CALL_RESERVE, MP_CALL_RELEASE,
  MP_CALL_MUTEX, MP_CALL_NAME_CREATE, MP_CALL_NAME_GIVE, MP_CALL_NAME_OPEN, MP_CALL_NAME_REMOVE, MP_CALL_FAMILY,
  MP_CALL_SOCKET, MP_CALL_CONNECT, MP_CALL_LISTEN, MP_CALL_ACCEPT, MP_CALL_SHUTDOWN, MP_CALL_LOCK_FOLDER,
  MP_CALL_READINESS, MP_CALL_SLEEP, MP_CALL_OPEN, MP_CALL_SPAWN, MP_CALL_SPAWN_STEP, MP_CALL_EXEC,
  MP_CALL_OPEN_FILE, MP_CALL_TERMINAL, MP_CALL_TRACE
} mp_call;

/// The side a fault strikes.
typedef enum { MP_SIDE_PARENT, MP_SIDE_CHILD } mp_side;

enum { MP_FAULT_TRACE_CAPACITY = 256 };

// Declared for all, since Swift's importer does not see the C target's macros; defined in debug builds alone.

/// Starts counting, and lets the `nth` call (from 0; -1: none) of `side` fail with `error`, `times` times.
void mp_fault_arm(mp_side side, int nth, int error, int times);
/// Stops counting and failing.
void mp_fault_disarm(void);
/// How many calls `side` made since arming; copies the first of them.
int mp_fault_trace(mp_side side, mp_call *_Nonnull trace, int capacity);
/// Whether the armed fault has struck.
bool mp_fault_struck(void);
/// Counts the call, and answers the errno it has to fail with, or 0.
int mp_fault_check(mp_call call);
/// In a child, right after the fork: its calls count as the child's.
void mp_fault_enter_child(void);

#ifdef DEBUG
#define MP_FAULT(call) mp_fault_check(call)
#else
#define MP_FAULT(call) 0
#endif
