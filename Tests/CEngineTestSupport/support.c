#include "CEngineTestSupport.h"

#undef NDEBUG
#include <assert.h>
#include <linux/futex.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

typedef struct {
  void (*body)(void *context);
  void *context;
  pid_t pid;
} fork_request;

static void *fork_thread(void *opaque) {
  fork_request *request = opaque;
  request->pid = fork();
  if (request->pid == 0) {
    for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
    request->body(request->context);
    _exit(0);
  }
  return NULL;
}

pid_t ets_fork(void (*body)(void *context), void *context) {
  fork_request request = {body, context, -1};
  pthread_attr_t attributes;
  pthread_t thread;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 8 << 20);
  if (pthread_create(&thread, &attributes, fork_thread, &request) == 0) pthread_join(thread, NULL);
  pthread_attr_destroy(&attributes);
  return request.pid;
}

pid_t ets_plain_fork(void) { return fork(); }

size_t ets_heap_in_use(void) { return mallinfo2().uordblks; }

void ets_corrupt_heap(void) {
  volatile size_t *block = malloc(4000);
  if (block) block[-1] = 0x7777;
  free((void *)block);
}

size_t ets_length(const char *text) { return strlen(text); }

void ets_call(void (*function)(void)) {
  void (*volatile target)(void) = function;
  target();
  // Keeps the call from becoming a jump.
  __asm__ volatile("");
}

void ets_assert_positive(int value) { assert(value > 0); }

void ets_trap_without_stack(void) {
#if defined(__x86_64__)
  __asm__ volatile("mov $0x1000, %rsp\n mov $0x1000, %rbp\n ud2");
#elif defined(__aarch64__)
  __asm__ volatile("mov x29, #0x1000\n mov sp, x29\n udf #0");
#endif
}

void ets_breakpoint(void) {
#if defined(__x86_64__)
  __asm__ volatile("int3");
#else
  raise(SIGTRAP);
#endif
}

void ets_lock_stderr(void) { flockfile(stderr); }

int ets_stderr_descriptor(void) { return fileno(stderr); }

bool ets_write_stderr(const char *bytes, size_t count) { return fwrite(bytes, 1, count, stderr) == count; }

bool ets_reopen_stderr(const char *path) { return freopen(path, "w", stderr) != NULL; }

bool ets_word_stays_held(int owner) {
  unsigned word = (unsigned)owner;
  const struct timespec long_ago = {0};
  return syscall(SYS_futex, &word, FUTEX_LOCK_PI_PRIVATE, 0, &long_ago, NULL, 0) != 0 &&
         (word & FUTEX_TID_MASK) == (unsigned)owner;
}
