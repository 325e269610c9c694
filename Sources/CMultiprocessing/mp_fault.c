#include "mp_fault.h"

#ifdef DEBUG
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>

typedef struct {
  _Atomic int armed, side, nth, error, times, struck;
  _Atomic int count[2];
  _Atomic int trace[2][MP_FAULT_TRACE_CAPACITY];
} fault_plan;

static fault_plan *plan;  // null until a test arms a fault; shared with the children forked after that
static mp_side here = MP_SIDE_PARENT;

void mp_fault_arm(mp_side side, int nth, int error, int times) {
  if (!plan) {
    void *memory = mmap(NULL, sizeof *plan, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return;
    plan = memory;
  }
  plan->armed = 0;
  plan->side = side;
  plan->nth = nth;
  plan->error = error;
  plan->times = times;
  plan->struck = 0;
  plan->count[0] = plan->count[1] = 0;
  plan->armed = 1;
}

void mp_fault_disarm(void) {
  if (plan) plan->armed = 0;
}

int mp_fault_trace(mp_side side, mp_call *trace, int capacity) {
  if (!plan) return 0;
  int count = plan->count[side];
  for (int i = 0; i < count && i < capacity && i < MP_FAULT_TRACE_CAPACITY; i++)
    trace[i] = (mp_call)plan->trace[side][i];
  return count;
}

bool mp_fault_struck(void) { return plan && plan->struck; }

int mp_fault_check(mp_call call) {
  if (!plan || !plan->armed) return 0;
  int index = atomic_fetch_add(&plan->count[here], 1);
  if (index < MP_FAULT_TRACE_CAPACITY) plan->trace[here][index] = (int)call;
  if ((int)here != plan->side || plan->nth < 0) return 0;
  if (index < plan->nth || index >= plan->nth + plan->times) return 0;
  plan->struck = 1;
  return plan->error;
}

void mp_fault_enter_child(void) { here = MP_SIDE_CHILD; }
#endif
