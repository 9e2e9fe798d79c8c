#include "runtime/mounts.h"
#include "base/fs.h"
#include "base/mem.h"
#include "runtime/copyup.h"
#include "runtime/device.h"
#include "runtime/mnt.h"
#include "runtime/namespace.h"
#include "runtime/overlay.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>

bool mounts_in_user_namespace(const struct spec *s)
{
	return s->n_uid_maps > 0 || spec_namespace_of(s, CLONE_NEWUSER);
}

static bool is_type(const struct spec_mount *m, const char *type)
{
	return m->type == SPEC_FILE_SYSTEM && str_eq(m->fs_type, type);
}

static bool is_tmpfs(const struct spec_mount *m)
{
	return m->type == SPEC_TMPFS || is_type(m, "tmpfs");
}

static bool is_cgroup(const struct spec_mount *m)
{
	return is_type(m, "cgroup") || is_type(m, "cgroup2");
}

/* A sysfs shows the devices of one network namespace: that which the process is in, now. */
static bool is_late(const struct spec *s, const struct spec_mount *m)
{
	return s->network == SPEC_NETWORK_PREPARED &&
	       (is_type(m, "sysfs") || str_starts(m->target, "/sys/"));
}

/* Below the root of the namespace that we are in. What is there is another container's: its links
 * lead nowhere but inside it, and not through /proc to what it sees of other processes (T33). */
static int copy_inside(const struct spec_mount *m, struct err *e)
{
	auto_close int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_close int at = root < 0 ? -errno : rfd_open(root, m->source, O_PATH, 0);

	if (at < 0) {
		errno = -at;
		return err_errno(e, "cannot open '%s' of the other container", m->source);
	}
	return mnt_copy(at, "", !m->no_recursive, e);
}

/* A source that another mount namespace has: we go there and come back, since open_tree(2) copies
 * only what the caller's namespace has. */
static int copy_from_namespace(const struct spec_mount *m, struct err *e)
{
	auto_close int own = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC),
		       root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC),
		       there = namespace_open(m->mount_ns, m->ns_pid, m->ns_start, e), fd = -1;

	if (there < 0)
		return -e->code;
	if (own < 0 || root < 0 || setns(there, CLONE_NEWNS) < 0)
		return err_errno(e, "cannot enter mount namespace '%s'", m->mount_ns);
	fd = copy_inside(m, e);
	if (setns(own, CLONE_NEWNS) < 0 || fchdir(root) < 0 || chroot(".") < 0)
		abort(); /* nothing may go on in the wrong place */
	return take_fd(&fd);
}

static int make_idmap(const struct spec_mount *m, int fd, struct err *e)
{
	auto_close int made = -1;

	if (m->n_uid_maps == 0 && m->n_gid_maps == 0)
		return 0;
	made = namespace_with_maps(m->uid_maps, m->n_uid_maps, m->gid_maps, m->n_gid_maps, e);
	return made < 0 ? made : mnt_idmap(fd, made, m->recursive_maps, e);
}

static int take_bind(const struct spec_mount *m, struct err *e)
{
	auto_close int fd = m->mount_ns ? copy_from_namespace(m, e)
					: mnt_copy(AT_FDCWD, m->source, !m->no_recursive, e);

	if (fd < 0)
		return fd;
	/* private unless something else is asked for: what the host mounts below it later stays
	 * out, as it would not get the attributes */
	if (mnt_propagate(fd, m->propagation ? (unsigned long)m->propagation : MS_PRIVATE | MS_REC,
		    e) < 0 ||
		make_idmap(m, fd, e) < 0 ||
		/* one that may have to be filled is sealed when it is */
		(!m->copy_up &&
			mnt_attrs(fd, m->read_only ? MOUNT_ATTR_RDONLY : 0, 0, true, e) < 0) ||
		mnt_attrs(fd, m->recursive_attrs, m->recursive_clear, true, e) < 0 ||
		mnt_attrs(fd, m->attrs, m->clear, false, e) < 0)
		return err_wrap(e, "'%s'", m->source);
	return take_fd(&fd);
}

static int take_rootfs(const struct spec *s, struct err *e)
{
	auto_close int fd = mnt_copy(AT_FDCWD, s->rootfs, true, e);
	unsigned long propagation = (unsigned long)s->root_propagation & ~(unsigned long)MS_SHARED;

	if (fd < 0)
		return fd;
	/* a shared one cannot be pivoted to: that comes when it is "/" */
	if ((propagation & ~(unsigned long)MS_REC) == 0)
		propagation = MS_PRIVATE | MS_REC;
	if (propagation & MS_UNBINDABLE) /* likewise */
		propagation = MS_PRIVATE | (propagation & MS_REC);
	return mnt_propagate(fd, propagation, e) < 0 ? -e->code : take_fd(&fd);
}

