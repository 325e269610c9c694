// The child runs on its parent's memory, while the thread that made it stands still: it makes system calls by `syscall` alone, which
// is bound by then, and changes nothing but the request. No function of libc's that keeps books (sigaction, setuid, fork's
// handlers) is called in it: they would be the parent's books.
#include "mp_spawn.h"

#include "mp_fault.h"
#include "mp_fork.h"
#include "mp_system.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x00001000
#endif
#ifndef P_PIDFD
#define P_PIDFD 3
#endif

// A sanitizer keeps books as well, on each frame of a stack, which the child leaves without a return, and on clone(2), whose child it takes
// to have memory of its own: so it has.
#define CHILD __attribute__((no_sanitize("address", "thread", "undefined"), noinline))
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/// What the child tells. Apart from the request, for a child with memory of its own.
typedef struct {
  volatile int error;
  volatile mp_spawn_step step;
  volatile int index;
  volatile mp_spawn_reason reason;
} report;

typedef struct {
  mp_spawn_request *request;
  report *report;
  pid_t parent;
} beginning;

#define SIGNAL_SET_SIZE 8  // the kernel's

/// Makes a system call until no signal interrupts it, or it fails as a test wants it to; 0 or more, or a negative errno.
#define CALL(...) \
  ({ \
    long answer; \
    do { \
      int fault = MP_FAULT(MP_CALL_SPAWN_STEP); \
      answer = fault ? -fault : syscall(__VA_ARGS__) < 0 ? -errno : 0; \
    } while (answer == -EINTR); \
    (int)answer; \
  })

CHILD static bool is_target(const mp_spawn_request *request, int number) {
  for (size_t i = 0; i < request->move_count; i++)
    if (request->moves[i].target == number) return true;
  return false;
}

CHILD static int move_descriptors(mp_spawn_request *request, report *report) {
  mp_spawn_move *moves = request->moves;
  int above = 3;
  for (size_t i = 0; i < request->move_count; i++)
    if (moves[i].target >= above) above = moves[i].target + 1;
  // First out of each other's way.
  for (size_t i = 0; i < request->move_count; i++) {
    report->index = (int)i;
    if (moves[i].source == moves[i].target || !is_target(request, moves[i].source)) continue;
    int fault = MP_FAULT(MP_CALL_SPAWN_STEP);
    long copy = fault && fault != EINTR ? -fault : syscall(SYS_fcntl, moves[i].source, F_DUPFD_CLOEXEC, above);
    if (copy < 0) return fault && fault != EINTR ? -fault : -errno;
    moves[i].source = (int)copy;
  }
  for (size_t i = 0; i < request->move_count; i++) {
    report->index = (int)i;
    int error = moves[i].source == moves[i].target ? CALL(SYS_fcntl, moves[i].source, F_SETFD, 0)
                                                   : CALL(SYS_dup3, moves[i].source, moves[i].target, 0);
    if (error) return error;
  }
  return 0;
}

/// Leaves the standard streams, which are closed by exec(3) if they are not for programs, and what has been moved.
CHILD static void close_others(const mp_spawn_request *request) {
  unsigned first = 3;
  for (size_t i = 0; i < request->move_count; i++) {
    if (request->moves[i].target < 3) continue;
    unsigned kept = (unsigned)request->moves[i].target;
    if (kept > first) mp_close_range(first, kept - 1);
    first = kept + 1;
  }
  mp_close_range(first, ~0u);
}

CHILD static int become_user(const mp_spawn_request *request) {
  // The bare calls: those of libc have every thread of this memory make them.
  int error = 0;
  if (request->group_count >= 0) error = CALL(SYS_setgroups, request->group_count, request->groups);
  if (!error && request->sets_user_group)
    error = CALL(SYS_setresgid, request->user_group, request->user_group, request->user_group);
  if (!error && request->sets_user) error = CALL(SYS_setresuid, request->user, request->user, request->user);
  return error;
}

/// No handler of the parent's may run once signals are let through. What is ignored stays ignored, as exec(3) has it and nohup(1)
/// needs it, but for the three that programs do not expect to be.
CHILD static int reset_signals(void) {
  // struct sigaction of the kernel's, whose first word is the handler on every processor; zeroes are the default.
  uintptr_t action[8], standard[8];
  for (int i = 0; i < 8; i++) standard[i] = 0;
  for (int signal = 1; signal <= 64; signal++) {
    if (signal == SIGKILL || signal == SIGSTOP) continue;
    if (syscall(SYS_rt_sigaction, signal, NULL, action, SIGNAL_SET_SIZE) < 0) continue;
    if (action[0] == (uintptr_t)SIG_DFL) continue;
    bool stays_ignored = signal != SIGPIPE && signal != SIGXFSZ && signal != SIGCHLD;
    if (action[0] == (uintptr_t)SIG_IGN && stays_ignored) continue;
    int error = CALL(SYS_rt_sigaction, signal, standard, NULL, SIGNAL_SET_SIZE);
    if (error) return error;
  }
  uint64_t none = 0;
  return CALL(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, SIGNAL_SET_SIZE);
}

