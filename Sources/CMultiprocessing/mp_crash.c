#include "mp_crash.h"
#include "mp_backtrace.h"
#include "mp_trace.h"

#include <errno.h>
#include <execinfo.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// The handler runs at any instruction of any thread, with malloc's, stdio's or the loader's locks perhaps
// held. It may use system calls, its own memory and `backtrace()`; anything else that might wait or allocate
// is out of bounds.

_Static_assert(sizeof(mp_crash_record) == 72 + 8 * MP_CRASH_ADDRESS_LIMIT + MP_CRASH_MESSAGE_LIMIT, "no padding");
_Static_assert(sizeof(mp_crash_record) + MP_CRASH_HEADER_LIMIT <= 4096, "one atomic write on a pipe");

enum {
  alternate_stack_size = 64 * 1024,
  /// Keeps what the parent writes and what a child writes on different pages; with larger pages it merely
  /// costs a copy.
  page_alignment = 4096,
  patience_seconds = 2,
};

static const int crash_signals[] = {SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGABRT, SIGSYS};
enum { crash_signal_count = sizeof crash_signals / sizeof crash_signals[0] };

/// How far the reporting thread has come: a crash inside the handler goes on from there.
enum { stage_gathering, stage_sending };

typedef struct {
  // Written by the parent only.
  void *alternate_stack;
  FILE *tee;
  pthread_key_t thread_stack_key;
  struct sigaction action;

  // Written by the child when it installs and whenever it writes to `stderr`.
  alignas(page_alignment) FILE *former_stderr;
  int descriptor;
  pid_t process;
  dev_t device;
  ino_t inode;
  size_t header_size;
  uint8_t header[MP_CRASH_HEADER_LIMIT];
  /// Bytes ever put into `tail`; its newest byte is at `tail_total - 1`, modulo its size.
  _Atomic(uint64_t) tail_total;
  _Atomic(uint32_t) last_write_length;
  uint8_t tail[MP_CRASH_MESSAGE_LIMIT];
  /// The thread that reports, 0 while nobody does.
  _Atomic(pid_t) reporter;
  _Atomic(int) stage;

  // Written by the handler only.
  alignas(page_alignment) int first_signal;
  /// `header_size` bytes of header end where `record` begins.
  alignas(mp_crash_record) uint8_t header_space[MP_CRASH_HEADER_LIMIT];
  mp_crash_record record;
} crash_state;

_Static_assert(offsetof(crash_state, record) == offsetof(crash_state, header_space) + MP_CRASH_HEADER_LIMIT,
               "header and record are contiguous");

/// Set once, by `mp_crash_prepare`.
static _Atomic(crash_state *) shared_state;

// MARK: The tail of standard error

/// Keeps the end of the stream. A single write longer than the room is kept by its beginning instead: the
/// runtime writes its whole message at once, and begins with what matters.
static void remember(crash_state *state, const char *bytes, size_t count) {
  if (count > MP_CRASH_MESSAGE_LIMIT) count = MP_CRASH_MESSAGE_LIMIT;
  // Relaxed: the stream's lock keeps writers apart. The handler may read at any time, and then sees at worst
  // a mixture of old and new bytes, never bytes outside the buffer.
  uint64_t total = atomic_load_explicit(&state->tail_total, memory_order_relaxed);
  size_t at = total % MP_CRASH_MESSAGE_LIMIT;
  size_t first = count < MP_CRASH_MESSAGE_LIMIT - at ? count : MP_CRASH_MESSAGE_LIMIT - at;
  memcpy(state->tail + at, bytes, first);
  memcpy(state->tail, bytes + first, count - first);
  atomic_store_explicit(&state->last_write_length, (uint32_t)count, memory_order_relaxed);
  // Release: a handler on another thread that sees the new total sees the bytes as well.
  atomic_store_explicit(&state->tail_total, total + count, memory_order_release);
}

/// Whether this is the runtime's own stack trace, which follows its message line by line where the toolchain's backtracer is
/// off or absent (in a statically linked program, say). Remembered, it would push the message out.
static bool is_stack_trace(const char *bytes, size_t count) {
  static const char title[] = "Current stack trace:\n";
  if (count == sizeof title - 1 && memcmp(bytes, title, count) == 0) return true;
  // A number in five columns, the image, and an address.
  size_t digits = 0;
  while (digits < count && bytes[digits] >= '0' && bytes[digits] <= '9') digits++;
  return digits > 0 && digits < 5 && count > 5 && bytes[digits] == ' ' && bytes[4] == ' ' &&
         memmem(bytes, count, " 0x", 3) != NULL;
}

