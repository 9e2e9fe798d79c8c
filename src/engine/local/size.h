#pragma once
/* How much is in a directory. Internal to engine/local/. */
#include <stdint.h>

/* Bytes of the files in `name` below `dirfd`, as stat(2) tells their sizes; one with several names
 * counts once, and other file systems not at all. What cannot be read counts nothing. */
uint64_t tree_size(int dirfd, const char *name);
/* What it takes on the disk, as du(1) has it. */
uint64_t tree_usage(int dirfd, const char *name);
