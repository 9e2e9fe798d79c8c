#pragma once
/* Containers that run without a run directory. */
#include "engine/local/local.h"

/* Whether container `c`, whose directory is `dir`, runs although there is no state of it; then its
 * run directory is made again, for a new monitor to take it over. */
bool local_find_lost(struct local *, const struct container *c, int dir, struct err *e);
