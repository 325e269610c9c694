#include "mp_readiness.h"

#include <errno.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>

enum { AT_ONCE = 64 };

static int result(int value) { return value < 0 ? -errno : value; }

int mp_readiness_set(void) { return result(epoll_create1(EPOLL_CLOEXEC)); }

int mp_readiness_add(int set, int descriptor) {
  struct epoll_event event = {.events = EPOLLIN, .data.fd = descriptor};
  return result(epoll_ctl(set, EPOLL_CTL_ADD, descriptor, &event));
}

int mp_readiness_add_writable(int set, int descriptor) {
  struct epoll_event event = {.events = EPOLLOUT, .data.fd = descriptor};
  return result(epoll_ctl(set, EPOLL_CTL_ADD, descriptor, &event));
}

int mp_readiness_remove(int set, int descriptor) { return result(epoll_ctl(set, EPOLL_CTL_DEL, descriptor, NULL)); }

int mp_readiness_wait(int set, int *ready, int capacity) {
  struct epoll_event events[AT_ONCE];
  int count = result(epoll_wait(set, events, capacity < AT_ONCE ? capacity : AT_ONCE, -1));
  for (int i = 0; i < count; i++) ready[i] = events[i].data.fd;
  return count;
}

int mp_clock_descriptor(void) { return result(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)); }

int mp_clock_set(int descriptor, uint64_t nanoseconds) {
  struct itimerspec time = {
    .it_value = {.tv_sec = (time_t)(nanoseconds / 1000000000), .tv_nsec = (long)(nanoseconds % 1000000000)}};
  return result(timerfd_settime(descriptor, TFD_TIMER_ABSTIME, &time, NULL));
}
