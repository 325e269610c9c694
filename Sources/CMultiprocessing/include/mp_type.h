// Types that have no name at run time, private and local ones, found by their descriptors.
#pragma once

/// The descriptor of a type that is not generic; null for any other. `metadata` is a live Swift metatype.
const void *_Nullable mp_type_descriptor(const void *_Nonnull metadata);
/// The metadata of the type whose descriptor lies at `descriptor`, if one of that name does, in an image of the program.
const void *_Nullable mp_type_of_descriptor(const void *_Nonnull descriptor, const char *_Nonnull name);