int mounts_take(const struct spec *s, int userns_fd, struct root *r, struct err *e)
{
	size_t n = 1 + s->n_mounts + s->n_devices + 2;
	bool in_userns = mounts_in_user_namespace(s);

	r->sources = xmalloc(n * sizeof *r->sources);
	r->n_sources = n;
	for (size_t i = 0; i < n; i++)
		r->sources[i] = -1;
	if (!s->rootfs && in_userns && (r->sources[0] = overlay_mapped(s, userns_fd, e)) < 0)
		return -e->code;
	if (s->rootfs && (r->sources[0] = take_rootfs(s, e)) < 0)
		return err_wrap(e, "cannot use the root directory");
	for (size_t i = 0; i < s->n_mounts; i++) {
		const struct spec_mount *m = &s->mounts[i];
		if (m->type == SPEC_BIND && (r->sources[1 + i] = take_bind(m, e)) < 0)
			return -e->code;
		if (is_cgroup(m) && !spec_namespace_of(s, CLONE_NEWCGROUP))
			r->sources[n - 2] =
				open("/sys/fs/cgroup", O_PATH | O_DIRECTORY | O_CLOEXEC);
		/* a network of the host's has no sysfs for a user namespace but the host's */
		if (in_userns && is_type(m, "sysfs") && !spec_namespace_of(s, CLONE_NEWNET) &&
			(r->sources[n - 1] = mnt_clone(AT_FDCWD, "/sys", MOUNT_ATTR_RDONLY, e)) < 0)
			return -e->code;
	}
	for (size_t i = 0; in_userns && i < s->n_devices; i++)
		if (s->devices[i].type != 'p' &&
			(r->sources[1 + s->n_mounts + i] = device_take(&s->devices[i], e)) < 0)
			return -e->code;
	return 0;
}

/* "mode" and "size" of their own members, then the options as they are; what is for us is left
 * out. */
static char *tmpfs_options(const struct spec *s, const struct spec_mount *m, bool *ret_copy_up)
{
	auto_str text = STR_INIT(4096);
	auto_free char *copy = xstrdup(m->options ? m->options : "");
	char *save = NULL;
	bool has_mode = false;

	*ret_copy_up = m->copy_up;
	for (char *o = strtok_r(copy, ",", &save); o; o = strtok_r(NULL, ",", &save)) {
		if (str_eq(o, "tmpcopyup") || str_eq(o, "notmpcopyup")) {
			*ret_copy_up = *o == 't';
			continue;
		}
		has_mode = has_mode || str_starts(o, "mode=");
		str_addf(&text, "%s%s", text.len ? "," : "", o);
	}
	if (!has_mode && (m->mode || m->type == SPEC_TMPFS))
		str_addf(&text, "%smode=%o", text.len ? "," : "", m->mode ? m->mode : 01777);
	if (m->size)
		str_addf(&text, ",size=%llu", (unsigned long long)m->size);
	if (s->mount_label)
		str_addf(&text, ",context=%s", s->mount_label);
	return str_take(&text);
}

/* Copied is what the root has at the place of a mount, and not what is mounted there by now: a link
 * of the image's may lead to /proc, where kernel memory is a file (T33). */
static bool is_of_root(const struct root *r, int target)
{
	struct stat root, there;

	return fstat(r->fd, &root) == 0 && fstat(target, &there) == 0 &&
	       root.st_dev == there.st_dev;
}

static int make_tmpfs(const struct spec *s, const struct spec_mount *m, const struct root *r,
	int target, struct err *e)
{
	bool copy_up;
	auto_free char *options = tmpfs_options(s, m, &copy_up);
	uint64_t attrs = m->type == SPEC_TMPFS
				 ? (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | m->attrs) & ~m->clear
				 : m->attrs;
	auto_close int fd = mnt_new_text(
		"tmpfs", m->source, options, (unsigned)(attrs & ~(uint64_t)MOUNT_ATTR_RDONLY), e);

	if (fd >= 0 && copy_up && is_of_root(r, target) && copy_up_all(target, fd, e) < 0)
		return err_wrap(e, "cannot copy what '%s' has", m->target);
	return fd < 0 ? fd : take_fd(&fd);
}

