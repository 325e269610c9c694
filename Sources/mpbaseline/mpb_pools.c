// Two workers that square numbers, or take in long messages.
#include "mpb_ring.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WORKERS = 2, LARGEST_CHUNK = 64, END = -1 };

typedef struct {
  int64_t number, square;
} task;

/// A pipe of tasks and a pipe of results that the workers share.
typedef struct {
  int tasks, results;
  pid_t workers[WORKERS];
} pipe_pool;

static void work_off(int tasks, int results, size_t chunk) {
  task batch[LARGEST_CHUNK];
  size_t size = chunk * sizeof(task);
  ssize_t length;
  // A read of less than the pipe holds is whole, as are writes of less than a page, with all batches of one size.
  while ((length = read(tasks, batch, size)) == (ssize_t)size) {
    for (size_t each = 0; each < chunk; each++) batch[each].square = batch[each].number * batch[each].number;
    mpb_write(results, batch, size);
  }
  _exit(length != 0);
}

static pipe_pool open_pipe_pool(size_t chunk) {
  pipe_pool pool;
  int tasks[2], results[2];
  mpb_pipe(tasks);
  mpb_pipe(results);
  for (int each = 0; each < WORKERS; each++) {
    pool.workers[each] = mpb_fork(true);
    if (pool.workers[each] != 0) continue;
    close(tasks[1]);
    close(results[0]);
    work_off(tasks[0], results[1], chunk);
  }
  close(tasks[0]);
  close(results[1]);
  pool.tasks = tasks[1];
  pool.results = results[0];
  return pool;
}

static void close_pipe_pool(pipe_pool *pool) {
  close(pool->tasks);
  for (int each = 0; each < WORKERS; each++) mpb_join(pool->workers[each]);
  close(pool->results);
}

static void there_and_back(void *context) {
  pipe_pool *pool = context;
  task one = {.number = 3};
  mpb_write(pool->tasks, &one, sizeof one);
  mpb_read(pool->results, &one, sizeof one);
  MPB_REQUIRE(one.square == 9);
}

double mpb_pool_latency(const mpb_baseline *baseline) {
  pipe_pool pool = open_pipe_pool(1);
  double median = mpb_median_time(baseline->count, there_and_back, &pool);
  close_pipe_pool(&pool);
  return median;
}

/// Batches of `how` tasks, as many under way as half of a pipe holds, so that no write ever waits.
double mpb_pool_pipes(const mpb_baseline *baseline) {
  long chunk = baseline->how, batches = baseline->count / chunk, sent = 0;
  size_t size = (size_t)chunk * sizeof(task);
  long most = 32768 / (long)size < 512 ? 32768 / (long)size : 512;
  task batch[LARGEST_CHUNK];
  bool is_right = true;
  pipe_pool pool = open_pipe_pool((size_t)chunk);
  double start = mpb_now();
  for (long received = 0; received < batches; received++) {
    for (; sent < batches && sent - received < most; sent++) {
      for (long each = 0; each < chunk; each++) batch[each] = (task){.number = sent * chunk + each};
      mpb_write(pool.tasks, batch, size);
    }
    mpb_read(pool.results, batch, size);
    for (long each = 0; each < chunk; each++) is_right &= batch[each].square == batch[each].number * batch[each].number;
  }
  double time = mpb_now() - start;
  MPB_REQUIRE(is_right);
  close_pipe_pool(&pool);
  return (double)(batches * chunk) / time;
}

/// As long as a message.
typedef union {
  task one;
  unsigned char bytes[MPB_MESSAGE];
} task_message;

/// A ring there and a ring back for each worker, and the tasks in turn.
double mpb_pool_rings(const mpb_baseline *baseline) {
  enum { MOST = 2048, BURST = 512 };
  mpb_ring *rings[2 * WORKERS];
  mpb_ring_end tasks[WORKERS], results[WORKERS];
  pid_t workers[WORKERS];
  task_message message = {.bytes = {0}};
  for (int each = 0; each < WORKERS; each++) {
    tasks[each] = mpb_ring_end_of(rings[each] = mpb_ring_new());
    results[each] = mpb_ring_end_of(rings[WORKERS + each] = mpb_ring_new());
    workers[each] = mpb_fork(true);
    if (workers[each] != 0) continue;
    for (;;) {
      mpb_ring_pop(&tasks[each], &message);
      if (message.one.number == END) _exit(0);
      message.one.square = message.one.number * message.one.number;
      mpb_ring_push(&results[each], &message);
    }
  }
  long sent = 0, received = 0;
  bool is_right = true;
  double start = mpb_now();
  while (received < baseline->count) {
    for (; sent < baseline->count && sent - received < MOST; sent++) {
      message.one.number = sent;
      mpb_ring_push(&tasks[sent % WORKERS], &message);
    }
    for (int each = 0; each < BURST && received < sent; each++, received++) {
      mpb_ring_pop(&results[received % WORKERS], &message);
      is_right &= message.one.number == received && message.one.square == received * received;
    }
  }
  double time = mpb_now() - start;
  MPB_REQUIRE(is_right);
  for (int each = 0; each < WORKERS; each++) {
    message.one.number = END;
    mpb_ring_push(&tasks[each], &message);
    mpb_join(workers[each]);
    mpb_ring_free(rings[each]);
    mpb_ring_free(rings[WORKERS + each]);
  }
  return (double)baseline->count / time;
}

static void measure_blobs(int blobs, int lengths) {
  char *blob = malloc(MPB_MEBIBYTE);
  uint64_t length;
  ssize_t read_now;
  while ((read_now = read(blobs, &length, sizeof length)) == sizeof length) {
    mpb_read(blobs, blob, length);
    mpb_write(lengths, &length, sizeof length);
  }
  _exit(read_now != 0);
}

/// A pipe to each worker, `count` messages of 1 MiB in turn, and their lengths back.
double mpb_pool_blobs(const mpb_baseline *baseline) {
  int blobs[WORKERS][2], lengths[2];
  pid_t workers[WORKERS];
  char *bytes = mpb_touched((size_t)baseline->count * MPB_MEBIBYTE);
  uint64_t length = MPB_MEBIBYTE;
  mpb_pipe(lengths);
  for (int each = 0; each < WORKERS; each++) {
    mpb_pipe(blobs[each]);
    MPB_REQUIRE(fcntl(blobs[each][1], F_SETPIPE_SZ, MPB_MEBIBYTE) > 0);
    workers[each] = mpb_fork(true);
    if (workers[each] != 0) continue;
    for (int other = 0; other <= each; other++) close(blobs[other][1]);
    measure_blobs(blobs[each][0], lengths[1]);
  }
  double start = mpb_now();
  for (long each = 0; each < baseline->count; each++) {
    int pipe = blobs[each % WORKERS][1];
    mpb_write(pipe, &length, sizeof length);
    mpb_write(pipe, bytes + (size_t)each * MPB_MEBIBYTE, MPB_MEBIBYTE);
  }
  for (long each = 0; each < baseline->count; each++) {
    mpb_read(lengths[0], &length, sizeof length);
    MPB_REQUIRE(length == MPB_MEBIBYTE);
  }
  double time = mpb_now() - start;
  for (int each = 0; each < WORKERS; each++) {
    close(blobs[each][0]);
    close(blobs[each][1]);
  }
  for (int each = 0; each < WORKERS; each++) mpb_join(workers[each]);
  for (int each = 0; each < 2; each++) close(lengths[each]);
  return (double)baseline->count / 1024 / time;
}
