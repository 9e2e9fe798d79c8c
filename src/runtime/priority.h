#pragma once
/* How the container's process is scheduled: CPU, block I/O, and on which CPUs. */
#include "base/err.h"
#include "runtime/spec.h"

/* For the calling process; needs what it is about to lose, CAP_SYS_NICE. */
int priority_apply(const struct spec *, struct err *e);
/* The CPUs of the calling process, a list as cpuset(7) has it. */
int priority_set_cpus(const char *list, struct err *e);
