#include "mp_terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif

int mp_terminal_open(int descriptors[2]) {
  int ours = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (ours < 0) return -errno;
  int unlocked = 0;
  const struct winsize size = {.ws_row = 24, .ws_col = 80};
  if (ioctl(ours, TIOCSPTLCK, &unlocked) < 0 || ioctl(ours, TIOCSWINSZ, &size) < 0) {
    int error = errno;
    close(ours);
    return -error;
  }
  // By the descriptor, and not by a name that another mount of devpts might have as well.
  int theirs = ioctl(ours, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (theirs < 0) {
    int error = errno;
    close(ours);
    return -error;
  }
  descriptors[0] = ours;
  descriptors[1] = theirs;
  return 0;
}
