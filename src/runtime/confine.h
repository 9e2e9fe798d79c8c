#pragma once
/*
 * Who the container's process is and what it may do, set from empty in one place for every process
 * that is executed in a container (R13): groups, ids, capabilities, filter, labels, limits, umask.
 */
#include "base/err.h"
#include "runtime/root.h"
#include "runtime/spec.h"
#include "runtime/user.h"

/* What holds for an init of ours as it does for the container's process, so that it is done once,
 * before the fork: keyring, bounding set, no_new_privs, the built-in filter (which alone costs a
 * tenth of a millisecond to load). */
int confine_shared(const struct spec *, struct err *e);
/* All the rest, for the process that will execute the program. */
int confine_process(const struct spec *, struct root *, const struct user *, struct err *e);
/* Sets effective and permitted capabilities; nothing is inheritable. */
int confine_caps(uint64_t effective, uint64_t permitted, struct err *e);
/* Our own permitted capabilities. */
int confine_own_caps(uint64_t *ret, struct err *e);
