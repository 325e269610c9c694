#include "mp_fork.h"

#include "mp_fault.h"
#include "mp_gate.h"
#include "mp_once.h"
#include "mp_registry.h"
#include "mp_system.h"
#include "mp_walk.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { IDLE, REQUESTED, DONE };

static _Atomic uint32_t state = IDLE;  // the futex word both sides sleep on; DONE until the next request
static int (*task)(void *);            // valid from REQUESTED to DONE, as is what it is given
static void *task_context;
static int outcome;
static bool started, prepared;         // guarded by the caller's fork lock
static _Atomic uint32_t generation;

uint32_t mp_generation(void) { return atomic_load_explicit(&generation, memory_order_relaxed); }

static bool launched;  // written while a process has one thread
bool mp_is_launched(void) { return launched; }

static void wait_for(uint32_t wanted) {
  for (;;) {
    uint32_t now = atomic_load_explicit(&state, memory_order_acquire);
    if (now == wanted) return;
    mp_futex_wait(&state, now, -1);
  }
}

static void announce(uint32_t now) {
  atomic_store_explicit(&state, now, memory_order_release);
  mp_futex_wake(&state, 1);
}

static void reset_dispositions(void) {
  const struct sigaction standard = {.sa_handler = SIG_DFL};
  for (int signal = 1; signal < NSIG; signal++)
    if (signal != SIGKILL && signal != SIGSTOP) sigaction(signal, &standard, NULL);
}

void mp_unblock_signals(void) {
  sigset_t none;
  sigemptyset(&none);
  pthread_sigmask(SIG_SETMASK, &none, NULL);
}

static bool forking;        // true in the launcher's own forks; guarded by the caller's fork lock
static _Atomic int ending;  // the id of the thread that ends the process, or 0

bool mp_claim_end(void) {
  int self = mp_gettid(), holder = 0;
  return atomic_compare_exchange_strong(&ending, &holder, self) || holder == self;
}

/// Runs in the child of every fork(), one that the program makes by itself included: there is no launcher in it.
static void enter_child(void) {
  // A fork that is not the launcher's: its child has no use for the descriptors, and their numbers would become others'.
  if (!forking) mp_registry_close_all_but(NULL, 0);
  atomic_fetch_add_explicit(&generation, 1, memory_order_relaxed);
  atomic_store_explicit(&state, IDLE, memory_order_relaxed);
  atomic_store_explicit(&ending, 0, memory_order_relaxed);
  mp_walk_reset_in_child();
  launched = forking;
  started = false;
}

static _Noreturn void run_child(mp_launch *launch, pid_t parent) {
#ifdef DEBUG
  mp_fault_enter_child();
#endif
  if (!launch->survives_parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    // The parent may have died before prctl(): then nobody will send the signal.
    if (getppid() != parent) _exit(128 + SIGKILL);
  }
  mp_registry_close_all_but(launch->kept, launch->kept_count);
  mp_purge_streams();
  reset_dispositions();
  launch->entry(launch->context);
  _exit(70);
}

void mp_launch_rehearse(void) {
  int signal;
  prctl(PR_GET_PDEATHSIG, &signal);
  getppid();
  close(-1);
  struct sigaction action;
  sigaction(SIGUSR1, NULL, &action);
  sigset_t none;
  sigemptyset(&none);
  pthread_sigmask(SIG_BLOCK, &none, NULL);
  mp_rehearse_streams();
}

/// Ends and reaps a child that cannot be handed over; it has run nothing of the user's.
static void discard(pid_t pid) {
  kill(pid, SIGKILL);
  while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {}
}

static int write_record(const mp_launch *launch) {
  // The pipe is empty and holds the record whole (the caller saw to it), and its other end is still open here:
  // this neither blocks nor raises SIGPIPE.
  const char *next = launch->record;
  size_t left = launch->record_size;
  while (left > 0) {
    int fault = MP_FAULT(MP_CALL_WRITE);
    ssize_t count = fault ? -1 : write(launch->record_descriptor, next, left);
    if (count < 0) {
      int error = fault ? fault : errno;
      if (error == EINTR) continue;
      return -error;
    }
    next += count;
    left -= (size_t)count;
  }
  return 0;
}

static int fork_once(void *context) {
  mp_launch *launch = context;
  pid_t parent = getpid();
  int fault = MP_FAULT(MP_CALL_FORK);
  mp_walk_hold();
  mp_gate_close();
  forking = true;
  pid_t pid = fault ? -1 : fork();
  if (pid == 0) {
    forking = false;
    run_child(launch, parent);
  }
  int error = fault ? fault : errno;
  forking = false;
  mp_gate_open();
  mp_walk_let_go();
  if (pid < 0) return -error;

  fault = MP_FAULT(MP_CALL_PIDFD_OPEN);
  int pidfd = fault ? -fault : mp_pidfd_open(pid);
  error = pidfd < 0 ? pidfd : write_record(launch);
  if (error < 0) {
    discard(pid);
    if (pidfd >= 0) close(pidfd);
    return error;
  }
  launch->pid = pid;
  launch->pidfd = pidfd;
  return 0;
}

static void *serve(void *unused) {
  for (;;) {
    wait_for(REQUESTED);
    outcome = task(task_context);
    announce(DONE);
  }
  return unused;
}

/// The child's main thread runs on a copy of this thread's stack, so it is as large as a program's usually is.
static size_t stack_size(void) {
  const size_t least = 8 << 20, most = 256 << 20;
  struct rlimit limit;
  if (getrlimit(RLIMIT_STACK, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY) return least;
  return limit.rlim_cur < least ? least : limit.rlim_cur > most ? most : limit.rlim_cur;
}

static int start_thread(void) {
  int fault = MP_FAULT(MP_CALL_THREAD);
  if (fault) return -fault;
  pthread_attr_t attributes;
  int error = pthread_attr_init(&attributes);
  if (error) return -error;
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  error = pthread_attr_setstacksize(&attributes, stack_size());
  // The thread is born with every signal blocked: handlers may be Swift, and none must run there.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  if (!error) error = pthread_create(&thread, &attributes, serve, NULL);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
  return -error;
}

int mp_launch_prepare(void) {
  if (prepared) return 0;
  int error = pthread_atfork(NULL, NULL, enter_child);
  if (error) return -error;
  mp_once_prepare();
  prepared = true;
  return 0;
}

int mp_launcher_run(int (*body)(void *), void *context) {
  int error = mp_launch_prepare();
  if (!error && !started) error = start_thread();
  if (error) return error;
  started = true;
  task = body;
  task_context = context;
  announce(REQUESTED);
  wait_for(DONE);
  return outcome;
}

int mp_launch_run(mp_launch *launch) { return mp_launcher_run(fork_once, launch); }
