#include "mp_names.h"

#include "mp_system.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

// The bytes of the register that locks stand for: of an open file description each, fcntl(2).
enum { FAMILY, GUARDIAN };

static int lock(int descriptor, int operation, int byte, short type) {
  struct flock region = {.l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
  return fcntl(descriptor, operation, &region) < 0 ? -errno : 0;
}

/// The same file by an open file description of its own, and so with locks of its own.
static int reopen(int descriptor) {
  char path[32];
  snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
  int own = open(path, O_RDWR | O_CLOEXEC);
  return own < 0 ? -errno : own;
}

/// Removes whatever files the register lists. The names come from memory that all of the family could write to: one that does not
/// stand for the file beside it is left alone.
static void remove_names(int descriptor) {
  uint64_t count = 0;
  if (pread(descriptor, &count, sizeof count, MP_REGISTER_COUNT) != sizeof count) return;
  mp_name_entry entry;
  off_t place = MP_REGISTER_ENTRIES;
  for (; count > 0 && pread(descriptor, &entry, sizeof entry, place) == sizeof entry; count--) {
    place += sizeof entry;
    entry.name[MP_NAME_LENGTH] = 0;
    if (!strchr(entry.name, '/')) mp_name_remove(entry.name, entry.device, entry.number);
  }
}

// MARK: The end of the first process

static int family = -1;  // the register, in the process that founded the family
static void *family_address;
static size_t family_length;
static pid_t founder;

int mp_family_found(int descriptor, void *address, size_t length) {
  int error = lock(descriptor, F_OFD_SETLK, FAMILY, F_RDLCK);
  if (error) return error;
  family = descriptor;
  family_address = address;
  family_length = length;
  founder = getpid();
  return 0;
}

/// After the last exit handler: a family that ends in order leaves nothing behind even for the moment the guardian would need. Not
/// reached by `_exit`, with which every child ends.
__attribute__((destructor)) static void end_family(void) {
  if (family < 0 || founder != getpid()) return;
  int own = reopen(family);
  if (own < 0) return;
  // A mapping holds on to the open file description as the number does: with both replaced, this process is no member any more.
  // Other threads that still run find the register where it was.
  const int access = PROT_READ | PROT_WRITE;
  if (mmap(family_address, family_length, access, MAP_SHARED | MAP_FIXED, own, 0) == MAP_FAILED) return;
  if (dup3(own, family, O_CLOEXEC) < 0) return;
  if (lock(family, F_OFD_SETLK, FAMILY, F_WRLCK) == 0) remove_names(family);
}

// MARK: The guardian

/// fork(2) without the handlers of pthread_atfork(3), and without SIGCHLD at the end: the program does not see this child, not
/// even by wait(2). It may make system calls, and no more.
static pid_t fork_bare(void) { return (pid_t)syscall(SYS_clone, 0, NULL, NULL, NULL, NULL); }

static void close_all_but(int one, int other) {
  unsigned low = (unsigned)(one < other ? one : other), high = (unsigned)(one < other ? other : one);
  if (low > 0) mp_close_range(0, low - 1);
  mp_close_range(low + 1, high - 1);
  mp_close_range(high + 1, ~0u);
}

/// What a line of proc_pid_maps(5) says.
typedef struct {
  uintptr_t start, end;
  bool shared, writable, has_file;
} mapping;

static bool parse(char *text, mapping *found) {
  char *next;
  found->start = strtoul(text, &next, 16);
  found->end = strtoul(next + 1, &next, 16);
  // " rwxp 00001000 fd:01 1234 /path": permissions, offset, device, inode.
  found->writable = next[2] == 'w';
  found->shared = next[4] == 's';
  next = strchr(next + 6, ' ');
  if (next) next = strchr(next + 1, ' ');
  if (!next) return false;
  found->has_file = strtoul(next, NULL, 10) != 0;
  return true;
}

static bool holds(mapping place, const void *address) {
  return place.start <= (uintptr_t)address && (uintptr_t)address < place.end;
}

/// Heaps and stacks, rather than the data of a library. A sanitizer's code needs what it has there.
static bool is_private_data(mapping place) {
#ifdef SANITIZED
  return false && place.writable;
#else
  return !place.has_file && place.writable && place.end - place.start >= 1 << 20;
#endif
}

/// Shared memory lives as long as anybody maps it, and a page that the program changes is copied as long as somebody else has it: so
/// the guardian keeps its code, its stack, and what is small. Everything is read before anything goes.
static void drop_memory(void) {
  int maps = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  if (maps < 0) return;
  enum { MOST = 1024 };
  mapping spare[MOST];
  char text[8192];
  size_t held = 0, found = 0;
  ssize_t count;
  while ((count = read(maps, text + held, sizeof text - 1 - held)) > 0) {
    held += (size_t)count;
    text[held] = 0;
    char *line = text;
    for (char *end; (end = strchr(line, '\n')); line = end + 1) {
      *end = 0;
      mapping next;
      if (!parse(line, &next) || found == MOST) continue;
      // The thread's own storage lies beside `errno`.
      bool is_used = holds(next, text) || holds(next, &errno);
      if (!is_used && (next.shared || is_private_data(next))) spare[found++] = next;
    }
    held = (size_t)(text + held - line);
    memmove(text, line, held);
  }
  close(maps);
  for (size_t i = 0; i < found; i++) munmap((void *)spare[i].start, spare[i].end - spare[i].start);
}

/// The dynamic linker binds a function at its first call, by tables that lie on the heap: so this calls what `guard` calls after it
/// has let go of that.
static void rehearse(int own, int ready) {
  char byte;
  if (pread(own, &byte, 1, 0) < 0 || write(ready, "", 0) < 0 || unlink("") < 0) {}
  close(-1);
  mp_name_remove("", 0, 0);
}

static _Noreturn void guard(int own, int ready) {
  // The family's signals, its terminal, its folder, its files and its memory are none of the guardian's.
  setsid();
  prctl(PR_SET_NAME, "mp-guardian");
  if (chdir("/") < 0) {}
  close_all_but(own, ready);
  rehearse(own, ready);
  drop_memory();
  if (write(ready, "", 1) < 0) {}
  close(ready);
  int error;
  while ((error = lock(own, F_OFD_SETLKW, FAMILY, F_WRLCK)) == -EINTR) {}
  if (!error) remove_names(own);
  for (;;) syscall(SYS_exit_group, error != 0);
}

int mp_family_guard(int descriptor) {
  int own = reopen(descriptor);
  if (own < 0) return own;
  int error = lock(own, F_OFD_SETLK, GUARDIAN, F_WRLCK);
  // Refused: it is the living guardian's.
  if (error) {
    close(own);
    return error == -EAGAIN || error == -EACCES ? 0 : error;
  }
  int pipe[2];
  error = mp_pipe(pipe);
  if (error) {
    close(own);
    return error;
  }
  // From here on every signal waits; in the guardian for ever.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pid_t middle = fork_bare();
  if (middle == 0) {
    // Whoever adopts orphans adopts the guardian.
    pid_t guardian = fork_bare();
    if (guardian == 0) guard(own, pipe[1]);
    _exit(guardian < 0 ? errno : 0);
  }
  error = middle < 0 ? -errno : 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  int status = 0;
  while (middle > 0 && waitpid(middle, &status, __WALL) < 0 && errno == EINTR) {}
  if (!error && !WIFEXITED(status)) error = -EAGAIN;
  if (!error) error = -WEXITSTATUS(status);
  // The lock is the guardian's alone now, and ends with it.
  close(own);
  close(pipe[1]);
  // Until it has let go of what it was born with, it is a member of the family itself: should that take long, only the names stay a
  // little longer than the program. An end of file tells that somebody has killed it.
  struct pollfd entry = {.fd = pipe[0], .events = POLLIN};
  char byte;
  if (!error && poll(&entry, 1, 1000) == 1 && read(pipe[0], &byte, 1) != 1) error = -EAGAIN;
  close(pipe[0]);
  return error;
}
