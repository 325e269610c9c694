#include "mpb_baseline.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WARM_UPS = 3 };

double mpb_now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int ascending(const void *left, const void *right) {
  double a = *(const double *)left, b = *(const double *)right;
  return a < b ? -1 : a > b;
}

double mpb_median(double *numbers, long count) {
  qsort(numbers, (size_t)count, sizeof *numbers, ascending);
  return (numbers[(count - 1) / 2] + numbers[count / 2]) / 2;
}

double mpb_median_time(long count, void (*operation)(void *), void *context) {
  double *times = malloc(sizeof(double) * (size_t)count);
  MPB_REQUIRE(times != NULL);
  for (int each = 0; each < WARM_UPS; each++) operation(context);
  for (long each = 0; each < count; each++) {
    double start = mpb_now();
    operation(context);
    times[each] = (mpb_now() - start) * 1e6;
  }
  double median = mpb_median(times, count);
  free(times);
  return median;
}

pid_t mpb_fork(bool bound) {
  pid_t pid = fork();
  MPB_REQUIRE(pid >= 0);
  if (pid == 0 && bound) prctl(PR_SET_PDEATHSIG, SIGKILL);
  return pid;
}

void mpb_join(pid_t pid) {
  int status;
  while (waitpid(pid, &status, 0) < 0) MPB_REQUIRE(errno == EINTR);
  errno = 0;
  MPB_REQUIRE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

void mpb_pipe(int ends[2]) { MPB_REQUIRE(pipe2(ends, O_CLOEXEC) == 0); }

void mpb_read(int descriptor, void *bytes, size_t count) {
  for (char *next = bytes; count > 0;) {
    ssize_t done = read(descriptor, next, count);
    MPB_REQUIRE(done > 0 || (done < 0 && errno == EINTR));
    if (done < 0) continue;
    next += done;
    count -= (size_t)done;
  }
}

void mpb_write(int descriptor, const void *bytes, size_t count) {
  for (const char *next = bytes; count > 0;) {
    ssize_t done = write(descriptor, next, count);
    MPB_REQUIRE(done > 0 || (done < 0 && errno == EINTR));
    if (done < 0) continue;
    next += done;
    count -= (size_t)done;
  }
}

void *mpb_shared(size_t size) {
  void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  MPB_REQUIRE(memory != MAP_FAILED);
  memset(memory, 0, size);
  return memory;
}

void *mpb_touched(size_t size) {
  if (size == 0) return NULL;
  char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  MPB_REQUIRE(memory != MAP_FAILED);
  // A kernel without huge pages answers EINVAL, and has small ones anyway.
  madvise(memory, size, MADV_NOHUGEPAGE);
  for (size_t offset = 0; offset < size; offset += 4096) memory[offset] = 1;
  return memory;
}

static cpu_set_t allowed;
static bool allowed_is_known;

void mpb_pin(int number) {
  if (!allowed_is_known) MPB_REQUIRE(sched_getaffinity(0, sizeof allowed, &allowed) == 0);
  allowed_is_known = true;
  for (int processor = 0; processor < CPU_SETSIZE; processor++) {
    if (!CPU_ISSET(processor, &allowed) || number-- > 0) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(processor, &one);
    MPB_REQUIRE(sched_setaffinity(0, sizeof one, &one) == 0);
    return;
  }
  errno = EINVAL;
  mpb_fail("there are as many processors");
}

void mpb_unpin(void) {
  if (allowed_is_known) MPB_REQUIRE(sched_setaffinity(0, sizeof allowed, &allowed) == 0);
}

void mpb_await(_Atomic int *flag) {
  while (atomic_load_explicit(flag, memory_order_acquire) == 0) sched_yield();
}
