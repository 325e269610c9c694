#include "CEngineTestSupport.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

long ets_step_then_kill(void (*body)(void *context), void *context, long steps) {
  pid_t pid = fork();
  if (pid < 0) return -errno;
  if (pid == 0) {
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0) _exit(1);
    raise(SIGSTOP);
    body(context);
    raise(SIGSTOP);
    _exit(0);
  }
  int status = 0;
  long done = 0;
  if (waitpid(pid, &status, 0) == pid && WIFEXITED(status)) return -EPERM;
  while (done < steps) {
    if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) < 0 || waitpid(pid, &status, 0) != pid) break;
    if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP) break;
    done++;
  }
  kill(pid, SIGKILL);
  while (waitpid(pid, &status, 0) == pid && !WIFSIGNALED(status) && !WIFEXITED(status)) {
  }
  return done;
}

void ets_stay_on_one_processor(bool idle) {
  cpu_set_t set, first;
  CPU_ZERO(&first);
  if (sched_getaffinity(0, sizeof set, &set) < 0) abort();
  for (int number = 0; number < CPU_SETSIZE && CPU_COUNT(&first) == 0; number++)
    if (CPU_ISSET(number, &set)) CPU_SET(number, &first);
  if (sched_setaffinity(0, sizeof first, &first) < 0) abort();
  struct sched_param none = {0};
  if (idle && sched_setscheduler(0, SCHED_IDLE, &none) < 0) abort();
}

void ets_use_every_processor(void) {
  cpu_set_t set;
  memset(&set, 0xff, sizeof set);
  if (sched_setaffinity(0, sizeof set, &set) < 0) abort();
}