static int make_file_system(
	const struct spec *s, const struct spec_mount *m, struct root *r, struct err *e)
{
	unsigned attrs = (unsigned)(m->attrs | (m->read_only ? MOUNT_ATTR_RDONLY : 0));
	int *host_sys = &r->sources[r->n_sources - 1];
	auto_free char *options = m->options ? xstrdup(m->options) : NULL;

	if (is_type(m, "sysfs") && *host_sys >= 0)
		return take_fd(host_sys);
	if (s->mount_label && is_type(m, "devpts")) {
		free(options);
		options = xasprintf("%s%scontext=%s", m->options ? m->options : "",
			m->options ? "," : "", s->mount_label);
	}
	return mnt_new_text(m->fs_type, m->source, options, attrs, e);
}

/* Where a mount goes: what is missing is made. procfs and sysfs are for real directories only, or
 * what is written to them later could be somebody else's file (T06, T07). */
static int open_target(const struct spec_mount *m, int source, struct root *r, struct err *e)
{
	bool kernel = is_type(m, "proc") || is_type(m, "sysfs");
	int target = kernel ? rfd_open_nolink(r->fd, m->target, O_PATH | O_NOFOLLOW, 0)
			    : rfd_open(r->fd, m->target, O_PATH, 0);
	struct stat st;
	bool dir;

	if (target == -ENOENT || (!kernel && target < 0)) {
		dir = m->type != SPEC_BIND || (fstat(source, &st) == 0 && S_ISDIR(st.st_mode));
		target = root_make_path(r->fd, m->target, dir, e);
	}
	if (target < 0 && !kernel)
		return err_wrap(e, "cannot mount on '%s'", m->target);
	if (kernel && (target < 0 || fstat(target, &st) < 0 || !S_ISDIR(st.st_mode))) {
		close_fd(&target);
		return err_set(e, ENOTDIR,
			"'%s' must be mounted on an ordinary directory, and '%s' is none",
			m->fs_type, m->target);
	}
	return target;
}

static int put_cgroup(
	const struct spec *s, const struct spec_mount *m, struct root *r, struct err *e)
{
	const bool own = spec_namespace_of(s, CLONE_NEWCGROUP);
	const struct cgroup_view view = { .layout = r->cgroups,
		.resources = &s->resources,
		.read_write = !m->read_only && !(m->attrs & MOUNT_ATTR_RDONLY),
		.path = own ? NULL : s->cgroup,
		.host = own ? -1 : r->sources[r->n_sources - 2] };
	auto_close int target = open_target(m, -1, r, e);

	return target < 0 ? target : cgroup_mount(&view, r->fd, e);
}

static int put_one(const struct spec *s, size_t i, struct root *r, struct err *e)
{
	const struct spec_mount *m = &s->mounts[i];
	int *source = &r->sources[1 + i];
	auto_close int target = -1;

	if (is_cgroup(m))
		return put_cgroup(s, m, r, e);
	target = open_target(m, *source, r, e);
	if (target < 0)
		return target;
	if (m->type == SPEC_BIND && m->copy_up &&
		((is_of_root(r, target) && copy_up_if_empty(target, *source, e) < 0) ||
			mnt_attrs(*source, m->read_only ? MOUNT_ATTR_RDONLY : 0, 0, true, e) < 0))
		return err_wrap(e, "cannot copy what '%s' has", m->target);
	if (is_tmpfs(m))
		*source = make_tmpfs(s, m, r, target, e);
	else if (m->type == SPEC_FILE_SYSTEM)
		*source = make_file_system(s, m, r, e);
	if (*source < 0)
		return -e->code;
	if (mnt_put_on(*source, target, e) < 0)
		return err_wrap(e, "cannot mount on '%s'", m->target);
	if (m->type != SPEC_BIND && mnt_propagate(*source, (unsigned long)m->propagation, e) < 0)
		return err_wrap(e, "'%s'", m->target);
	if (is_type(m, "proc") && r->proc_fd < 0 && str_eq(m->target, "/proc"))
		r->proc_fd = fcntl(*source, F_DUPFD_CLOEXEC, 3);
	return 0;
}

int mounts_put(const struct spec *s, struct root *r, bool late, struct err *e)
{
	for (size_t i = 0; i < s->n_mounts; i++)
		if (is_late(s, &s->mounts[i]) == late && put_one(s, i, r, e) < 0)
			return -e->code;
	return 0;
}

int mounts_seal(const struct spec *s, struct root *r, struct err *e)
{
	for (size_t i = 0; i < s->n_mounts; i++) {
		const struct spec_mount *m = &s->mounts[i];
		if (is_tmpfs(m) && (m->read_only || m->attrs & MOUNT_ATTR_RDONLY) &&
			mnt_attrs(r->sources[1 + i], MOUNT_ATTR_RDONLY, 0, false, e) < 0)
			return err_wrap(e, "'%s'", m->target);
	}
	return 0;
}
