#pragma once
/* Seccomp filters of a person's own, by the helper program redock-seccomp: when a container is
 * created, never when it starts. */
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

/* True if the built-in filter (spec.seccomp NULL) is not what one with these capabilities gets:
 * some bring more system calls, as in Docker's profile. */
bool seccomp_needs_compile(uint64_t caps);
/* Writes file `name` below `dirfd`: the filter of `profile`, a text in Docker's format or in
 * runtime-spec's, or, if it is NULL, the default one of a process with `caps`. That is what
 * spec.seccomp names. What is wrong with a profile is EINVAL, and told.
 * Without somebody who listens (spec.seccomp_listener) it may not notify. */
int seccomp_compile(const char *profile, uint64_t caps, bool listened, int dirfd, const char *name,
	struct err *e);
