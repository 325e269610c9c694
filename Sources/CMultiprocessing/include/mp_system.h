// System calls and macros that the Glibc module does not import. Every function that can fail
// returns a negative errno, so that no caller can lose it to a later call.
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// What the kernel tells of a child that ended; see waitid(2) and getrusage(2).
typedef struct {
  bool ended;             ///< false: it is still running
  bool signaled;          ///< true: `code` is a signal's number
  int32_t code;
  int64_t user_time;      ///< microseconds
  int64_t system_time;    ///< microseconds
  int64_t peak_memory;    ///< bytes, resident
  int64_t minor_faults;
} mp_exit_status;

int mp_gettid(void);
int mp_pidfd_open(pid_t pid);
int mp_pidfd_send_signal(int pidfd, int signal);
/// Sleeps until the child behind `pidfd` has ended, and leaves it to be reaped. -ECHILD when it was reaped meanwhile.
int mp_pidfd_wait(int pidfd);
/// Reaps the child behind `pidfd` if it has ended; never blocks.
int mp_pidfd_reap(int pidfd, mp_exit_status *_Nonnull status);
/// The exit status of a process that somebody else reaped, from kernels that remember it (6.15).
int mp_pidfd_exit_info(int pidfd, mp_exit_status *_Nonnull status);

int mp_pipe(int descriptors[_Nonnull 2]);
/// A connected pair of sequenced-packet unix sockets: message boundaries kept, nothing torn.
int mp_packet_pair(int descriptors[_Nonnull 2]);
int mp_event_descriptor(uint32_t count);
/// The bytes an empty pipe takes without blocking.
int mp_pipe_capacity(int descriptor);
/// Closes the open ones among these numbers, the last one included. Makes system calls, and no more.
void mp_close_range(unsigned first, unsigned last);
/// write(2) that raises no SIGPIPE: -EPIPE when nobody reads. Never blocks where the descriptor does not.
ssize_t mp_write_quietly(int descriptor, const void *_Nullable bytes, size_t count);
/// read(2) that never blocks, whatever the descriptor does: -EAGAIN when there is nothing.
ssize_t mp_read_available(int descriptor, void *_Nullable buffer, size_t capacity);
/// Signals the process group that the process behind `pidfd` leads, whether that has ended or not. -EINVAL before Linux 6.9.
int mp_pidfd_signal_group(int pidfd, int signal);
/// 1 when a FIFO that is open for reading has a writer, or has had one since; else 0. Does not block, and leaves what is in it.
int mp_fifo_has_writer(int fifo);
/// ppoll(2) with the signal mask as it is; `nanoseconds` < 0 waits for ever.
int mp_poll(struct pollfd *_Nonnull entries, size_t count, int64_t nanoseconds);

int mp_memfd_create(const char *_Nonnull name);
int mp_memfd_seal(int descriptor);
/// Fixes the length of a memory file for ever; its bytes can still be written.
int mp_memfd_fix_size(int descriptor);
/// 1 when nobody can shorten the memory file any more, else 0.
int mp_memfd_has_fixed_size(int descriptor);
/// Gives a range of a file's memory back to the system; it reads as zeroes then.
int mp_release_range(int descriptor, int64_t offset, int64_t length);
/// Reserves a range of a file: -ENOSPC now rather than SIGBUS later.
int mp_reserve_range(int descriptor, int64_t offset, int64_t length);
/// 1 when nobody can shrink or write the memory any more, else 0.
int mp_memfd_is_sealed(int descriptor);

/// Waits while `*word == expected`; `nanoseconds` < 0 waits for ever. 0, -EAGAIN, -EINTR or -ETIMEDOUT.
int mp_futex_wait(const void *_Nonnull word, uint32_t expected, int64_t nanoseconds);
int mp_futex_wake(const void *_Nonnull word, int count);

/// The same for a word in memory that several processes share.
int mp_shared_futex_wait(const void *_Nonnull word, uint32_t expected, int64_t nanoseconds);
int mp_shared_futex_wake(const void *_Nonnull word, int count);

/// For the body of a loop that waits for another processor.
static inline void mp_relax(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/// The processors in this process' affinity mask, or a negative errno.
int mp_affinity_count(void);
/// "KILL", or null for a number without a name.
const char *_Nullable mp_signal_name(int signal);

/// Never blocks. The packet's whole length, 0 at the end of the stream.
ssize_t mp_receive_packet(int socket, void *_Nullable buffer, size_t capacity);
/// The descriptor that comes with the next packet, which stays in the queue: -EMFILE loses nothing.
int mp_peek_descriptor(int socket);

/// Writes out what `stdout` and `stderr` hold, unless another thread is using them this moment.
void mp_flush_standard_streams(void);
/// The same for `stdout` alone, at the cost of a look at it where it holds nothing: `stderr` holds nothing unless somebody has made it.
void mp_flush_output(void);
/// Forgets what any stdio stream holds unwritten: it is the parent's to write. For a child, single-threaded.
void mp_purge_streams(void);
/// Writes out every stdio stream. A stream that another thread keeps locked is given up after a while.
void mp_flush_streams(void);
/// Binds what the functions above call; see `mp_launch_rehearse`.
void mp_rehearse_streams(void);
/// _exit(2), bound by the linker at the start of the program rather than at the first call, which is a child's last.
_Noreturn void mp_leave(int code);

/// Writes a line of up to PIPE_BUF bytes to standard error, unless nobody makes room for it within a second. A reader that is
/// gone raises no SIGPIPE.
void mp_write_line(const char *_Nonnull line, size_t size);
/// A number that tells an open file from every other one that is open; 0 when there is none.
uint64_t mp_file_identity(int descriptor);

/// exit(3) in this process calls `handler` with its status first, ahead of anything registered before.
int mp_on_exit(void (*_Nonnull handler)(int status, void *_Nullable context));

/// Ends the process with SIGXCPU once it has used that much processor time.
int mp_limit_cpu_time(int64_t nanoseconds);
