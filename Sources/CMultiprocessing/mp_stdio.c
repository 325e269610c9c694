// stdio across a fork. fflush(NULL) is not used: it takes the lock of every stream, and would wait for
// ever for a thread that sits in a read of standard input.
#include "mp_system.h"

#include <stdio.h>
#include <stdio_ext.h>
#include <time.h>

// glibc's list of all streams, and the lock that fopen and fclose take to change it.
extern FILE *_IO_list_all;
extern void _IO_list_lock(void);
extern void _IO_list_unlock(void);

static bool flush(FILE *stream) {
  if (ftrylockfile(stream) != 0) return false;
  if (__fpending(stream) > 0) fflush_unlocked(stream);
  funlockfile(stream);
  return true;
}

void mp_flush_standard_streams(void) {
  flush(stdout);
  flush(stderr);
}

void mp_flush_output(void) {
  if (stdout->_IO_write_ptr > stdout->_IO_write_base) flush(stdout);
}

void mp_purge_streams(void) {
  for (FILE *stream = _IO_list_all; stream; stream = stream->_chain)
    if (__fpending(stream) > 0) __fpurge(stream);
}

void mp_rehearse_streams(void) {
  _IO_list_lock();
  _IO_list_unlock();
  (void)__fpending(stdout);
  if (ftrylockfile(stdout) == 0) funlockfile(stdout);
}

void mp_flush_streams(void) {
  const struct timespec pause = {.tv_nsec = 1000000};
  _IO_list_lock();
  for (FILE *stream = _IO_list_all; stream; stream = stream->_chain)
    for (int attempt = 0; !flush(stream) && attempt < 1000; attempt++) {
      if (__fpending(stream) == 0) break;
      nanosleep(&pause, NULL);
    }
  _IO_list_unlock();
}
