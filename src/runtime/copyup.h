#pragma once
/* An empty volume gets what the image has at its place: directories, files, symbolic and hard
 * links, pipes, with owners, modes, times and extended attributes. Devices and sockets are left
 * out, and what is mounted further down. All by descriptors: both sides may hold anything (T32). */
#include "base/err.h"

/* Copies all below directory `from` into `to`, and from's own owner, mode and times. Both may be
 * O_PATH. A `from` that is no directory is an empty one. */
int copy_up_all(int from, int to, struct err *e);
/* The same if `to` is empty. Whoever else does it at the same time waits; a copy that was cut short
 * is made anew: nothing ever sees half of one. */
int copy_up_if_empty(int from, int to, struct err *e);
