#include "runtime/root.h"
#include "base/fs.h"
#include "base/mem.h"
#include "runtime/cgroup.h"
#include "runtime/mnt.h"
#include "runtime/posture.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/vfs.h>

#define QUIET (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

/* overlay(5) with every name relative to the state directory. A page of options holds 64 layers of
 * our short names, so the one call works on every kernel. MS_NODEV: an image may bring the node of
 * a host's disk, and without control groups there is no list of devices that would stop it. */
static int mount_overlay(const struct spec *s, struct err *e)
{
	auto_str options = STR_INIT(4095);

	if (chdir(s->state_dir) < 0)
		return err_errno(e, "cannot enter '%s'", s->state_dir);
	for (size_t i = 0; i < s->lower.n; i++)
		str_addf(&options, "%s%s", i ? ":" : "lowerdir=", s->lower.v[i]);
	str_addf(&options, ",upperdir=%s,workdir=%s,redirect_dir=off,metacopy=off%s", s->upper,
		s->work, s->volatile_root ? ",volatile" : "");
	if (options.overflow)
		return err_set(e, E2BIG, "the image has too many layers (%zu)", s->lower.n);
	if (mount("overlay", s->mountpoint, "overlay", MS_NODEV, str_text(&options)) < 0) {
		err_errno(e, "cannot mount the container's layers");
		return e->code == EBUSY ? err_hint(e, "the container's files are in use elsewhere")
					: -e->code;
	}
	return 0;
}

static int become_root(const struct spec *s, struct root *ret, struct err *e)
{
	if (chdir(s->mountpoint) < 0)
		return err_errno(e, "cannot enter the container's root");
	if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return err_errno(e, "cannot make the container's files the root");
	ret->fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (ret->fd < 0)
		return err_errno(e, "cannot open the container's root");
	return 0;
}

static int make_devices(int dev, struct err *e)
{
	for (const struct posture_device *d = posture_devices; d->name; d++)
		if (mknodat(dev, d->name, S_IFCHR | 0666, makedev(d->major, d->minor)) < 0)
			return err_errno(e, "cannot make '/dev/%s'", d->name);
	for (const char *const *l = posture_dev_links; *l; l += 2)
		if (symlinkat(l[1], dev, l[0]) < 0)
			return err_errno(e, "cannot make '/dev/%s'", l[0]);
	if (mkdirat(dev, "pts", 0755) < 0 || mkdirat(dev, "shm", 01777) < 0 ||
		mkdirat(dev, "mqueue", 0755) < 0)
		return err_errno(e, "cannot fill '/dev'");
	return 0;
}

/* A new mount, put on `target` at once. */
static int put_new(int rootfd, const char *type, const char *const *options, unsigned attrs,
	const char *target, struct err *e)
{
	auto_close int fd = mnt_new(type, options, attrs, e);

	return fd < 0 ? fd : mnt_put(fd, rootfd, target, e);
}

static int mount_dev(const struct spec *s, struct root *r, struct err *e)
{
	static const char *const dev_options[] = { "mode", "755", "size", "65536k", NULL };
	static const char *const pts_options[] = { "newinstance", NULL, "ptmxmode", "0666", "mode",
		"0620", "gid", "5", NULL };
	char size[24];
	const char *const shm_options[] = { "mode", "1777", "size", size, NULL };
	auto_close int dev =
		mnt_new("tmpfs", dev_options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, e);

	snprintf(size, sizeof size, "%llu", (unsigned long long)s->shm_size);
	if (dev < 0 || make_devices(dev, e) < 0 || mnt_put(dev, r->fd, "dev", e) < 0)
		return -e->code;
	if (put_new(r->fd, "devpts", pts_options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, "dev/pts",
		    e) < 0 ||
		put_new(r->fd, "tmpfs", shm_options, QUIET, "dev/shm", e) < 0 ||
		put_new(r->fd, "mqueue", NULL, QUIET, "dev/mqueue", e) < 0)
		return -e->code;
	return 0;
}

/* A terminal of the container's own devpts, never the caller's (R15); its other end by TIOCGPTPEER
 * and not by a name (T05). */
