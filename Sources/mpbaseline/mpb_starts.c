// What a process, a program and a thread cost, from the start to the end that the parent has seen.
#include "mpb_baseline.h"

#include <errno.h>
#include <pthread.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

extern char **environ;

static void fork_exit_wait(void *context) {
  (void)context;
  pid_t pid = mpb_fork(false);
  if (pid == 0) _exit(0);
  mpb_join(pid);
}

/// The median time of `operation` in a process that has touched `how` MiB.
static double median_beside_memory(const mpb_baseline *baseline, void (*operation)(void *)) {
  size_t size = (size_t)baseline->how << 20;
  void *memory = mpb_touched(size);
  double median = mpb_median_time(baseline->count, operation, NULL);
  if (memory != NULL) munmap(memory, size);
  return median;
}

double mpb_start_join(const mpb_baseline *baseline) { return median_beside_memory(baseline, fork_exit_wait); }

static long faults_of_children(void) {
  struct rusage usage;
  MPB_REQUIRE(getrusage(RUSAGE_CHILDREN, &usage) == 0);
  return usage.ru_minflt;
}

double mpb_start_faults(const mpb_baseline *baseline) {
  double faults[baseline->count];
  for (long each = 0; each < baseline->count; each++) {
    long before = faults_of_children();
    fork_exit_wait(NULL);
    faults[each] = (double)(faults_of_children() - before);
  }
  return mpb_median(faults, baseline->count);
}

/// Eight numbers that the child has by the fork, and one that comes back through a pipe.
static void multiply_in_child(void *context) {
  uint64_t *numbers = context, product;
  int ends[2];
  for (int each = 0; each < 8; each++) numbers[each]++;
  mpb_pipe(ends);
  pid_t pid = mpb_fork(false);
  if (pid == 0) {
    product = numbers[0] * numbers[7];
    mpb_write(ends[1], &product, sizeof product);
    _exit(0);
  }
  close(ends[1]);
  mpb_read(ends[0], &product, sizeof product);
  MPB_REQUIRE(product == numbers[0] * numbers[7]);
  close(ends[0]);
  mpb_join(pid);
}

double mpb_start_arguments(const mpb_baseline *baseline) {
  uint64_t numbers[8] = {0, 1, 2, 3, 4, 5, 6, 7};
  return mpb_median_time(baseline->count, multiply_in_child, numbers);
}

static void run_true(void *context) {
  (void)context;
  char *arguments[] = {"/bin/true", NULL};
  pid_t pid;
  MPB_REQUIRE((errno = posix_spawn(&pid, arguments[0], NULL, NULL, arguments, environ)) == 0);
  mpb_join(pid);
}

double mpb_spawn_true(const mpb_baseline *baseline) { return median_beside_memory(baseline, run_true); }

static void capture_echo(void *context) {
  (void)context;
  char *arguments[] = {"/bin/echo", "x", NULL};
  char output[16];
  size_t length = 0;
  ssize_t more;
  int ends[2];
  pid_t pid;
  posix_spawn_file_actions_t actions;
  mpb_pipe(ends);
  MPB_REQUIRE(posix_spawn_file_actions_init(&actions) == 0);
  MPB_REQUIRE(posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO) == 0);
  MPB_REQUIRE((errno = posix_spawn(&pid, arguments[0], &actions, NULL, arguments, environ)) == 0);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  while ((more = read(ends[0], output + length, sizeof output - length)) > 0) length += (size_t)more;
  MPB_REQUIRE(more == 0 && length == 2 && output[0] == 'x');
  close(ends[0]);
  mpb_join(pid);
}

double mpb_spawn_echo(const mpb_baseline *baseline) {
  return mpb_median_time(baseline->count, capture_echo, NULL);
}

static void *nothing(void *argument) { return argument; }

static void create_join(void *context) {
  (void)context;
  pthread_t thread;
  MPB_REQUIRE((errno = pthread_create(&thread, NULL, nothing, NULL)) == 0);
  MPB_REQUIRE((errno = pthread_join(thread, NULL)) == 0);
}

double mpb_thread(const mpb_baseline *baseline) { return mpb_median_time(baseline->count, create_join, NULL); }
