// Pseudo-terminals, pty(7). Every function answers a negative errno when it fails.
#pragma once

/// The program's side in `descriptors[1]`, whose other side is `descriptors[0]`, with 24 lines of 80 columns.
int mp_terminal_open(int descriptors[_Nonnull 2]);
