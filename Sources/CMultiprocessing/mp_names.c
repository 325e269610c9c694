#include "mp_names.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER "/dev/shm"
enum { PATH_LENGTH = sizeof FOLDER + 1 + MP_NAME_LENGTH };

static void set_path(char path[PATH_LENGTH], const char *name) {
  size_t length = strnlen(name, MP_NAME_LENGTH);
  memcpy(path, FOLDER "/", sizeof FOLDER);
  memcpy(path + sizeof FOLDER, name, length);
  path[sizeof FOLDER + length] = 0;
}

int mp_name_create(void) {
  int descriptor = open(FOLDER, O_TMPFILE | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR);
  return descriptor < 0 ? -errno : descriptor;
}

int mp_name_give(int descriptor, const char *name) {
  char own[32], path[PATH_LENGTH];
  snprintf(own, sizeof own, "/proc/self/fd/%d", descriptor);
  set_path(path, name);
  return linkat(AT_FDCWD, own, AT_FDCWD, path, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

int mp_name_open(const char *name) {
  char path[PATH_LENGTH];
  set_path(path, name);
  // A pipe of that name must not hold us up, nor may a link lead elsewhere.
  int descriptor = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (descriptor < 0) return -errno;
  struct stat status;
  int error = fstat(descriptor, &status) < 0 ? errno : S_ISREG(status.st_mode) ? 0 : EINVAL;
  if (!error) return descriptor;
  close(descriptor);
  return -error;
}

int mp_name_remove(const char *name, uint64_t device, uint64_t number) {
  char path[PATH_LENGTH];
  set_path(path, name);
  struct stat status;
  if (lstat(path, &status) < 0) return -errno;
  if (status.st_dev != device || status.st_ino != number) return -ENOENT;
  return unlink(path) < 0 ? -errno : 0;
}
