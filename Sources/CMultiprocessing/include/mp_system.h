// System calls and macros that the Glibc module does not import.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <features.h>
