#include "mp_system.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// Older headers lack these; the numbers are the kernel's ABI.
#ifndef P_PIDFD
#define P_PIDFD 3
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef PIDFD_SIGNAL_PROCESS_GROUP
#define PIDFD_SIGNAL_PROCESS_GROUP (1 << 2)
#endif

static int result(long value) { return value < 0 ? -errno : (int)value; }

static struct timespec seconds(int64_t nanoseconds) {
  return (struct timespec){.tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000};
}

int mp_gettid(void) { return (int)syscall(SYS_gettid); }

int mp_pidfd_open(pid_t pid) { return result(syscall(SYS_pidfd_open, pid, 0)); }

int mp_pidfd_send_signal(int pidfd, int signal) {
  return result(syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0));
}

int mp_pidfd_signal_group(int pidfd, int signal) {
  return result(syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, PIDFD_SIGNAL_PROCESS_GROUP));
}

int mp_fifo_has_writer(int fifo) {
  // Something to read, or the end: somebody is there, or has been.
  struct pollfd entry = {.fd = fifo, .events = POLLIN};
  int ready = poll(&entry, 1, 0);
  if (ready) return result(ready);
  int scratch[2];
  if (pipe2(scratch, O_CLOEXEC) < 0) return -errno;
  // Takes nothing out. Of an empty FIFO that has a writer there may be more to come; without one this is its end.
  ssize_t copied = tee(fifo, scratch[1], 1, SPLICE_F_NONBLOCK);
  int error = copied < 0 ? errno : 0;
  close(scratch[0]);
  close(scratch[1]);
  return error && error != EAGAIN ? -error : copied != 0;
}

static int64_t microseconds(struct timeval time) { return (int64_t)time.tv_sec * 1000000 + time.tv_usec; }

int mp_pidfd_reap(int pidfd, mp_exit_status *status) {
  memset(status, 0, sizeof *status);
  siginfo_t info = {0};
  struct rusage usage = {0};
  // glibc's waitid() drops the fifth argument, the child's own resource usage.
  if (syscall(SYS_waitid, P_PIDFD, pidfd, &info, WEXITED | WNOHANG, &usage) < 0) return -errno;
  if (info.si_pid == 0) return 0;
  status->ended = true;
  status->signaled = info.si_code != CLD_EXITED;
  status->code = info.si_status;
  status->user_time = microseconds(usage.ru_utime);
  status->system_time = microseconds(usage.ru_stime);
  status->peak_memory = (int64_t)usage.ru_maxrss * 1024;
  status->minor_faults = usage.ru_minflt;
  return 0;
}

// struct pidfd_info of linux/pidfd.h, newer than the headers this is built with.
struct process_information {
  uint64_t mask, cgroup;
  uint32_t pid, tgid, ppid, ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
  int32_t exit_code;
};
#define EXIT_INFORMATION (1u << 3)

int mp_pidfd_wait(int pidfd) {
  siginfo_t info;
  return result(syscall(SYS_waitid, P_PIDFD, pidfd, &info, WEXITED | WNOWAIT, NULL));
}

int mp_pidfd_exit_info(int pidfd, mp_exit_status *status) {
  memset(status, 0, sizeof *status);
  struct process_information info;
  // Somebody else's reaping takes a moment, in which the process is nobody's child any more, and the kernel has not noted yet how it
  // ended, or does not find it (ESRCH).
  for (int patience = 200;; patience--) {
    info = (struct process_information){.mask = EXIT_INFORMATION};
    int error = ioctl(pidfd, _IOWR(0xFF, 11, struct process_information), &info) < 0 ? errno : 0;
    if (error && error != ESRCH) return -error;
    if (!error && info.mask & EXIT_INFORMATION) break;
    if (patience == 0) return -ENODATA;
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  }
  status->ended = true;
  status->signaled = WIFSIGNALED(info.exit_code);
  status->code = status->signaled ? WTERMSIG(info.exit_code) : WEXITSTATUS(info.exit_code);
  return 0;
}

int mp_pipe(int descriptors[2]) { return result(pipe2(descriptors, O_CLOEXEC)); }

