#include "mp_gate_sites.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

mp_site mp_sites[mp_site_capacity + 1];
mp_text mp_texts[mp_text_capacity];
_Atomic unsigned mp_text_count;

// Set when a site is made that only a symbol can tell; cleared by the thread that forks before it looks.
static _Atomic bool unnamed_sites;

// Where this code itself was loaded; touched in the constructor, then only by the thread that forks.
static struct {
  const char *path;
  uintptr_t bias;
} own_image;

// How many images had ever been loaded when they were last looked through.
static unsigned long long images_seen;

// MARK: Finding a site

static mp_site *start_site(mp_site *site, const mp_text *text) {
  // A thread that finds the site before its kind is set takes it for new, and so watches it: never too
  // little.
  atomic_store(&site->kind, text->kind);
  if (text->kind == mp_site_new) atomic_store(&unnamed_sites, true);
  return site;
}

mp_site *mp_sites_find(uintptr_t address, const mp_text *text) {
  enum { probes = 32 };
  _Static_assert(mp_site_capacity == 1 << 10, "the hash keeps the top ten bits");
  size_t slot = (size_t)((address * UINT64_C(0x9E3779B97F4A7C15)) >> (64 - 10));
  mp_site *site = &mp_sites[mp_site_capacity];
  for (int i = 0; i < probes; i++, slot = (slot + 1) % mp_site_capacity) {
    mp_site *candidate = &mp_sites[slot];
    uintptr_t found = atomic_load_explicit(&candidate->address, memory_order_acquire);
    if (found == 0 && atomic_compare_exchange_strong(&candidate->address, &found, address))
      return start_site(candidate, text);
    if (found == address) {
      site = candidate;
      break;
    }
  }
  return atomic_load(&site->kind) == mp_site_foreign ? 0 : site;
}

// MARK: Finding the runtime

static void watch_text(const struct dl_phdr_info *image, enum mp_site_kind kind) {
  for (int i = 0; i < image->dlpi_phnum; i++) {
    const ElfW(Phdr) *segment = &image->dlpi_phdr[i];
    if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_X)) continue;
    uintptr_t low = image->dlpi_addr + segment->p_vaddr;
    unsigned count = atomic_load(&mp_text_count);
    bool known = false;
    for (unsigned k = 0; k < count; k++) known |= mp_texts[k].low == low;
    if (known || count == mp_text_capacity) continue;
    mp_texts[count] = (mp_text){low, low + segment->p_memsz, kind};
    atomic_store_explicit(&mp_text_count, count + 1, memory_order_release);
  }
}

static enum mp_site_kind kind_of_library(const char *path) {
  static const struct {
    const char *name;
    enum mp_site_kind kind;
  } libraries[] = {
    {"libswiftCore.so", mp_site_runtime},
    {"libswift_Concurrency.so", mp_site_doubtful},
    {"lib_FoundationICU.so", mp_site_doubtful},
    {"libFoundationEssentials.so", mp_site_doubtful},
  };
  const char *slash = strrchr(path, '/');
  const char *name = slash ? slash + 1 : path;
  for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++)
    if (strcmp(name, libraries[i].name) == 0) return libraries[i].kind;
  return mp_site_foreign;
}

static int visit_image(struct dl_phdr_info *image, size_t size, void *seen) {
  (void)size;
  if (image->dlpi_adds == images_seen) return 1;
  *(unsigned long long *)seen = image->dlpi_adds;
  enum mp_site_kind kind = image->dlpi_name ? kind_of_library(image->dlpi_name) : mp_site_foreign;
  if (kind != mp_site_foreign) watch_text(image, kind);
  return 0;
}

static int visit_own_image(struct dl_phdr_info *image, size_t size, void *context) {
  (void)size, (void)context;
  uintptr_t here = (uintptr_t)&mp_sites_set_up;
  for (int i = 0; i < image->dlpi_phnum; i++) {
    const ElfW(Phdr) *segment = &image->dlpi_phdr[i];
    uintptr_t low = image->dlpi_addr + segment->p_vaddr;
    if (segment->p_type != PT_LOAD || here - low >= segment->p_memsz) continue;
    own_image.path = image->dlpi_name && *image->dlpi_name ? image->dlpi_name : "/proc/self/exe";
    own_image.bias = image->dlpi_addr;
    watch_text(image, mp_site_new);
    return 1;
  }
  return 0;
}

static void watch_new_images(void) {
  unsigned long long seen = images_seen;
  dl_iterate_phdr(visit_image, &seen);
  images_seen = seen;
}

void mp_sites_set_up(void) {
  atomic_store(&mp_sites[mp_site_capacity].kind, mp_site_doubtful);
  watch_new_images();
  // No runtime library: the runtime is part of the image that holds this code.
  if (atomic_load(&mp_text_count) == 0) dl_iterate_phdr(visit_own_image, 0);
}

// MARK: Naming sites

typedef struct {
  const ElfW(Sym) * symbols;
  size_t count;
  const char *names;
  size_t names_size;
} symbol_table;

static bool begins_with(const char *name, const char *beginning) {
  return strncmp(name, beginning, strlen(beginning)) == 0;
}

