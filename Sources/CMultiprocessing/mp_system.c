#include "mp_system.h"
