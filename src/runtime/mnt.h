#pragma once
/*
 * Mounts by file descriptor (fsopen(2), open_tree(2), move_mount(2)): a mount is made detached and
 * then put on a place that we hold open, so no path inside a root is ever resolved by name twice.
 */
#include "base/err.h"

#include <stddef.h>

/* Makes a detached mount of `type` with `options`: pairs key, value, ...; a NULL value is a flag;
 * the list ends with a NULL key. `attrs` are MOUNT_ATTR_*. Returns its fd. */
int mnt_new(const char *type, const char *const *options, unsigned attrs, struct err *e);
/* A detached copy of the mount at `path` below `dirfd` ("" is dirfd itself), whole subtree, with
 * `attrs` (MOUNT_ATTR_*) set on it. Returns its fd. */
int mnt_clone(int dirfd, const char *path, unsigned attrs, struct err *e);
/* Puts detached mount `fd` on `target` below `rootfd`, following no link on the way. */
int mnt_put(int fd, int rootfd, const char *target, struct err *e);
/* The same on the very object `target_fd` (O_PATH). */
int mnt_put_on(int fd, int target_fd, struct err *e);
