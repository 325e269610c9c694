// What the dynamic loader knows: the images of this process and the symbols they export.
#pragma once

#include <stdint.h>

/// Calls `visit` for each image that came from a file, in no particular order. `load_bias` is what the
/// addresses in the file are offset by, `end_of_text` the end of its executable memory; `path` is valid
/// during the call only.
void mp_images_visit(void (*_Nonnull visit)(void *_Nonnull context, uintptr_t load_bias, uintptr_t end_of_text,
                                            const char *_Nonnull path),
                     void *_Nonnull context);

/// The name of the exported symbol that begins last before `address`, as the linker spells it, or null.
const char *_Nullable mp_images_symbol(uintptr_t address);
