#pragma once
/* Words of a configuration and of a command line, and the kernel's numbers for them. */
#include <stdint.h>

/* Number of capability "CAP_CHOWN" (or "chown"), or -1. */
int name_capability(const char *name);
/* RLIMIT_* of "RLIMIT_CORE", or -1. */
int name_rlimit(const char *name);
/* CLONE_NEW* of "network" and the like, or 0. */
int64_t name_namespace(const char *name);
/* The word for CLONE_NEW*. */
const char *name_of_namespace(int64_t flag);
/* Signal of "TERM", "SIGTERM" or "15" (any case), or -1. */
int name_signal(const char *name);
/* All of a kind, for `features`; NULL at the end. */
const char *name_nth_namespace(unsigned n);
