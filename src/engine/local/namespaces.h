#pragma once
/* --pid, --ipc, --uts, --cgroupns. Internal to engine/local/. */
#include "engine/local/local.h"
#include "runtime/spec.h"

/* Takes out of the specification's namespaces those that are shared, or has them joined. -ESRCH:
 * the other container does not run. */
int namespaces_to_spec(struct local *, const struct container *, struct spec *, struct err *e);
