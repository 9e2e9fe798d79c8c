#pragma once
/* Sessions of a person in a machine. */
#include "machine/machine.h"

#include <stdbool.h>

/* Whether fds 0 to 2 all are terminals. */
bool session_has_terminal(void);
/* machine_ssh() while the keyboard's signals are ssh's business alone. */
int session_ssh(struct engine *, const struct machine_name *, char *const *argv, struct err *e);