/// The write function of the stream in place of `stderr`: remembers, and passes on to descriptor 2 unchanged.
static ssize_t tee_write(void *cookie, const char *bytes, size_t count) {
  if (!is_stack_trace(bytes, count)) remember(cookie, bytes, count);
  size_t done = 0;
  while (done < count) {
    ssize_t written = write(STDERR_FILENO, bytes + done, count - done);
    if (written >= 0) {
      done += (size_t)written;
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      // Somebody made the descriptor non-blocking; a message must not be lost for that.
      struct pollfd writable = {.fd = STDERR_FILENO, .events = POLLOUT};
      if (poll(&writable, 1, -1) < 0 && errno != EINTR) break;
    } else if (errno != EINTR) {
      break;
    }
  }
  // Zero is how a cookie stream hears of an error; the reason stays in errno.
  return (ssize_t)done;
}

static FILE *make_tee(crash_state *state) {
  cookie_io_functions_t functions = {.write = tee_write};
  FILE *tee = fopencookie(state, "w", functions);
  if (!tee) return NULL;
  // Unbuffered as `stderr` is: one call of the program is one write, and nothing is left behind at a crash.
  setvbuf(tee, NULL, _IONBF, 0);
  // A cookie stream never uses its descriptor; set, it makes `fileno(stderr)` and `freopen` do what programs
  // expect.
  tee->_fileno = STDERR_FILENO;
  // `freopen` looks behind any other value than null, and a cookie stream has an invalid one.
  tee->_wide_data = NULL;
  return tee;
}

// MARK: Preparation in the parent

static void on_crash(int signal, siginfo_t *info, void *context);
static void release_thread_stack(void *mapping);

static size_t page_size(void) { return (size_t)sysconf(_SC_PAGESIZE); }

/// A stack with a guard page below it, followed by `extra` bytes. Its memory costs nothing until it is
/// touched.
static void *map_stack(size_t extra, size_t *size) {
  size_t page = page_size();
  size_t needed = page + alternate_stack_size + extra;
  *size = (needed + page - 1) / page * page;
  void *mapping = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED) return NULL;
  if (mprotect(mapping, page, PROT_NONE) != 0) {
    int error = errno;
    munmap(mapping, *size);
    errno = error;
    return NULL;
  }
  return mapping;
}

/// The first `backtrace()` loads the unwinder, which allocates; later ones do not. The others are what a
/// child calls when it installs: called here, the loader has found them already, and a child need not copy
/// the pages it notes that on.
static void warm_up(void) {
  void *addresses[2];
  backtrace(addresses, 2);
  struct stat status;
  fstat(STDERR_FILENO, &status);
  stack_t stack;
  sigaltstack(NULL, &stack);
  struct sigaction action;
  sigaction(SIGSEGV, NULL, &action);
  (void)getpid();
  // Bound by the linker at its first use, as a function is.
  errno = 0;
}