int mp_packet_pair(int descriptors[2]) {
  return result(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, descriptors));
}

int mp_event_descriptor(uint32_t count) { return result(eventfd(count, EFD_CLOEXEC | EFD_NONBLOCK)); }

int mp_pipe_capacity(int descriptor) { return result(fcntl(descriptor, F_GETPIPE_SZ)); }

void mp_close_range(unsigned first, unsigned last) {
  if (first > last || syscall(SYS_close_range, first, last, 0) == 0) return;
  // close_range(2) came with Linux 5.9.
  struct rlimit limit = {.rlim_cur = 1 << 20};
  getrlimit(RLIMIT_NOFILE, &limit);
  for (rlim_t number = first; number <= last && number < limit.rlim_cur && number < 1 << 20; number++)
    syscall(SYS_close, (int)number);
}

int mp_poll(struct pollfd *entries, size_t count, int64_t nanoseconds) {
  struct timespec time = seconds(nanoseconds);
  return result(ppoll(entries, count, nanoseconds < 0 ? NULL : &time, NULL));
}

int mp_memfd_create(const char *name) { return result(memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING)); }

int mp_memfd_seal(int descriptor) {
  return result(fcntl(descriptor, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL));
}

int mp_memfd_is_sealed(int descriptor) {
  int seals = fcntl(descriptor, F_GET_SEALS);
  if (seals < 0) return -errno;
  return (seals & F_SEAL_SHRINK) && (seals & F_SEAL_WRITE);
}

int mp_memfd_fix_size(int descriptor) {
  return result(fcntl(descriptor, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL));
}

int mp_memfd_has_fixed_size(int descriptor) {
  int seals = fcntl(descriptor, F_GET_SEALS);
  if (seals < 0) return -errno;
  return (seals & F_SEAL_SHRINK) != 0;
}

int mp_reserve_range(int descriptor, int64_t offset, int64_t length) {
  return result(fallocate(descriptor, 0, offset, length));
}

int mp_release_range(int descriptor, int64_t offset, int64_t length) {
  return result(fallocate(descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length));
}

static int futex_wait(const void *word, int operation, uint32_t expected, int64_t nanoseconds) {
  struct timespec time = seconds(nanoseconds);
  return result(syscall(SYS_futex, word, operation, expected, nanoseconds < 0 ? NULL : &time, NULL, 0));
}

static int futex_wake(const void *word, int operation, int count) {
  return result(syscall(SYS_futex, word, operation, count, NULL, NULL, 0));
}

int mp_futex_wait(const void *word, uint32_t expected, int64_t nanoseconds) {
  return futex_wait(word, FUTEX_WAIT_PRIVATE, expected, nanoseconds);
}

int mp_futex_wake(const void *word, int count) { return futex_wake(word, FUTEX_WAKE_PRIVATE, count); }

int mp_shared_futex_wait(const void *word, uint32_t expected, int64_t nanoseconds) {
  return futex_wait(word, FUTEX_WAIT, expected, nanoseconds);
}

int mp_shared_futex_wake(const void *word, int count) { return futex_wake(word, FUTEX_WAKE, count); }

int mp_affinity_count(void) {
  cpu_set_t set;
  // Fails on machines with more than 1,024 processors, which the fixed-size set cannot name.
  return sched_getaffinity(0, sizeof set, &set) < 0 ? -errno : CPU_COUNT(&set);
}

const char *mp_signal_name(int signal) { return sigabbrev_np(signal); }

ssize_t mp_receive_packet(int socket, void *buffer, size_t capacity) {
  // MSG_TRUNC: the answer is the packet's whole length, so that one longer than the buffer is noticed.
  ssize_t length = recv(socket, buffer, capacity, MSG_DONTWAIT | MSG_TRUNC);
  return length < 0 ? -errno : length;
}

