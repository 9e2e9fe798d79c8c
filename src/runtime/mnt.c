#include "runtime/mnt.h"
#include "base/fs.h"
#include "base/mem.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>

static int set_option(int fs, const char *type, const char *key, const char *value, struct err *e)
{
	long r = value ? syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, key, value, 0)
		       : syscall(SYS_fsconfig, fs, FSCONFIG_SET_FLAG, key, NULL, 0);

	return r < 0 ? err_errno(e, "cannot set option '%s' of a '%s' mount", key, type) : 0;
}

static int open_type(const char *type, const char *source, struct err *e)
{
	auto_close int fs = (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);

	if (fs < 0)
		return err_errno(e, "cannot make a mount of type '%s'", type);
	/* what /proc/mounts shows in its first column, and the device of one that has a device */
	if (set_option(fs, type, "source", source && *source ? source : type, e) < 0)
		return -e->code;
	return take_fd(&fs);
}

static int make(int fs, const char *type, unsigned attrs, struct err *e)
{
	int fd;

	if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return err_errno(e, "cannot make a mount of type '%s'", type);
	fd = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, attrs);
	if (fd < 0)
		return err_errno(e, "cannot make a mount of type '%s'", type);
	return fd;
}

int mnt_new(const char *type, const char *const *options, unsigned attrs, struct err *e)
{
	auto_close int fs = open_type(type, NULL, e);

	for (; fs >= 0 && options && *options; options += 2)
		if (set_option(fs, type, options[0], options[1], e) < 0)
			return -e->code;
	return fs < 0 ? fs : make(fs, type, attrs, e);
}

int mnt_new_text(
	const char *type, const char *source, const char *options, unsigned attrs, struct err *e)
{
	auto_close int fs = open_type(type, source, e);
	auto_free char *copy = xstrdup(options ? options : "");
	char *save = NULL;

	if (fs < 0)
		return fs;
	for (char *o = strtok_r(copy, ",", &save); o; o = strtok_r(NULL, ",", &save)) {
		char *value = strchr(o, '=');
		if (value)
			*value++ = '\0';
		if (set_option(fs, type, o, value, e) < 0)
			return -e->code;
	}
	return make(fs, type, attrs, e);
}

int mnt_copy(int dirfd, const char *path, bool recursive, struct err *e)
{
	int fd = (int)syscall(SYS_open_tree, dirfd, path,
		OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0) |
			(*path ? 0 : AT_EMPTY_PATH));

	return fd < 0 ? err_errno(e, "cannot use '%s' as a mount", path) : fd;
}

static int change(int fd, const struct mount_attr *attr, bool recursive, struct err *e)
{
	if (syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), attr,
		    sizeof *attr) < 0)
		return err_errno(e, "cannot restrict the mount");
	return 0;
}

int mnt_clone(int dirfd, const char *path, unsigned attrs, struct err *e)
{
	auto_close int fd = (int)syscall(SYS_open_tree, dirfd, path,
		OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_SYMLINK_NOFOLLOW |
			(*path ? 0 : AT_EMPTY_PATH));
	/* private: what the host mounts below it later stays out, as it would not get `attrs` */
	const struct mount_attr attr = { .attr_set = attrs, .propagation = MS_PRIVATE };

	if (fd < 0)
		return err_errno(e, "cannot use '%s' as a mount", path);
	if (change(fd, &attr, true, e) < 0)
		return err_wrap(e, "'%s'", path);
	return take_fd(&fd);
}

int mnt_attrs(int fd, uint64_t set, uint64_t clear, bool recursive, struct err *e)
{
	struct mount_attr attr = { .attr_set = set, .attr_clr = clear & ~set };

	/* mount_setattr(2): the access time's bits are one value, set only when all are cleared */
	if ((set | clear) & MOUNT_ATTR__ATIME)
		attr.attr_clr |= MOUNT_ATTR__ATIME;
	return set || clear ? change(fd, &attr, recursive, e) : 0;
}

int mnt_propagate(int fd, unsigned long propagation, struct err *e)
{
	const struct mount_attr attr = { .propagation = propagation & ~(unsigned long)MS_REC };

	return attr.propagation ? change(fd, &attr, propagation & MS_REC, e) : 0;
}

int mnt_idmap(int fd, int userns_fd, bool recursive, struct err *e)
{
	const struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP,
		.userns_fd = (uint64_t)userns_fd };

	if (change(fd, &attr, recursive, e) < 0)
		return err_wrap(e, "cannot map the owners of a mount");
	return 0;
}

int mnt_put_on(int fd, int target_fd, struct err *e)
{
	if (syscall(SYS_move_mount, fd, "", target_fd, "",
		    MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return err_errno(e, "cannot mount");
	return 0;
}

int mnt_put(int fd, int rootfd, const char *target, struct err *e)
{
	auto_close int at = rfd_open_nolink(rootfd, target, O_PATH | O_NOFOLLOW, 0);

	if (at < 0) {
		errno = -at;
		return err_errno(e, "cannot mount on '%s'", target);
	}
	if (mnt_put_on(fd, at, e) < 0)
		return err_wrap(e, "'%s'", target);
	return 0;
}
