#include "mp_trace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

int mp_trace_word = MP_TRACE_OFF;
static char *asked_path;
static uint64_t beginning;

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/// The path from the root on: the program may be in another folder when the first event comes, and so may the programs that it runs.
static char *absolute(const char *path) {
  if (path[0] == '/') return strdup(path);
  char *folder = getcwd(NULL, 0), *whole = NULL;
  if (!folder) return strdup(path);
  if (asprintf(&whole, "%s/%s", folder, path) < 0) whole = NULL;
  free(folder);
  return whole;
}

/// Later on, the program may be changing its environment. Nobody may make a program with another user's rights write files.
__attribute__((constructor)) static void look_at_environment(void) {
  const char *path = secure_getenv("MP_TRACE");
  if (!path || !*path) return;
  asked_path = absolute(path);
  if (!asked_path) return;
  setenv("MP_TRACE", asked_path, 1);
  beginning = now();
  mp_trace_set(MP_TRACE_ASKED);
}

void mp_trace_set(int state) { __atomic_store_n(&mp_trace_word, state, __ATOMIC_RELAXED); }
const char *mp_trace_asked_path(void) { return asked_path; }
uint64_t mp_trace_beginning(void) { return beginning; }

bool mp_trace_claim(int descriptor) {
  return flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
}

void mp_trace_share(int descriptor) {
  while (flock(descriptor, LOCK_SH) < 0 && errno == EINTR) {}
}

typedef struct {
  char bytes[512];
  size_t count;
} line;

static void add(line *line, const char *text) {
  while (*text && line->count < sizeof line->bytes) line->bytes[line->count++] = *text++;
}

/// With at least `width` digits.
static void add_number(line *line, uint64_t number, int width) {
  char digits[20];
  int count = 0;
  do digits[count++] = (char)('0' + number % 10);
  while ((number /= 10) > 0);
  while (count < width) digits[count++] = '0';
  while (count > 0 && line->count < sizeof line->bytes) line->bytes[line->count++] = digits[--count];
}

void mp_trace_crash(int signal, int process, int thread) {
  int descriptor = mp_trace_state();
  if (descriptor < 0) return;
  line line = {.count = 0};
  const char *name = sigabbrev_np(signal);
  uint64_t time = now();
  add(&line, "\n{\"name\":\"");
  add(&line, name ? "SIG" : "signal");
  add(&line, name ? name : "");
  add(&line, "\",\"cat\":\"crash\",\"ph\":\"i\",\"s\":\"p\",\"pid\":");
  add_number(&line, (uint64_t)process, 1);
  add(&line, ",\"tid\":");
  add_number(&line, (uint64_t)thread, 1);
  add(&line, ",\"ts\":");
  add_number(&line, time / 1000, 1);
  add(&line, ".");
  add_number(&line, time % 1000, 3);
  add(&line, ",\"args\":{\"signal\":");
  add_number(&line, (uint64_t)signal, 1);
  add(&line, "}},");
  // Whether it succeeds or not, the process ends now.
  if (write(descriptor, line.bytes, line.count) < 0) {}
}
