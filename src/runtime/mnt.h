#pragma once
/*
 * Mounts by file descriptor (fsopen(2), open_tree(2), move_mount(2)): a mount is made detached and
 * then put on a place that we hold open, so no path inside a root is ever resolved by name twice.
 */
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Makes a detached mount of `type` with `options`: pairs key, value, ...; a NULL value is a flag;
 * the list ends with a NULL key. `attrs` are MOUNT_ATTR_*. Returns its fd. */
int mnt_new(const char *type, const char *const *options, unsigned attrs, struct err *e);
/* The same of `source` (a device, or any text; NULL: the type's name) with options as mount(8) has
 * them: "key=value,flag,...". */
int mnt_new_text(
	const char *type, const char *source, const char *options, unsigned attrs, struct err *e);
/* A detached copy of the mount at `path` below `dirfd` ("" is dirfd itself), whole subtree, with
 * `attrs` (MOUNT_ATTR_*) set on it, private. Returns its fd. */
int mnt_clone(int dirfd, const char *path, unsigned attrs, struct err *e);
/* The same as it is, propagation included; without what is mounted below unless `recursive`. */
int mnt_copy(int dirfd, const char *path, bool recursive, struct err *e);
/* Sets and clears MOUNT_ATTR_* of a mount, of those below it, too, if `recursive`. */
int mnt_attrs(int fd, uint64_t set, uint64_t clear, bool recursive, struct err *e);
/* MS_SHARED, MS_SLAVE, MS_PRIVATE or MS_UNBINDABLE, with MS_REC for those below it, too. */
int mnt_propagate(int fd, unsigned long propagation, struct err *e);
/* Shows owners through the id maps of user namespace `userns_fd`. */
int mnt_idmap(int fd, int userns_fd, bool recursive, struct err *e);
/* Puts detached mount `fd` on `target` below `rootfd`, following no link on the way. */
int mnt_put(int fd, int rootfd, const char *target, struct err *e);
/* The same on the very object `target_fd` (O_PATH). */
int mnt_put_on(int fd, int target_fd, struct err *e);
