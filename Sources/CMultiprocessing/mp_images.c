#include "mp_images.h"

#include "mp_walk.h"

#include <dlfcn.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

typedef struct {
  void (*visit)(void *context, uintptr_t load_bias, uintptr_t end_of_text, const char *path);
  void *context;
  bool is_first;
} visitor;

static int visit_image(struct dl_phdr_info *info, size_t size, void *opaque) {
  (void)size;
  visitor *visitor = opaque;
  // The program itself comes first and without a name. Its link in /proc still leads to the file that runs
  // when another has taken its place.
  const char *path = visitor->is_first ? "/proc/self/exe" : info->dlpi_name;
  visitor->is_first = false;
  // The kernel's own image has a name, but no file.
  if (!path || !strchr(path, '/')) return 0;
  uintptr_t end = 0;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
    uintptr_t segment_end = info->dlpi_addr + segment->p_vaddr + segment->p_memsz;
    if (segment->p_type == PT_LOAD && (segment->p_flags & PF_X) && segment_end > end) end = segment_end;
  }
  if (end) visitor->visit(visitor->context, info->dlpi_addr, end, path);
  return 0;
}

void mp_images_visit(void (*visit)(void *context, uintptr_t load_bias, uintptr_t end_of_text, const char *path),
                     void *context) {
  visitor visitor = {.visit = visit, .context = context, .is_first = true};
  mp_walk_images(visit_image, &visitor);
}

const char *mp_images_symbol(uintptr_t address) {
  Dl_info info;
  return dladdr((const void *)address, &info) ? info.dli_sname : NULL;
}