static int make_terminal(const struct spec *s, struct root *r, struct err *e)
{
	const struct winsize size = { .ws_row = (unsigned short)s->console_rows,
		.ws_col = (unsigned short)s->console_columns };
	auto_close int console = -1, copy = -1;
	struct statfs sfs;
	int zero = 0;

	r->pty = rfd_open_nolink(r->fd, "dev/pts/ptmx", O_RDWR | O_NOCTTY, 0);
	if (r->pty < 0 || fstatfs(r->pty, &sfs) < 0 || sfs.f_type != DEVPTS_SUPER_MAGIC ||
		ioctl(r->pty, TIOCSPTLCK, &zero) < 0 || ioctl(r->pty, TIOCSWINSZ, &size) < 0)
		return err_set(e, EIO, "cannot make a terminal");
	r->pty_slave = ioctl(r->pty, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (r->pty_slave < 0)
		return err_errno(e, "cannot make a terminal");
	console = rfd_open_nolink(r->fd, "dev/console", O_RDONLY | O_CREAT | O_EXCL, 0600);
	copy = mnt_clone(r->pty_slave, "", 0, e);
	if (console < 0 || copy < 0)
		return err_set(e, EIO, "cannot make '/dev/console'");
	return mnt_put_on(copy, console, e);
}

int root_make_path(int rootfd, const char *path, bool dir, struct err *e)
{
	auto_free char *copy = xstrdup(path);
	auto_close int at = fcntl(rootfd, F_DUPFD_CLOEXEC, 3);
	char *save = NULL, *part = strtok_r(copy, "/", &save);

	while (at >= 0 && part) {
		char *next_part = strtok_r(NULL, "/", &save);
		auto_close int made = -1;
		int next;
		if (str_eq(part, ".."))
			return err_set(e, EINVAL, "'..' cannot be used here");
		if (next_part || dir) {
			if (mkdirat(at, part, 0755) < 0 && errno != EEXIST)
				return err_errno(e, "cannot make '%s'", path);
		} else {
			made = openat(at, part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
			if (made < 0 && errno != EEXIST)
				return err_errno(e, "cannot make '%s'", path);
		}
		/* an absolute link in the middle is the root's business: start from its top */
		next = rfd_open_nolink(at, part, O_PATH, 0);
		if (next == -ELOOP) {
			size_t upto = (size_t)(part - copy) + strlen(part);
			auto_free char *prefix = xstrndup(path, upto);
			next = rfd_open(rootfd, prefix, O_PATH, 0);
		}
		close_fd(&at);
		at = next;
		part = next_part;
	}
	if (at < 0) {
		errno = -at;
		return err_errno(e, "cannot make '%s'", path);
	}
	return take_fd(&at);
}

/* The person's mounts. Sources were cloned while the host's tree was still there. */
static int put_mounts(const struct spec *s, const int *sources, struct root *r, struct err *e)
{
	for (size_t i = 0; i < s->n_mounts; i++) {
		const struct spec_mount *m = &s->mounts[i];
		char mode[16], size[24];
		const char *options[] = { "mode", mode, m->size ? "size" : NULL, size, NULL };
		auto_close int made = -1, target = -1;

		snprintf(mode, sizeof mode, "%o", m->mode ? m->mode : 01777);
		snprintf(size, sizeof size, "%llu", (unsigned long long)m->size);
		if (m->type == SPEC_TMPFS)
			made = mnt_new("tmpfs", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, e);
		if (m->type == SPEC_TMPFS && made < 0)
			return -e->code;
		target = rfd_open(r->fd, m->target, O_PATH, 0);
		if (target < 0) {
			struct stat st;
			bool dir = m->type == SPEC_TMPFS ||
				   (fstat(sources[i], &st) == 0 && S_ISDIR(st.st_mode));
			target = root_make_path(r->fd, m->target, dir, e);
		}
		if (target < 0)
			return err_wrap(e, "cannot mount on '%s'", m->target);
		if (mnt_put_on(m->type == SPEC_TMPFS ? made : sources[i], target, e) < 0)
			return err_wrap(e, "cannot mount on '%s'", m->target);
	}
	return 0;
}

static int bind_notify(const struct spec *s, struct root *r, struct err *e)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	/* "/" is the container's by now; the directory is on a tmpfs that we have just mounted */
	if (strlen(s->notify_path) >= sizeof a.sun_path)
		return err_set(e, ENAMETOOLONG, "'%s' is too long for a socket", s->notify_path);
	memcpy(a.sun_path, s->notify_path, strlen(s->notify_path) + 1);
	r->notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (r->notify < 0 || bind(r->notify, (struct sockaddr *)&a, sizeof a) < 0)
		return err_errno(e, "cannot make socket '%s'", s->notify_path);
	return 0;
}

int root_enter(const struct spec *s, struct root *ret, struct err *e)
{
	static const char *const proc_options[] = { NULL };
	auto_free int *sources = xmalloc((s->n_mounts + 1) * sizeof *sources);
	int r = 0;

	umask(0);
	ret->cgroups = cgroup_layout();
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return err_errno(e, "cannot separate the container's mounts");
	for (size_t i = 0; i < s->n_mounts; i++) {
		const struct spec_mount *m = &s->mounts[i];
		sources[i] = -1;
		if (r == 0 && m->type == SPEC_BIND) {
			sources[i] = mnt_clone(
				AT_FDCWD, m->source, m->read_only ? MOUNT_ATTR_RDONLY : 0, e);
			r = sources[i] < 0 ? sources[i] : 0;
		}
	}
	if (r == 0)
		r = mount_overlay(s, e);
	if (r == 0)
		r = become_root(s, ret, e);
	if (r == 0) {
		ret->proc_fd = mnt_new("proc", proc_options, QUIET, e);
		r = ret->proc_fd < 0 ? ret->proc_fd : mnt_put(ret->proc_fd, ret->fd, "proc", e);
	}
	if (r == 0)
		r = mount_dev(s, ret, e);
	if (r == 0 && s->tty)
		r = make_terminal(s, ret, e);
	if (r == 0)
		r = put_mounts(s, sources, ret, e);
	if (r == 0 && s->notify_path)
		r = bind_notify(s, ret, e);
	for (size_t i = 0; i < s->n_mounts; i++)
		close_fd(&sources[i]);
	umask(022);
	return r;
}

/* Where a path of posture_masked or posture_read_only is: through the procfs that we made, or below
 * the root. Missing ones are fine: kernels differ. */
static int open_posture(const struct root *r, const char *path)
{
	if (str_starts(path, "/proc/"))
		return rfd_open_nolink(r->proc_fd, path + strlen("/proc/"), O_PATH, 0);
	return rfd_open_nolink(r->fd, path, O_PATH, 0);
}

static int mask_path(const struct root *r, const char *path, int null_fd, struct err *e)
{
	static const char *const empty_options[] = { "size", "0", "nr_inodes", "1", NULL };
	auto_close int target = open_posture(r, path), cover = -1;
	struct stat st;

	if (target == -ENOENT || target == -ENOTDIR)
		return 0;
	if (target < 0 || fstat(target, &st) < 0)
		return err_set(e, target < 0 ? -target : errno, "cannot mask '%s'", path);
	if (S_ISDIR(st.st_mode))
		cover = mnt_new("tmpfs", empty_options, QUIET | MOUNT_ATTR_RDONLY, e);
	else
		cover = mnt_clone(null_fd, "", 0, e);
	if (cover < 0 || mnt_put_on(cover, target, e) < 0)
		return err_wrap(e, "cannot mask '%s'", path);
	return 0;
}

static int protect_path(const struct root *r, const char *path, struct err *e)
{
	auto_close int target = open_posture(r, path), copy = -1;

	if (target == -ENOENT || target == -ENOTDIR)
		return 0;
	if (target < 0)
		return err_set(e, -target, "cannot protect '%s'", path);
	copy = mnt_clone(target, "", MOUNT_ATTR_RDONLY | QUIET, e);
	if (copy < 0 || mnt_put_on(copy, target, e) < 0)
		return err_wrap(e, "cannot protect '%s'", path);
	return 0;
}

/* /sys/devices/system/cpu/cpuN/thermal_throttle counts for the whole host (T39). */
static int mask_thermal(const struct root *r, int null_fd, struct err *e)
{
	char path[80];

	for (unsigned cpu = 0; cpu < 4096; cpu++) {
		auto_close int fd = -1;
		snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%u/thermal_throttle", cpu);
		fd = rfd_open_nolink(r->fd, path, O_PATH, 0);
		if (fd < 0)
			return 0; /* all CPUs have it or none has */
		if (mask_path(r, path, null_fd, e) < 0)
			return -e->code;
	}
	return 0;
}

/* Through our procfs alone, and only if the file is procfs's (T06). */
static int write_sysctl(const struct root *r, const char *key, const char *value, struct err *e)
{
	auto_free char *path = xasprintf("sys/%s", key);
	auto_close int fd = rfd_open_nolink(r->proc_fd, path, O_WRONLY, 0);
	struct statfs sfs;

	if (fd == -ENOENT)
		return 0; /* a kernel without this protocol */
	if (fd < 0)
		return err_set(e, -fd, "cannot set sysctl '%s'", key);
	if (fstatfs(fd, &sfs) < 0 || sfs.f_type != PROC_SUPER_MAGIC ||
		write(fd, value, strlen(value)) < 0)
		return err_errno(e, "cannot set sysctl '%s'", key);
	return 0;
}

int root_finish(const struct spec *s, struct root *r, struct err *e)
{
	auto_close int null_fd = rfd_open_nolink(r->fd, "dev/null", O_PATH, 0);
	const struct cgroup_view view = {
		.layout = r->cgroups, .resources = &s->resources, .host = -1
	};
	struct stat st;

	/* ours on our tmpfs, but looked at all the same: this covers the kernel's files (T04) */
	if (null_fd < 0 || fstat(null_fd, &st) < 0 || !S_ISCHR(st.st_mode) ||
		st.st_rdev != makedev(1, 3))
		return err_set(e, EIO, "the container's /dev/null is not the null device");
	if (put_new(r->fd, "sysfs", NULL, QUIET | MOUNT_ATTR_RDONLY, "sys", e) < 0)
		return -e->code;
	if (cgroup_mount(&view, r->fd, e) < 0)
		return -e->code;
	for (const char *const *k = posture_net_sysctls; s->network != SPEC_NETWORK_HOST && *k;
		k += 2)
		if (write_sysctl(r, k[0], k[1], e) < 0)
			return -e->code;
	for (const char *const *p = posture_read_only; *p; p++)
		if (protect_path(r, *p, e) < 0)
			return -e->code;
	for (const char *const *p = posture_masked; *p; p++)
		if (mask_path(r, *p, null_fd, e) < 0)
			return -e->code;
	return mask_thermal(r, null_fd, e);
}
