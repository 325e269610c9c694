// Bytes from one process to another through the kernel.
#include "mpb_baseline.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WARM_UPS = 100 };

/// Two descriptors for each side: what it reads from, what it writes to. Those of a socket are the same.
typedef struct {
  int reads[2], writes[2];
} channel;

static void open_channel(channel *opened, bool is_socket) {
  int ends[2], back[2];
  if (is_socket) {
    MPB_REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    for (int side = 0; side < 2; side++) opened->reads[side] = opened->writes[side] = ends[side];
  } else {
    mpb_pipe(ends);
    mpb_pipe(back);
    *opened = (channel){.reads = {back[0], ends[0]}, .writes = {ends[1], back[1]}};
  }
}

static void close_channel(const channel *opened) {
  for (int side = 0; side < 2; side++) {
    close(opened->reads[side]);
    if (opened->writes[side] != opened->reads[side]) close(opened->writes[side]);
  }
}

double mpb_ping_pong(const mpb_baseline *baseline) {
  int pinning = baseline->how & 3;
  channel opened;
  char message[MPB_MESSAGE];
  double start = 0;
  memset(message, 7, sizeof message);
  open_channel(&opened, baseline->how & MPB_SOCKET);
  pid_t child = mpb_fork(true);
  if (pinning != MPB_ANYWHERE) mpb_pin(child == 0 && pinning == MPB_ON_TWO);
  for (long trip = -WARM_UPS; trip < baseline->count; trip++) {
    if (trip == 0) start = mpb_now();
    if (child == 0) {
      mpb_read(opened.reads[1], message, sizeof message);
      mpb_write(opened.writes[1], message, sizeof message);
    } else {
      mpb_write(opened.writes[0], message, sizeof message);
      mpb_read(opened.reads[0], message, sizeof message);
    }
  }
  if (child == 0) _exit(0);
  double time = mpb_now() - start;
  mpb_join(child);
  mpb_unpin();
  close_channel(&opened);
  return time / (double)baseline->count * 1e6;
}

/// From the start of the child that receives to its end.
double mpb_bandwidth(const mpb_baseline *baseline) {
  char *bytes = malloc(MPB_MEBIBYTE);
  int ends[2];
  MPB_REQUIRE(bytes != NULL);
  memset(bytes, 7, MPB_MEBIBYTE);
  if (baseline->how == MPB_SOCKET) {
    MPB_REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  } else {
    mpb_pipe(ends);
    if (baseline->how == MPB_WIDE_PIPE) MPB_REQUIRE(fcntl(ends[1], F_SETPIPE_SZ, MPB_MEBIBYTE) > 0);
  }
  double start = mpb_now();
  pid_t child = mpb_fork(true);
  if (child == 0) {
    close(ends[1]);
    for (long each = 0; each < baseline->count; each++) mpb_read(ends[0], bytes, MPB_MEBIBYTE);
    _exit(0);
  }
  close(ends[0]);
  for (long each = 0; each < baseline->count; each++) mpb_write(ends[1], bytes, MPB_MEBIBYTE);
  mpb_join(child);
  double time = mpb_now() - start;
  close(ends[1]);
  free(bytes);
  return (double)baseline->count / 1024 / time;
}
