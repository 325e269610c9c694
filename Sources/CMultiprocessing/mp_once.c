// Once: set free, in a child, what a thread of the parent was initialising at the fork.
//
// The idea. `swift_once`, which guards lazy globals and much of what the runtime makes at its first use, holds
// a futex word while the initialiser runs: the id of the thread that runs it. Whoever comes meanwhile asks the
// kernel for the word (FUTEX_LOCK_PI), through libc's `syscall`, and asks again until it gets it. In a child
// the thread may be one that only the parent has, and the word is never given back. So the definition below
// takes the place of `syscall`, passes every call on, and in a child answers this one itself when no thread of
// the process has that id: it clears the word and has the caller ask again. The caller finds the word free
// and the initialiser not done, and runs it from its start.
//
// Why that is right. "Done" is stored when the initialiser has returned, so nobody has seen what it makes, and
// nothing of it is relied on. A Swift global's initialiser does not read the storage it fills, and neither do
// the runtime's, which construct a cache or read the environment: what a first run left there is written over,
// and at worst leaks. What an initialiser does elsewhere, it does twice as seen from the child: to memory of
// its own half-way, perhaps, and under locks that the vanished thread holds still. That is the initialiser's
// own affair, as it is for every lock held at a fork.
//
// Which calls. `Synchronization.Mutex` and libdispatch ask for their locks by the very same system call, and
// theirs must stay held: what they protect may be half-changed. So it is the one call instruction in the
// runtime that counts, by its return address. It is found by looking: before the first fork, `swift_once` is
// given a word that nobody holds but that looks contended, and is seen to ask for it. This needs no symbol and
// no library's name, and holds for the shared, the static and a stripped runtime. Should the call not come
// here, the kernel gives the word away, and no child is helped. (libswift_Concurrency has a copy of the code to
// itself. It is not looked for: it waits on behalf of what a child cannot use anyway.)
//
// Which processes. Only children of the launcher. In the parent every owner is alive. In the child of a fork
// of the program's own the runtime may go on writing the *parent's* id for the thread that forked, so "no such
// thread" would be said of one that is running.
//
// Ids come again. A word is taken for held if its owner's id is, in the child, that of another thread. The
// child's threads get fresh ids, none of them in use anywhere while the vanished owner runs on in the parent.
// When it has ended, its id may come again after all others have been used up (32,768 at the least, by
// default), and then for one of the child's own threads: until that ends, the child waits as it would have
// without all this.
//
// The path may run in a signal handler and before any constructor: no allocation, no lock, errno kept.
#include "mp_once.h"

#include "mp_fork.h"
#include "mp_interpose.h"

#if defined(MP_INTERPOSING_LEFT_OUT) || !(defined(__x86_64__) || defined(__aarch64__))

void mp_once_prepare(void) {}
void mp_once_read_statistics(mp_once_statistics *statistics) { *statistics = (mp_once_statistics){0}; }

#else

#include <dlfcn.h>
#include <errno.h>
#include <linux/futex.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

// The runtime's; absent from a program without Swift.
extern void swift_once(void *token, void (*body)(void *), void *context) __attribute__((weak));

enum { most_runs_anew = 3, words_remembered = 16 };

static struct {
  bool enabled;            // set by the constructor, read-only afterwards
  _Atomic uintptr_t site;  // return address of the runtime's call; 0: not found
  _Atomic uint64_t freed;
  // The last words set free. A fork hands them down.
  _Atomic uintptr_t words[words_remembered];
} once;

// MARK: The real function

typedef long (*system_call)(long, ...);

// The kernel's answer: negative errno.
static long ask_kernel(long number, long a, long b, long c, long d, long e, long f) {
#ifdef __x86_64__
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
#else
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  register long x5 __asm__("x5") = f;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
  return x0;
#endif
}

// libc's, or whoever's stands behind ours; set by the constructor, read-only afterwards. Until then, and in a
// fully static program, which has only ours, the kernel is asked directly.
static system_call next;

// MARK: Setting free

static bool is_of_this_process(uint32_t thread) {
  long process = ask_kernel(SYS_getpid, 0, 0, 0, 0, 0, 0);
  return ask_kernel(SYS_tgkill, process, (long)thread, 0, 0, 0, 0) != -ESRCH;
}

static _Noreturn void end_recursion(void) {
  fputs(
    "Fatal error: the initializer of a global starts a process, directly or not, that needs the global itself\n",
    stderr);
  abort();
}

// An initialiser that has a child started, which needs what is being initialised, would have the child run it
// and start another, without end. In one process a word is set free once at most; hence one found among the
// last so often was set free in as many ancestors.
static void remember(uintptr_t word) {
  int times = 0;
  for (int i = 0; i < words_remembered; i++) times += atomic_load(&once.words[i]) == word;
  if (times >= most_runs_anew) end_recursion();
  atomic_store(&once.words[atomic_fetch_add(&once.freed, 1) % words_remembered], word);
}

// True if the caller shall ask for the word again.
static bool set_free(_Atomic uint32_t *word) {
  uint32_t found = atomic_load(word), owner = found & FUTEX_TID_MASK;
  if (owner == 0 || is_of_this_process(owner)) return false;
  if (atomic_compare_exchange_strong(word, &found, 0)) remember((uintptr_t)word);
  return true;
}

// A token of `swift_once`; its word is made to look contended, and owned by nobody.
static struct {
  _Atomic int32_t done;
  _Atomic uint32_t word;
  uint64_t beyond;  // should a token be larger one day
} probe;

static bool is_answered(_Atomic uint32_t *word, uintptr_t caller) {
  if (word == &probe.word) {
    atomic_store(&once.site, caller);
    atomic_store(word, 0);
    return true;
  }
  return caller == atomic_load_explicit(&once.site, memory_order_relaxed) && mp_is_launched() && set_free(word);
}

static long once_syscall(long number, ...) {
  // As many as there can be; what the caller did not pass is read, as libc reads it, and not used.
  va_list list;
  va_start(list, number);
  long a = va_arg(list, long), b = va_arg(list, long), c = va_arg(list, long);
  long d = va_arg(list, long), e = va_arg(list, long), f = va_arg(list, long);
  va_end(list);
  if (number == SYS_futex && (int)b == FUTEX_LOCK_PI_PRIVATE) {
    if (is_answered((_Atomic uint32_t *)a, (uintptr_t)__builtin_return_address(0))) {
      errno = EAGAIN;
      return -1;
    }
  }
  if (next) return next(number, a, b, c, d, e, f);
  long result = ask_kernel(number, a, b, c, d, e, f);
  if ((unsigned long)result <= -4096UL) return result;
  errno = (int)-result;
  return -1;
}

MP_INTERPOSE("once_syscall") long syscall(long number, ...);

// MARK: Finding the call

__attribute__((constructor)) static void set_up(void) {
  if (syscall != once_syscall) return;
  next = (system_call)dlsym(RTLD_NEXT, "syscall");
  once.enabled = swift_once && !mp_interposing_is_off();
}

static void do_nothing(void *context) { (void)context; }

void mp_once_prepare(void) {
  if (!once.enabled) return;
  atomic_store(&probe.word, FUTEX_WAITERS);
  swift_once(&probe, do_nothing, 0);
}

void mp_once_read_statistics(mp_once_statistics *statistics) {
  *statistics = (mp_once_statistics){
    .freed = atomic_load(&once.freed),
    .active = atomic_load(&once.site) != 0,
  };
}

#endif
