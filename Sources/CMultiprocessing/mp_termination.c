#include "mp_termination.h"

#include "mp_fork.h"
#include "mp_system.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

static _Atomic uint32_t noted;  // the futex word
// The generation of the process that catches. A child of it begins with every disposition at its default.
static uint32_t catching;

static void note(int signal) {
  (void)signal;
  int error = errno;
  atomic_store(&noted, 1);
  mp_futex_wake(&noted, 1);
  errno = error;
}

void mp_termination_catch(void) {
  atomic_store(&noted, 0);
  catching = mp_generation();
  // SA_RESETHAND: the second signal meets the default again.
  struct sigaction action = {.sa_handler = note, .sa_flags = SA_RESETHAND | SA_RESTART};
  sigaction(SIGTERM, &action, NULL);
}

bool mp_termination_is_caught(void) { return catching != 0 && catching == mp_generation(); }

void mp_termination_wait(void) {
  while (!atomic_load(&noted)) mp_futex_wait(&noted, 0, -1);
}
