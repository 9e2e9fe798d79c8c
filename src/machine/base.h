#pragma once
/* The base image "redock:base": Debian with an SSH server, built once with mmdebstrap(1). */
#include "engine/engine.h"

#define BASE_IMAGE "redock:base"

/* Makes sure that it is there. `mirror`: where to get Debian from, NULL for where the host does (or
 * what was said the last time). Interrupted by a signal it cleans up, and the signal acts again. */
int base_ensure(struct engine *, const char *mirror, struct err *e);