CHILD static bool is_folder(const char *path) {
  long file = syscall(SYS_openat, AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (file >= 0) syscall(SYS_close, file);
  return file >= 0;
}

CHILD static int execute_file(const mp_spawn_request *request, const char *path) {
  // Another thread's child may for a moment hold open what this process has just written and closed.
  for (int patience = 20;; patience--) {
    int fault = MP_FAULT(MP_CALL_EXEC);
    if (!fault) syscall(SYS_execve, path, request->arguments, request->environment);
    int error = fault ? fault : errno;
    if (error == EINTR) continue;
    if (error != ETXTBSY || patience == 0) return error;
    struct timespec pause = {.tv_nsec = 2000000};
    syscall(SYS_nanosleep, &pause, NULL);
  }
}

/// The first of the candidates that can be executed; else why the first that is there cannot.
CHILD static int execute(const mp_spawn_request *request, report *report) {
  int denied = 0;
  report->index = 0;
  for (int i = 0; request->candidates[i]; i++) {
    const char *path = request->candidates[i];
    int error = execute_file(request, path);
    switch (error) {
    case ENOENT:
      // A file that is there lacks what it names as its interpreter.
      if (syscall(SYS_faccessat, AT_FDCWD, path, F_OK) < 0) continue;
      report->index = i;
      report->reason = MP_SPAWN_LACKS_INTERPRETER;
      return -error;
    case EACCES:
      if (denied || (request->searches && syscall(SYS_faccessat, AT_FDCWD, path, F_OK) < 0)) continue;
      denied = EACCES;
      report->index = i;
      if (is_folder(path)) report->reason = MP_SPAWN_IS_FOLDER;
      continue;
    case ENOTDIR: case ESTALE: case ENODEV: case ETIMEDOUT:
      continue;
    default:
      report->index = i;
      return -error;
    }
  }
  return denied ? -denied : -ENOENT;
}

CHILD static int prepare(const beginning *start) {
  mp_spawn_request *request = start->request;
  report *report = start->report;
  int error = 0;
  report->step = MP_SPAWN_SESSION;
  if (request->new_session) error = CALL(SYS_setsid);
  if (!error && !request->new_session && request->group >= 0) error = CALL(SYS_setpgid, 0, request->group);
  if (error) return error;

  report->step = MP_SPAWN_DESCRIPTOR;
  error = move_descriptors(request, report);
  if (error) return error;
  close_others(request);

  report->step = MP_SPAWN_TERMINAL;
  if (request->terminal >= 0) error = CALL(SYS_ioctl, request->terminal, TIOCSCTTY, 0);
  if (error) return error;

  report->step = MP_SPAWN_FOLDER;
  if (request->folder) error = CALL(SYS_chdir, request->folder);
  if (error) return error;
  if (request->file_mode_mask >= 0) syscall(SYS_umask, request->file_mode_mask);

  report->step = MP_SPAWN_USER;
  error = become_user(request);
  if (error) return error;

  report->step = MP_SPAWN_PARENT;
  if (request->dies_with_parent) {
    // After the change of user, which takes it back.
    error = CALL(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (error) return error;
    // The parent may have died before: then nobody will send the signal.
    if (syscall(SYS_getppid) != start->parent) return -ESRCH;
  }
  report->step = MP_SPAWN_SIGNALS;
  return reset_signals();
}

CHILD static int begin(void *context) {
  const beginning *start = context;
  report *report = start->report;
  int error = prepare(start);
  if (!error) {
    report->step = MP_SPAWN_EXEC;
    error = execute(start->request, report);
  }
  report->error = -error;
  for (;;) syscall(SYS_exit_group, 127);
}

#define STACK_SIZE (64 << 10)

__attribute__((noinline)) static int clone_onto_stack(beginning *start, char *stack, int flags) {
  int fault = MP_FAULT(MP_CALL_SPAWN);
  if (fault) {
    // As a kernel has it that fails late.
    start->request->pidfd->descriptor = MP_SPAWN_GIVEN_UP;
    return -fault;
  }
  pid_t pid = clone(begin, stack + STACK_SIZE, flags, start, &start->request->pidfd->descriptor);
  return pid < 0 ? -errno : pid;
}

static int spawn(mp_spawn_request *request, report *report, bool shares_memory) {
  beginning start = {.request = request, .report = report, .parent = getpid()};
  int flags = CLONE_VFORK | CLONE_PIDFD | SIGCHLD | (shares_memory ? CLONE_VM : 0);
  // Not a piece of the caller's own: that may be a small one.
  char *stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (stack == MAP_FAILED) return -errno;
  // All of them, those that libc keeps to itself as well: nothing of this program's may run in the child.
  uint64_t all = ~0ull, before;
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, SIGNAL_SET_SIZE);
  int pid;
  do pid = clone_onto_stack(&start, stack, flags);
  while (pid == -EINTR);
  // The child is a program by now, or has ended.
  munmap(stack, STACK_SIZE);
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, SIGNAL_SET_SIZE);
  if (pid < 0) {
    // The kernel may have written a number that it then gave up.
    request->pidfd->descriptor = -1;
    return pid;
  }
  request->pid = pid;
  if (!report->error) return 0;
  request->step = report->step;
  request->index = report->index;
  request->reason = report->reason;
  siginfo_t info;
  // It is on its way out. ECHILD: somebody else has reaped it.
  while (syscall(SYS_waitid, P_PIDFD, request->pidfd->descriptor, &info, WEXITED, NULL) < 0 && errno == EINTR) {}
  return -report->error;
}

int mp_spawn(mp_spawn_request *request) {
  request->step = MP_SPAWN_BIRTH;
  request->index = 0;
  request->reason = MP_SPAWN_ERRNO;
  // Memory that is shared with a process of another user would count as that user's: the kernel no longer lets this process look
  // into its own files in proc(5), for one. Such a start copies its page tables, as fork(2) does.
  bool shares_memory = !SANITIZED && !request->sets_user && !request->sets_user_group && request->group_count < 0;
  if (shares_memory) {
    report own = {0};
    return spawn(request, &own, true);
  }
  report *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) return -errno;
  int error = spawn(request, shared, false);
  munmap(shared, sizeof *shared);
  return error;
}

static int spawn_task(void *request) { return mp_spawn(request); }

int mp_spawn_on_launcher(mp_spawn_request *request) { return mp_launcher_run(spawn_task, request); }
