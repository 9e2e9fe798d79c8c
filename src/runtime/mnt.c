#include "runtime/mnt.h"
#include "base/fs.h"
#include "base/mem.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>

int mnt_new(const char *type, const char *const *options, unsigned attrs, struct err *e)
{
	auto_close int fs = (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
	int fd;

	if (fs < 0)
		return err_errno(e, "cannot make a mount of type '%s'", type);
	/* what /proc/mounts shows in its first column */
	syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "source", type, 0);
	for (; options && *options; options += 2) {
		long r = options[1] ? syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, options[0],
					      options[1], 0)
				    : syscall(SYS_fsconfig, fs, FSCONFIG_SET_FLAG, options[0], NULL,
					      0);
		if (r < 0)
			return err_errno(
				e, "cannot set option '%s' of a '%s' mount", options[0], type);
	}
	if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return err_errno(e, "cannot make a mount of type '%s'", type);
	fd = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, attrs);
	if (fd < 0)
		return err_errno(e, "cannot make a mount of type '%s'", type);
	return fd;
}

int mnt_clone(int dirfd, const char *path, unsigned attrs, struct err *e)
{
	auto_close int fd = (int)syscall(SYS_open_tree, dirfd, path,
		OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_SYMLINK_NOFOLLOW |
			(*path ? 0 : AT_EMPTY_PATH));
	/* private: what the host mounts below it later stays out, as it would not get `attrs` */
	struct mount_attr attr = { .attr_set = attrs, .propagation = MS_PRIVATE };

	if (fd < 0)
		return err_errno(e, "cannot use '%s' as a mount", path);
	if (syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof attr) <
		0)
		return err_errno(e, "cannot restrict the mount of '%s'", path);
	return take_fd(&fd);
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
