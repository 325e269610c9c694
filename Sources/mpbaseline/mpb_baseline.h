// Work that the library does, done by system calls and memory alone: what it could cost at best on this machine.
#ifndef MPB_BASELINE_H
#define MPB_BASELINE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// Something that is measured, in the terms of mpbench.
typedef struct mpb_baseline {
  const char *bench;
  const char *variant;
  const char *unit;
  /// How many single operations make up a round.
  long count;
  /// What tells the variants of one function apart.
  int how;
  /// Runs a round, and answers one number for it.
  double (*round)(const struct mpb_baseline *baseline);
} mpb_baseline;

// Which processors the two sides of a conversation run on.
enum { MPB_ANYWHERE, MPB_ON_ONE, MPB_ON_TWO };
// What a conversation goes over.
enum { MPB_PIPE = 0, MPB_WIDE_PIPE = 4, MPB_SOCKET = 8 };

double mpb_start_join(const mpb_baseline *baseline);
double mpb_start_faults(const mpb_baseline *baseline);
double mpb_start_arguments(const mpb_baseline *baseline);
double mpb_spawn_true(const mpb_baseline *baseline);
double mpb_spawn_echo(const mpb_baseline *baseline);
double mpb_thread(const mpb_baseline *baseline);
double mpb_ping_pong(const mpb_baseline *baseline);
double mpb_bandwidth(const mpb_baseline *baseline);
double mpb_ring_messages(const mpb_baseline *baseline);
double mpb_shared_copies(const mpb_baseline *baseline);
double mpb_lock_alone(const mpb_baseline *baseline);
double mpb_lock_contended(const mpb_baseline *baseline);
double mpb_pool_latency(const mpb_baseline *baseline);
double mpb_pool_pipes(const mpb_baseline *baseline);
double mpb_pool_rings(const mpb_baseline *baseline);
double mpb_pool_blobs(const mpb_baseline *baseline);

// MARK: Tools

#define MPB_MESSAGE 64
#define MPB_MEBIBYTE (1u << 20)

/// Ends the program, in the parent with a line that says so, unless the call has succeeded.
#define MPB_REQUIRE(condition) ((condition) ? (void)0 : mpb_fail(#condition))
_Noreturn void mpb_fail(const char *what);

/// Seconds on the monotonic clock.
double mpb_now(void);
double mpb_median(double *numbers, long count);
/// The median of single timings, in microseconds, after a few untimed ones.
double mpb_median_time(long count, void (*operation)(void *), void *context);

/// A child that does not outlive its parent, if `bound`.
pid_t mpb_fork(bool bound);
/// Waits for a child, which must exit with 0.
void mpb_join(pid_t pid);
void mpb_pipe(int ends[2]);
void mpb_read(int descriptor, void *bytes, size_t count);
void mpb_write(int descriptor, const void *bytes, size_t count);
/// Memory that children share, all of it touched.
void *mpb_shared(size_t size);
/// Memory of this process alone, all of it touched, in pages of 4 KiB; NULL for none.
void *mpb_touched(size_t size);

/// Keeps this thread on the processor of that number among those it was allowed at first.
void mpb_pin(int number);
/// Undoes it.
void mpb_unpin(void);

/// Waits for the others without a sleep.
void mpb_await(_Atomic int *flag);

#endif
