#pragma once
/* The seccomp filter of a container. Internal to engine/local/. */
#include "engine/local/local.h"
#include "engine/local/options.h"

/* Makes the file of the filter, if it needs one that is not there: in `dir`, the directory of
 * container `id`, or beside those of all containers. *ret is what spec.seccomp is to be; the caller
 * frees. EINVAL tells what is wrong with a profile. */
int filter_make(struct local *, const char *id, int dir, const struct security *, uint64_t caps,
	char **ret, struct err *e);
