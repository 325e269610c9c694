// Named shared memory: files in the folder where shm_open(3) keeps them, and the guardian that removes those of a program that
// has ended, however it has.
//
// A *family* is a program's first process and all that descend from it by fork. It has one register, a memory file that every
// member holds open by one and the same open file description: with that goes a lock, which the kernel takes back when the last
// member is gone. The guardian sleeps on it, and removes the files that the register lists then.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
  /// The longest name that shm_open(3) takes, in bytes.
  MP_NAME_LENGTH = 254,
  /// Where the register has its number of entries, as 8 bytes, and its first entry.
  MP_REGISTER_COUNT = 104,
  MP_REGISTER_ENTRIES = 128
};

/// An entry of the register: a name, and the file that it stood for. The name may be another file's by now.
typedef struct {
  uint64_t device, number;
  char name[MP_NAME_LENGTH + 2];
} mp_name_entry;

/// A new file without a name, or a negative errno. Whoever dies before `mp_name_give` leaves nothing.
int mp_name_create(void);
/// Gives the file a name, and so shows it to everybody: -EEXIST when the name is taken.
int mp_name_give(int descriptor, const char *_Nonnull name);
/// The file of that name, or a negative errno; -EINVAL for what is no plain file.
int mp_name_open(const char *_Nonnull name);
/// Removes the name; -ENOENT when it does not stand for that file, any more.
int mp_name_remove(const char *_Nonnull name, uint64_t device, uint64_t number);

/// Makes the calling process the first member of the family whose register is `descriptor`, mapped at `address`, both for good.
int mp_family_found(int descriptor, void *_Nonnull address, size_t length);
/// Sees to it that the family has a guardian. 0 or a negative errno. Calls must not overlap, nor a fork come between.
int mp_family_guard(int descriptor);
