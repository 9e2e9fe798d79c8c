/* What a container sees at /sys/fs/cgroup. */
#include "base/mem.h"
#include "runtime/cgroup-tree.h"
#include "runtime/mnt.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define QUIET (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

/* A hierarchy as the container has it: mounted anew, it begins where the cgroup namespace does; in
 * the host's namespace it is the group's own directory. -1: a host may lack a controller. */
static int v1_hierarchy(const struct cgroup_view *v, enum cg_controller c, uint64_t attrs)
{
	const char *const controller[] = { cg_v1_names[c], NULL, NULL };
	auto_free char *path = NULL;
	struct err ignored;

	if (!v->path)
		return mnt_new("cgroup", controller, attrs, &ignored);
	path = xasprintf("%s/%s", cg_v1_names[c], v->path);
	return mnt_clone(v->host, path, attrs, &ignored);
}

/* Version 1: a tmpfs with a directory for each hierarchy that the container has a group in; in the
 * others it would see the host's. */
static int v1_mount(const struct cgroup_view *v, int rootfd, struct err *e)
{
	static const char *const options[] = { "mode", "755", "size", "64k", NULL };
	auto_close int base = mnt_new("tmpfs", options, QUIET, e);
	uint64_t attrs = QUIET | (v->read_write ? 0 : MOUNT_ATTR_RDONLY);
	struct mount_attr read_only = { .attr_set = MOUNT_ATTR_RDONLY };
	unsigned wanted = cg_v1_hierarchies(v->resources);
	int mounts[CG_END], r = base < 0 ? base : 0;

	for (enum cg_controller c = 0; c < CG_END; c++) {
		mounts[c] = r == 0 && wanted & 1u << c ? v1_hierarchy(v, c, attrs) : -1;
		if (r == 0 && mounts[c] >= 0 && mkdirat(base, cg_v1_names[c], 0755) < 0)
			r = err_errno(e, "cannot make '/sys/fs/cgroup/%s'", cg_v1_names[c]);
	}
	/* before Linux 6.15 nothing can be mounted on a mount that is still detached */
	if (r == 0 && syscall(SYS_mount_setattr, base, "", AT_EMPTY_PATH, &read_only,
			      sizeof read_only) < 0)
		r = err_errno(e, "cannot make '/sys/fs/cgroup' read-only");
	if (r == 0)
		r = mnt_put(base, rootfd, "sys/fs/cgroup", e);
	for (enum cg_controller c = 0; c < CG_END; c++) {
		char target[48];
		snprintf(target, sizeof target, "sys/fs/cgroup/%s", cg_v1_names[c]);
		if (r == 0 && mounts[c] >= 0)
			r = mnt_put(mounts[c], rootfd, target, e);
		close_fd(&mounts[c]);
	}
	return r;
}

int cgroup_mount(const struct cgroup_view *v, int rootfd, struct err *e)
{
	auto_close int fd = -1;

	switch (v->layout) {
	case CGROUP_V1:
		return v1_mount(v, rootfd, e);
	case CGROUP_V2:
		fd = mnt_new("cgroup2", NULL, QUIET | (v->read_write ? 0 : MOUNT_ATTR_RDONLY), e);
		return fd < 0 ? fd : mnt_put(fd, rootfd, "sys/fs/cgroup", e);
	case CGROUP_NONE:
		break;
	}
	return 0;
}
