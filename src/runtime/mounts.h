#pragma once
/* The mounts of a specification: what is taken from the host, and how it is put into the root. */
#include "base/err.h"
#include "runtime/root.h"
#include "runtime/spec.h"

/* Fills r->sources; see root.h. */
int mounts_take(const struct spec *, int userns_fd, struct root *, struct err *e);
/* Puts those into the root that can be made at once, or, `late`, those that need the network
 * namespace, which comes last. */
int mounts_put(const struct spec *, struct root *, bool late, struct err *e);
/* Makes read-only what had to be filled first. */
int mounts_seal(const struct spec *, struct root *, struct err *e);
/* True if the container's processes are in a user namespace of their own. */
bool mounts_in_user_namespace(const struct spec *);
