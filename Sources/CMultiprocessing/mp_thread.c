#include "mp_thread.h"

#include <sys/prctl.h>
#include <unistd.h>

static _Thread_local void *object;
static _Thread_local void (*release_object)(void *);

// glibc's way to run something at a thread's end; unlike pthread_key_create(3) it cannot run out of keys.
extern int __cxa_thread_atexit_impl(void (*function)(void *), void *context, void *dso);
extern void *__dso_handle;

void *mp_thread_object(void) { return object; }

static void at_end(void *unused) {
  (void)unused;
  // What is released may look for the thread's object, and make it one anew.
  for (int round = 0; object && round < 4; round++) {
    void *last = object;
    object = NULL;
    release_object(last);
  }
}

void mp_thread_set_object(void *new_object) { object = new_object; }

void mp_thread_release_at_end(void (*release)(void *)) {
  if (release_object || gettid() == getpid()) return;
  release_object = release;
  __cxa_thread_atexit_impl(at_end, NULL, &__dso_handle);
}

void mp_thread_set_name(const char *name) { prctl(PR_SET_NAME, name); }

void mp_thread_get_name(char *name) { prctl(PR_GET_NAME, name); }

int mp_thread_start(pthread_t *thread, void *(*body)(void *), void *context, size_t stack_size) {
  if (!stack_size) return pthread_create(thread, NULL, body, context);
  pthread_attr_t attributes;
  int error = pthread_attr_init(&attributes);
  if (error) return error;
  error = pthread_attr_setstacksize(&attributes, stack_size);
  if (!error) error = pthread_create(thread, &attributes, body, context);
  pthread_attr_destroy(&attributes);
  return error;
}