static enum mp_site_kind kind_of_function(const char *name) {
  if (begins_with(name, "$s20FoundationEssentials")) return mp_site_doubtful;
  // ICU's C entry to its global lock; the toolchain prefixes ICU's C names.
  if (begins_with(name, "swift_umtx_")) return mp_site_doubtful;
  if (begins_with(name, "swift_") || begins_with(name, "_swift_")) return mp_site_runtime;
  if (!begins_with(name, "_Z")) return mp_site_foreign;
  // C++: ICU's namespace, the holder of a task's lock, whatever lives in namespace `swift` or takes a type from
  // it, and the few functions of the runtime that do neither.
  if (strstr(name, "6icu_") || strstr(name, "withStatusRecordLock")) return mp_site_doubtful;
  return strstr(name, "5swift") || strstr(name, "getExistential") ? mp_site_runtime : mp_site_foreign;
}

// Everything about the file is checked: it may have been replaced on disk since it was loaded.
static bool find_symbols(const char *file, size_t size, symbol_table *table) {
  const ElfW(Ehdr) *header = (const void *)file;
  if (size < sizeof *header || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) return false;
  if (header->e_shentsize != sizeof(ElfW(Shdr)) || header->e_shoff % _Alignof(ElfW(Shdr)) != 0) return false;
  if (header->e_shoff > size || header->e_shnum > (size - header->e_shoff) / sizeof(ElfW(Shdr))) return false;
  const ElfW(Shdr) *sections = (const void *)(file + header->e_shoff);
  const ElfW(Shdr) *best = 0;
  for (size_t i = 0; i < header->e_shnum; i++) {
    if (sections[i].sh_type == SHT_SYMTAB) best = &sections[i];
    if (sections[i].sh_type == SHT_DYNSYM && !best) best = &sections[i];
  }
  if (!best || best->sh_link >= header->e_shnum) return false;
  const ElfW(Shdr) *names = &sections[best->sh_link];
  if (best->sh_offset > size || best->sh_size > size - best->sh_offset) return false;
  if (names->sh_offset > size || names->sh_size > size - names->sh_offset || names->sh_size == 0)
    return false;
  // Aligned symbols, and names whose last one ends.
  if (best->sh_offset % _Alignof(ElfW(Sym)) != 0) return false;
  if (file[names->sh_offset + names->sh_size - 1] != 0) return false;
  *table = (symbol_table){
    .symbols = (const void *)(file + best->sh_offset),
    .count = best->sh_size / sizeof(ElfW(Sym)),
    .names = file + names->sh_offset,
    .names_size = names->sh_size,
  };
  return true;
}

static int by_address(const void *left, const void *right) {
  uintptr_t a = atomic_load(&(*(mp_site *const *)left)->address);
  uintptr_t b = atomic_load(&(*(mp_site *const *)right)->address);
  return (a > b) - (a < b);
}

// Tells the sites, sorted by address, whose function each stands in.
static void name_sites(mp_site **sites, size_t count, const symbol_table *table) {
  for (size_t i = 0; i < table->count; i++) {
    const ElfW(Sym) *symbol = &table->symbols[i];
    if ((symbol->st_info & 0xf) != STT_FUNC || symbol->st_shndx == SHN_UNDEF) continue;
    uintptr_t low = own_image.bias + symbol->st_value, high = low + symbol->st_size;
    size_t first = 0, end = count;
    while (first < end) {
      size_t middle = first + (end - first) / 2;
      // A return address follows its call, so it may be the first byte *after* the function, never its first.
      if (atomic_load(&sites[middle]->address) <= low) {
        first = middle + 1;
      } else {
        end = middle;
      }
    }
    for (size_t k = first; k < count && atomic_load(&sites[k]->address) <= high; k++) {
      if (symbol->st_name >= table->names_size) continue;
      atomic_store(&sites[k]->kind, kind_of_function(table->names + symbol->st_name));
    }
  }
}

static void name_new_sites(void) {
  static mp_site *sites[mp_site_capacity];
  size_t count = 0;
  for (size_t i = 0; i < mp_site_capacity; i++) {
    // A library's site between its making and its marking also looks new; it lies in no symbol of this image.
    if (atomic_load(&mp_sites[i].address) != 0 && atomic_load(&mp_sites[i].kind) == mp_site_new)
      sites[count++] = &mp_sites[i];
  }
  qsort(sites, count, sizeof *sites, by_address);
  int descriptor = open(own_image.path, O_RDONLY | O_CLOEXEC);
  struct stat status;
  if (descriptor >= 0 && fstat(descriptor, &status) == 0 && status.st_size > 0) {
    size_t size = (size_t)status.st_size;
    void *file = mmap(0, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (file != MAP_FAILED) {
      symbol_table table;
      if (find_symbols(file, size, &table)) name_sites(sites, count, &table);
      munmap(file, size);
    }
  }
  if (descriptor >= 0) close(descriptor);
  // Without the file or the symbol there is no telling, so the site stays watched.
  for (size_t i = 0; i < count; i++) {
    uint8_t kind = mp_site_new;
    atomic_compare_exchange_strong(&sites[i]->kind, &kind, mp_site_doubtful);
  }
}

void mp_sites_refresh(void) {
  watch_new_images();
  if (atomic_exchange(&unnamed_sites, false)) name_new_sites();
}