int mp_crash_prepare(void) {
  if (atomic_load_explicit(&shared_state, memory_order_acquire)) return 0;
  warm_up();
  size_t size;
  uint8_t *mapping = map_stack(sizeof(crash_state), &size);
  if (!mapping) return errno;
  // The stack's size is a multiple of every page size in use, so the state is aligned as it asks to be.
  crash_state *state = (crash_state *)(mapping + page_size() + alternate_stack_size);
  state->alternate_stack = mapping + page_size();
  state->action = (struct sigaction){.sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
  // A crash inside the handler must reach the handler, everything else waits.
  sigfillset(&state->action.sa_mask);
  for (int i = 0; i < crash_signal_count; i++) sigdelset(&state->action.sa_mask, crash_signals[i]);
  int error = pthread_key_create(&state->thread_stack_key, release_thread_stack);
  if (error != 0) {
    munmap(mapping, size);
    return error;
  }
  state->tee = make_tee(state);
  if (!state->tee) {
    error = errno;
    pthread_key_delete(state->thread_stack_key);
    munmap(mapping, size);
    return error;
  }
  // No lock, because one held by another thread at a fork would stay held in the child: whoever comes second
  // discards.
  crash_state *expected = NULL;
  if (!atomic_compare_exchange_strong_explicit(&shared_state, &expected, state, memory_order_acq_rel,
                                               memory_order_acquire)) {
    fclose(state->tee);
    pthread_key_delete(state->thread_stack_key);
    munmap(mapping, size);
  }
  return 0;
}

// MARK: The handler

static void gather(crash_state *state, int signal, const siginfo_t *info, const ucontext_t *context, int error) {
  mp_crash_record *record = &state->record;
  memset(record, 0, offsetof(mp_crash_record, addresses));
  record->magic = MP_CRASH_MAGIC;
  record->version = MP_CRASH_VERSION;
  record->signal = signal;
  record->code = info->si_code;
  if (info->si_code == SI_USER || info->si_code == SI_QUEUE || info->si_code == SI_TKILL) record->sender = info->si_pid;
  record->process = state->process;
  record->thread = (int32_t)syscall(SYS_gettid);
  record->error_number = error;
  record->fault_address = info->si_code > 0 ? (uintptr_t)info->si_addr : 0;

  // Acquire pairs with `remember`.
  uint64_t total = atomic_load_explicit(&state->tail_total, memory_order_acquire);
  uint32_t length = total < MP_CRASH_MESSAGE_LIMIT ? (uint32_t)total : MP_CRASH_MESSAGE_LIMIT;
  for (uint32_t i = 0; i < length; i++) record->message[i] = state->tail[(total - length + i) % MP_CRASH_MESSAGE_LIMIT];
  record->message_length = length;
  uint32_t last = atomic_load_explicit(&state->last_write_length, memory_order_relaxed);
  record->last_write_length = last < length ? last : length;

  mp_backtrace_collect(record, context);
}

/// Whether the descriptor is still what it was; the program may have closed it and got its number for
/// something else.
static bool is_own_descriptor(const crash_state *state) {
  struct stat status;
  return fstat(state->descriptor, &status) == 0 && status.st_dev == state->device && status.st_ino == state->inode;
}

static void send_record(crash_state *state) {
  if (!is_own_descriptor(state)) return;
  uint8_t *start = (uint8_t *)&state->record - state->header_size;
  memcpy(start, state->header, state->header_size);
  size_t size = state->header_size + sizeof state->record;
  bool is_socket = true;
  for (int attempt = 0; attempt < 64; attempt++) {
    // Writable means room for a whole message of this size on a pipe, and `send` does not wait: nothing here
    // blocks.
    struct pollfd writable = {.fd = state->descriptor, .events = POLLOUT};
    int ready = poll(&writable, 1, patience_seconds * 1000);
    if (ready == 0 || (ready < 0 && errno != EINTR)) return;
    if (ready < 0) continue;
    ssize_t sent = is_socket ? send(state->descriptor, start, size, MSG_NOSIGNAL | MSG_DONTWAIT)
                             : write(state->descriptor, start, size);
    if (sent >= 0) return;
    if (errno == ENOTSOCK && is_socket) is_socket = false;
    else if (errno != EINTR && errno != EAGAIN) return;
  }
}

static void set_default(int signal) {
  struct sigaction action = {.sa_handler = SIG_DFL};
  sigaction(signal, &action, NULL);
}

static void change_mask(int how, int signal) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, signal);
  sigprocmask(how, &set, NULL);
}

/// Ends the process by `signal` as soon as the handler returns, in the state and with the details of the
/// crash itself, so that a core file looks as if nobody had caught it. Returning alone would go on after a
/// breakpoint or a `raise`.
static void end_on_return(int signal, siginfo_t *info) {
  set_default(signal);
  change_mask(SIG_BLOCK, signal);
  pid_t process = getpid();
  long thread = syscall(SYS_gettid);
  if (syscall(SYS_rt_tgsigqueueinfo, process, thread, signal, info) != 0 &&
      syscall(SYS_tgkill, process, thread, signal) != 0)
    _exit(128 + signal);
}

static void end_now(int signal) {
  set_default(signal);
  change_mask(SIG_UNBLOCK, signal);
  syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), signal);
  _exit(128 + signal);
}

