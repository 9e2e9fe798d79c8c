#pragma once
/* The default seccomp filter (made when redock is built, see seccomp-gen.c). */
#include "base/err.h"

/* Puts the calling process under the filter. Needs CAP_SYS_ADMIN or no_new_privs; seccomp(2). */
int seccomp_apply_default(struct err *e);
