#include "mp_type.h"

#include "mp_walk.h"

#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

// The layout that swift/ABI/Metadata.h gives, as of Swift 5 and later: five words of 32 bits begin every descriptor of a
// nominal type. Offsets count from the field they stand in.
typedef struct {
  uint32_t flags;
  int32_t parent;
  int32_t name;
  int32_t accessor;
  int32_t fields;
} type_descriptor;

enum { KIND_MASK = 0x1F, KIND_CLASS = 16, KIND_STRUCT = 17, KIND_ENUM = 18, IS_GENERIC = 0x80 };
// Metadata kinds of values; a class has 0 there, or a pointer, which is greater than every kind.
enum { METADATA_CLASS = 0, METADATA_STRUCT = 0x200, METADATA_ENUM = 0x201, METADATA_LAST_KIND = 0x7FF };
// The word of the metadata that points to the descriptor; a class has its superclass and its sizes before it.
enum { DESCRIPTOR_OF_VALUE = 1, DESCRIPTOR_OF_CLASS = 5 };

typedef struct {
  const void *metadata;
  uintptr_t state;
} metadata_response;
typedef __attribute__((swiftcall)) metadata_response (*metadata_accessor)(uintptr_t request);

static bool is_type(const type_descriptor *descriptor) {
  uint32_t kind = descriptor->flags & KIND_MASK;
  return kind >= KIND_CLASS && kind <= KIND_ENUM && !(descriptor->flags & IS_GENERIC);
}

const void *mp_type_descriptor(const void *metadata) {
  const uintptr_t *words = metadata;
  bool is_class = words[0] == METADATA_CLASS || words[0] > METADATA_LAST_KIND;
  if (!is_class && words[0] != METADATA_STRUCT && words[0] != METADATA_ENUM) return NULL;
  const type_descriptor *descriptor =
    (const type_descriptor *)words[is_class ? DESCRIPTOR_OF_CLASS : DESCRIPTOR_OF_VALUE];
  return is_type(descriptor) ? descriptor : NULL;
}

typedef struct {
  uintptr_t address;
  size_t size;
  bool executable;
  bool found;
} segment_search;

static int look_in_image(struct dl_phdr_info *image, size_t size, void *context) {
  (void)size;
  segment_search *search = context;
  for (int i = 0; i < image->dlpi_phnum; i++) {
    const ElfW(Phdr) *segment = &image->dlpi_phdr[i];
    if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_R)) continue;
    if (!!(segment->p_flags & PF_X) != search->executable) continue;
    uintptr_t start = image->dlpi_addr + segment->p_vaddr;
    if (search->address >= start && search->address - start <= segment->p_memsz &&
      segment->p_memsz - (search->address - start) >= search->size)
      search->found = true;
  }
  return search->found;
}

/// Whether `size` bytes of an image's data, or of its code, lie at `address`.
static bool is_in_image(const void *address, size_t size, bool executable) {
  segment_search search = {.address = (uintptr_t)address, .size = size, .executable = executable};
  mp_walk_images(look_in_image, &search);
  return search.found;
}

const void *mp_type_of_descriptor(const void *address, const char *name) {
  const type_descriptor *descriptor = address;
  if ((uintptr_t)address % 4 != 0 || !is_in_image(address, sizeof *descriptor, false) || !is_type(descriptor)) return NULL;
  const char *own_name = (const char *)&descriptor->name + descriptor->name;
  // An empty name is any zero byte's.
  if (!*name || !is_in_image(own_name, strlen(name) + 1, false) || strcmp(own_name, name) != 0) return NULL;
  metadata_accessor accessor = (metadata_accessor)((const char *)&descriptor->accessor + descriptor->accessor);
  return is_in_image(accessor, 1, true) ? accessor(0).metadata : NULL;
}
