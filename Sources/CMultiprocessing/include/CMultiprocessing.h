// The few things Swift cannot say. Every function is prefixed `mp_`.
#pragma once

#include <features.h>

#if !defined(__linux__) || !defined(__GLIBC__)
#error "Multiprocessing runs on Linux with glibc only: it relies on pidfds, futexes and glibc's fork()."
#endif

#include "mp_crash.h"
#include "mp_fault.h"
#include "mp_fork.h"
#include "mp_gate.h"
#include "mp_images.h"
#include "mp_keep.h"
#include "mp_kill.h"
#include "mp_mutex.h"
#include "mp_names.h"
#include "mp_once.h"
#include "mp_readiness.h"
#include "mp_registry.h"
#include "mp_socket.h"
#include "mp_spawn.h"
#include "mp_system.h"
#include "mp_terminal.h"
#include "mp_termination.h"
#include "mp_thread.h"
#include "mp_trace.h"
#include "mp_type.h"
