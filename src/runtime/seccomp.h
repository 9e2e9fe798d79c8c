#pragma once
/* Seccomp filters: the default one (made when redock is built, see seccomp-gen.c), and programs in
 * files, which redock-seccomp makes (see seccomp_compile.h). */
#include "base/err.h"

#include <stdbool.h>

/* Puts the calling process under the filter. Needs CAP_SYS_ADMIN or no_new_privs; seccomp(2). */
int seccomp_apply_default(struct err *e);
/* The program in file `fd`: an array of struct sock_filter. `flags` are SECCOMP_FILTER_FLAG_*; with
 * `notify` *ret_listener is the listener's fd. */
int seccomp_apply_file(int fd, unsigned flags, bool notify, int *ret_listener, struct err *e);