int mp_peek_descriptor(int socket) {
  char byte;
  struct iovec part = {.iov_base = &byte, .iov_len = 1};
  _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {0};
  // Room for one descriptor: CMSG_SPACE, rounded up, would take a second one in.
  struct msghdr message = {
    .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_LEN(sizeof(int))};
  if (recvmsg(socket, &message, MSG_DONTWAIT | MSG_PEEK | MSG_CMSG_CLOEXEC) < 0) return -errno;
  struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
  // The kernel leaves the descriptor out, and says so, when the table is full.
  if (!rights) return message.msg_flags & MSG_CTRUNC ? -EMFILE : -EBADMSG;
  if (rights->cmsg_level != SOL_SOCKET || rights->cmsg_type != SCM_RIGHTS) return -EBADMSG;
  int received;
  memcpy(&received, CMSG_DATA(rights), sizeof(int));
  return received;
}

void mp_write_line(const char *line, size_t size) {
  struct pollfd entry = {.fd = STDERR_FILENO, .events = POLLOUT};
  if (poll(&entry, 1, 1000) != 1 || !(entry.revents & POLLOUT)) return;
  mp_write_quietly(STDERR_FILENO, line, size < PIPE_BUF ? size : PIPE_BUF);
}

ssize_t mp_read_available(int descriptor, void *buffer, size_t capacity) {
  struct iovec part = {.iov_base = buffer, .iov_len = capacity};
  ssize_t count = preadv2(descriptor, &part, 1, -1, RWF_NOWAIT);
  if (count >= 0) return count;
  if (errno != EOPNOTSUPP) return -errno;
  // A terminal, or a pipe before Linux 6.4: nobody else reads from it between the two calls.
  struct pollfd entry = {.fd = descriptor, .events = POLLIN};
  int ready = poll(&entry, 1, 0);
  if (ready <= 0) return ready < 0 ? -errno : -EAGAIN;
  count = read(descriptor, buffer, capacity);
  return count < 0 ? -errno : count;
}

ssize_t mp_write_quietly(int descriptor, const void *bytes, size_t count) {
  sigset_t broken_pipe, before, pending;
  sigemptyset(&broken_pipe);
  sigaddset(&broken_pipe, SIGPIPE);
  sigpending(&pending);
  pthread_sigmask(SIG_BLOCK, &broken_pipe, &before);
  ssize_t written = write(descriptor, bytes, count);
  if (written < 0) written = -errno;
  // A SIGPIPE of this write is taken back; one that waited before stays.
  if (written == -EPIPE && !sigismember(&pending, SIGPIPE))
    sigtimedwait(&broken_pipe, NULL, &(struct timespec){0});
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return written;
}

uint64_t mp_file_identity(int descriptor) {
  struct stat status;
  return fstat(descriptor, &status) < 0 ? 0 : status.st_ino;
}

// Called through pointers, which the linker fills in when the program starts: neither can be rehearsed.
static int (*const volatile register_exit_handler)(void (*)(int, void *), void *) = on_exit;
static void (*const volatile leave)(int) = _exit;

int mp_on_exit(void (*handler)(int status, void *context)) {
  return register_exit_handler(handler, NULL) == 0 ? 0 : -ENOMEM;
}

void mp_leave(int code) {
  leave(code);
  __builtin_unreachable();
}

int mp_limit_cpu_time(int64_t nanoseconds) {
  // RLIMIT_CPU counts whole seconds; a timer on the process' own clock is exact. The limit stands behind it
  // for a program that handles or blocks SIGXCPU.
  timer_t timer;
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGXCPU};
  if (timer_create(CLOCK_PROCESS_CPUTIME_ID, &event, &timer) < 0) return -errno;
  struct timespec used;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  int64_t at = (int64_t)used.tv_sec * 1000000000 + used.tv_nsec + (nanoseconds > 0 ? nanoseconds : 1);
  struct itimerspec when = {.it_value = seconds(at)};
  if (timer_settime(timer, TIMER_ABSTIME, &when, NULL) < 0) return -errno;
  struct rlimit limit;
  if (getrlimit(RLIMIT_CPU, &limit) < 0) return -errno;
  rlim_t backstop = (rlim_t)(at / 1000000000) + 2;
  if (backstop < limit.rlim_max) limit.rlim_max = backstop;
  if (limit.rlim_cur > limit.rlim_max) limit.rlim_cur = limit.rlim_max;
  return result(setrlimit(RLIMIT_CPU, &limit));
}
