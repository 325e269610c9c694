#include "mp_kill.h"

#ifdef DEBUG
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

// The process that counts; 0: none. Its children inherit the number, and are others.
static _Atomic pid_t armed;
static _Atomic int fatal, passed;

void mp_kill_arm(int nth) {
  fatal = nth;
  passed = 0;
  armed = getpid();
}

int mp_kill_passed(void) { return armed == getpid() ? passed : 0; }

void mp_kill_pass(void) {
  if (!armed || armed != getpid()) return;
  // Does not return from kill(2): the signal is fatal to every thread before it is back in its program.
  if (atomic_fetch_add(&passed, 1) == fatal) kill(armed, SIGKILL);
}
#endif
