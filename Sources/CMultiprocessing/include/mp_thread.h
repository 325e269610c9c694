// What belongs to one thread: its number, its name for the system, and one object.
#pragma once

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

/// The object of the calling thread; null at first, and for the first thread of a child.
void *_Nullable mp_thread_object(void);

void mp_thread_set_object(void *_Nullable object);
/// Calls `release` with the object that is there when the thread ends or calls exit(3); not for the program's first thread: what runs at
/// the program's end may look for its object still. Once for each thread.
void mp_thread_release_at_end(void (*_Nonnull release)(void *_Nonnull object));

/// The name that debuggers and top(1) show for the calling thread; the system keeps 15 bytes.
void mp_thread_set_name(const char *_Nonnull name);
/// The name of the calling thread in `name`, which has room for 16 bytes.
void mp_thread_get_name(char *_Nonnull name);

/// Starts a thread; somebody has to join or to detach it. `stack_size` in bytes, 0: the system's. 0 or an errno.
int mp_thread_start(pthread_t *_Nonnull thread, void *_Nullable (*_Nonnull body)(void *_Nullable context),
                    void *_Nullable context, size_t stack_size);
