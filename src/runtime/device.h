#pragma once
/* Device nodes of a container: made in its /dev, or, where mknod(2) is not allowed (user
 * namespaces), the host's own, bound there. */
#include "base/err.h"
#include "runtime/root.h"
#include "runtime/spec.h"

/* A detached mount of the host's node for it. Returns an fd. */
int device_take(const struct spec_device *, struct err *e);
/* All of them, and the links that belong into every /dev. */
int devices_make(const struct spec *, struct root *, struct err *e);
