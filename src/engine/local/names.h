#pragma once
/* Names of containers: Docker's grammar, and made-up ones. */
#include "base/err.h"

/* [a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}; -EINVAL with the expected form. */
int container_name_check(const char *name, struct err *e);
/* "calm_otter"; with a number when `attempt` is not 0. */
void container_name_make_up(unsigned attempt, char ret[48]);