/// Waits for another thread's report, which ends the process and so this wait.
static void wait_for_reporter(void) {
  struct timespec left = {.tv_sec = 2 * patience_seconds};
  while (nanosleep(&left, &left) != 0 && errno == EINTR) continue;
}

static void on_crash(int signal, siginfo_t *info, void *context) {
  int error = errno;
  crash_state *state = atomic_load_explicit(&shared_state, memory_order_acquire);
  // A copy of the child that was forked without the engine must not report in the child's name.
  if (getpid() != state->process) {
    end_on_return(signal, info);
    return;
  }
  pid_t thread = (pid_t)syscall(SYS_gettid);
  pid_t reporter = 0;
  // Sequentially consistent, here and for `stage`: once per process, and nothing to gain.
  if (atomic_compare_exchange_strong(&state->reporter, &reporter, thread)) {
    state->first_signal = signal;
    gather(state, signal, info, context, error);
    if (atomic_exchange(&state->stage, stage_sending) == stage_gathering) send_record(state);
    mp_trace_crash(signal, state->process, thread);
    end_on_return(signal, info);
  } else if (reporter != thread) {
    wait_for_reporter();
    end_on_return(signal, info);
  } else {
    // The handler itself met a signal. What it had gathered is still worth sending; then the first signal
    // counts.
    if (atomic_exchange(&state->stage, stage_sending) == stage_gathering) send_record(state);
    end_now(state->first_signal);
  }
}

// MARK: Installation in the child

static void use_stack(void *base) {
  stack_t stack = {.ss_sp = base, .ss_size = alternate_stack_size};
  sigaltstack(&stack, NULL);
}

void mp_crash_install(int descriptor, const void *header, size_t header_size) {
  crash_state *state = atomic_load_explicit(&shared_state, memory_order_acquire);
  if (!state) return;
  struct stat status = {0};
  fstat(descriptor, &status);
  state->descriptor = descriptor;
  state->device = status.st_dev;
  state->inode = status.st_ino;
  state->process = getpid();
  state->header_size = header_size < MP_CRASH_HEADER_LIMIT ? header_size : MP_CRASH_HEADER_LIMIT;
  memcpy(state->header, header, state->header_size);
  // A child of a child starts without the lines its parent has written, and without a crash that a thread of its parent
  // was reporting at the fork.
  atomic_store_explicit(&state->reporter, 0, memory_order_relaxed);
  atomic_store_explicit(&state->stage, stage_gathering, memory_order_relaxed);
  atomic_store_explicit(&state->tail_total, 0, memory_order_relaxed);
  atomic_store_explicit(&state->last_write_length, 0, memory_order_relaxed);

  // So that the `errno` of a crash is not one the parent left behind.
  errno = 0;

  use_stack(state->alternate_stack);
  for (int i = 0; i < crash_signal_count; i++) sigaction(crash_signals[i], &state->action, NULL);

  if (stderr != state->tee) {
    state->former_stderr = stderr;
    stderr = state->tee;
  }
}

void mp_crash_install_for_thread(void) {
  crash_state *state = atomic_load_explicit(&shared_state, memory_order_acquire);
  if (!state) return;
  stack_t current;
  if (sigaltstack(NULL, &current) != 0 || !(current.ss_flags & SS_DISABLE)) return;
  size_t size;
  uint8_t *mapping = map_stack(0, &size);
  if (!mapping) return;
  if (pthread_setspecific(state->thread_stack_key, mapping) != 0) {
    munmap(mapping, size);
    return;
  }
  use_stack(mapping + page_size());
}

static void release_thread_stack(void *mapping) {
  stack_t disabled = {.ss_flags = SS_DISABLE};
  sigaltstack(&disabled, NULL);
  munmap(mapping, page_size() + alternate_stack_size);
}

void mp_crash_uninstall(void) {
  crash_state *state = atomic_load_explicit(&shared_state, memory_order_acquire);
  if (!state) return;
  for (int i = 0; i < crash_signal_count; i++) {
    struct sigaction action;
    if (sigaction(crash_signals[i], NULL, &action) == 0 && (action.sa_flags & SA_SIGINFO) &&
        action.sa_sigaction == on_crash)
      set_default(crash_signals[i]);
  }
  if (stderr == state->tee && state->former_stderr) stderr = state->former_stderr;
}
