#pragma once
/* Docker's words for the state of a container. */
#include "engine/engine.h"

/* "Up 2 hours", "Exited (1) 3 days ago", "Created". */
void ps_status(const struct container_info *, int64_t now, char ret[80]);
