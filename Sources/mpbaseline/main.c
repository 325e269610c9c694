// The C side of mpbench --compare. A program of its own, and a small one: a fork copies whatever its parent has mapped.
#include "mpb_baseline.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const mpb_baseline baselines[] = {
  {"start_join", "touched 0 MiB", "us", 500, 0, mpb_start_join},
  {"start_join", "touched 64 MiB", "us", 100, 64, mpb_start_join},
  {"start_join", "touched 512 MiB", "us", 20, 512, mpb_start_join},
  {"start_faults", "", "faults", 100, 0, mpb_start_faults},
  {"start_args_result", "", "us", 500, 0, mpb_start_arguments},
  {"spawn_true", "touched 0 MiB", "us", 200, 0, mpb_spawn_true},
  {"spawn_true", "touched 512 MiB", "us", 200, 512, mpb_spawn_true},
  {"spawn_echo_capture", "", "us", 200, 0, mpb_spawn_echo},
  {"thread_start_join", "", "us", 5000, 0, mpb_thread},
  {"pingpong_pipe", "", "us", 10000, MPB_PIPE | MPB_ANYWHERE, mpb_ping_pong},
  {"pingpong_pipe", "both on cpu 0", "us", 10000, MPB_PIPE | MPB_ON_ONE, mpb_ping_pong},
  {"pingpong_pipe", "cpu 0 and cpu 1", "us", 10000, MPB_PIPE | MPB_ON_TWO, mpb_ping_pong},
  {"pingpong_socketpair", "", "us", 10000, MPB_SOCKET | MPB_ANYWHERE, mpb_ping_pong},
  {"pingpong_socketpair", "both on cpu 0", "us", 10000, MPB_SOCKET | MPB_ON_ONE, mpb_ping_pong},
  {"pingpong_socketpair", "cpu 0 and cpu 1", "us", 10000, MPB_SOCKET | MPB_ON_TWO, mpb_ping_pong},
  {"bandwidth_pipe", "64 KiB pipe", "GiB/s", 1024, MPB_PIPE, mpb_bandwidth},
  {"bandwidth_pipe", "1 MiB pipe", "GiB/s", 1024, MPB_WIDE_PIPE, mpb_bandwidth},
  {"bandwidth_socketpair", "", "GiB/s", 1024, MPB_SOCKET, mpb_bandwidth},
  {"queue_1p1c", "ring in shared memory", "msgs/s", 2000000, 0, mpb_ring_messages},
  {"bandwidth_shm", "", "GiB/s", 1024, 0, mpb_shared_copies},
  {"lock_uncontended", "robust mutex", "ns", 1000000, 1, mpb_lock_alone},
  {"lock_contended_2", "mutex", "ops/s", 0, 0, mpb_lock_contended},
  {"lock_contended_2", "robust mutex", "ops/s", 0, 1, mpb_lock_contended},
  {"pool_submit_latency", "shared pipes", "us", 5000, 0, mpb_pool_latency},
  {"pool_map_tiny", "chunk 1, shared pipes", "tasks/s", 50000, 1, mpb_pool_pipes},
  {"pool_map_tiny", "chunk 1, shared memory rings", "tasks/s", 500000, 1, mpb_pool_rings},
  {"pool_map_tiny", "chunk 64, shared pipes", "tasks/s", 500000, 64, mpb_pool_pipes},
  {"pool_map_64x1MiB", "pipe per worker", "GiB/s", 64, 0, mpb_pool_blobs},
};

enum { BASELINES = sizeof baselines / sizeof *baselines };

static const mpb_baseline *current;
static pid_t parent;

static void print(const mpb_baseline *baseline, const char *rest) {
  printf("{\"impl\":\"c\",\"bench\":\"%s\",\"variant\":\"%s\",%s}\n", baseline->bench, baseline->variant, rest);
  fflush(stdout);
}

_Noreturn void mpb_fail(const char *what) {
  int error = errno;
  if (current != NULL && getpid() == parent) {
    char rest[256];
    // The conditions of MPB_REQUIRE hold no quotation marks.
    snprintf(rest, sizeof rest, "\"error\":\"failed: %s (errno %d, %s)\"", what, error, strerror(error));
    print(current, rest);
  }
  _exit(1);
}

static void measure(const mpb_baseline *baseline, int rounds) {
  double *numbers = malloc(sizeof(double) * (size_t)rounds);
  current = baseline;
  MPB_REQUIRE(numbers != NULL);
  for (int round = 0; round < rounds; round++) numbers[round] = baseline->round(baseline);
  double median = mpb_median(numbers, rounds);
  char rest[256];
  // The median has sorted them.
  snprintf(
    rest, sizeof rest, "\"median\":%.6g,\"min\":%.6g,\"max\":%.6g,\"unit\":\"%s\",\"n\":%ld,\"rounds\":%d", median,
    numbers[0], numbers[rounds - 1], baseline->unit, baseline->count, rounds);
  print(baseline, rest);
  free(numbers);
}

static bool is_named(const mpb_baseline *baseline, const char *name) {
  size_t length = strlen(baseline->bench);
  if (strncmp(name, baseline->bench, length) != 0) return false;
  if (name[length] == '\0') return baseline->variant[0] == '\0';
  return name[length] == ' ' && strcmp(name + length + 1, baseline->variant) == 0;
}

static int usage(void) {
  fprintf(stderr, "usage: mpbaseline [--rounds N] [\"BENCH VARIANT\" ...]\n");
  for (int each = 0; each < BASELINES; each++) {
    fprintf(stderr, "  \"%s%s%s\"\n", baselines[each].bench, *baselines[each].variant ? " " : "", baselines[each].variant);
  }
  return 2;
}

int main(int count, char **arguments) {
  int rounds = 5, first = 1;
  parent = getpid();
  if (count > 2 && strcmp(arguments[1], "--rounds") == 0) {
    rounds = atoi(arguments[2]);
    first = 3;
  }
  if (rounds < 1) return usage();
  for (int argument = first; argument < count; argument++) {
    int each = 0;
    while (each < BASELINES && !is_named(&baselines[each], arguments[argument])) each++;
    if (each == BASELINES) return usage();
    measure(&baselines[each], rounds);
  }
  for (int each = 0; first == count && each < BASELINES; each++) measure(&baselines[each], rounds);
  return 0;
}
