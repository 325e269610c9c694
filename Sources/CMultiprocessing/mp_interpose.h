// Standing in for functions of libc, for the whole program.
#pragma once

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

// A sanitizer interposes the same functions for its own ends.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MP_INTERPOSING_LEFT_OUT 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define MP_INTERPOSING_LEFT_OUT 1
#endif
#endif

// A definition in the program takes precedence over libc's, for shared libraries too, weak or not. Weak and
// aliased, so that comparing the two names tells whether the program's calls really come here: they do not
// where another definition stands before ours, as when the library that holds this code is itself loaded
// after libc.
#define MP_INTERPOSE(name) __attribute__((weak, visibility("default"), alias(name)))

// Whether the environment asks that nothing be done with the calls. For a constructor: later on, the program
// may be changing its environment.
static inline bool mp_interposing_is_off(void) {
  const char *choice = getenv("MULTIPROCESSING_GATE");
  return choice && strcmp(choice, "off") == 0;
}
