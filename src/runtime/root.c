#include "runtime/root.h"
#include "base/fs.h"
#include "base/mem.h"
#include "runtime/cgroup.h"
#include "runtime/device.h"
#include "runtime/mnt.h"
#include "runtime/mounts.h"
#include "runtime/overlay.h"
#include "runtime/sysctl.h"

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

void root_release(struct root *r)
{
	close_fd(&r->fd);
	close_fd(&r->proc_fd);
	close_fd(&r->own_proc);
	close_fd(&r->pty);
	close_fd(&r->pty_slave);
	close_fd(&r->notify);
	close_fd(&r->filter);
	for (size_t i = 0; r->sources && i < r->n_sources; i++)
		close_fd(&r->sources[i]);
	free(r->sources);
	r->sources = NULL;
}

int root_proc(struct root *r, struct err *e)
{
	if (r->proc_fd >= 0)
		return r->proc_fd;
	if (r->own_proc < 0)
		r->own_proc = mnt_new("proc", NULL, QUIET, e);
	return r->own_proc;
}

/* The root's mount is on the working directory. pivot_root(2) explains the dots. */
static int pivot(struct err *e)
{
	if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return err_errno(e, "cannot make the container's files the root");
	return 0;
}

/* For an initial ramdisk, which cannot be pivoted away from: it is covered. */
static int move_root(struct err *e)
{
	if (mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0)
		return err_errno(e, "cannot make the container's files the root");
	return 0;
}

static int become_root(const struct spec *s, struct root *r, struct err *e)
{
	if (fchdir(r->fd) < 0)
		return err_errno(e, "cannot enter the container's root");
	if ((s->no_pivot ? move_root(e) : pivot(e)) < 0)
		return -e->code;
	close_fd(&r->fd);
	r->fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (r->fd < 0)
		return err_errno(e, "cannot open the container's root");
	return 0;
}

/* What has been made for us is mounted somewhere: over the host's "/", which is about to go, since
 * in a user namespace there may be no way to any other place. */
static int put_root(struct root *r, const char *place, struct err *e)
{
	auto_close int at = open(place, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (at < 0)
		at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (at < 0)
		return err_errno(e, "cannot open '%s'", place);
	if (mnt_put_on(r->sources[0], at, e) < 0)
		return err_wrap(e, "cannot mount the container's root");
	r->fd = take_fd(&r->sources[0]);
	return 0;
}

/* A directory becomes "/" when hooks have seen the host's; and in a user namespace a procfs can be
 * mounted only while another is in sight (mount_namespaces(7)). */
static bool pivots_late(const struct spec *s)
{
	return s->rootfs || mounts_in_user_namespace(s);
}

/* The overlay is "/" before anything else is done: then there is no host left to reach. */
static int enter_overlay(const struct spec *s, struct root *r, struct err *e)
{
	if (r->sources[0] >= 0)
		return put_root(r, "/", e);
	if (overlay_mount(s, e) < 0)
		return -e->code;
	r->fd = open(s->mountpoint, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return r->fd < 0 ? err_errno(e, "cannot open the container's root") : become_root(s, r, e);
}

/* A terminal of the container's own devpts, never the caller's (R15); its other end by TIOCGPTPEER
 * and not by a name (T05). */
int root_terminal(const struct spec *s, int rootfd, int *ret_master, int *ret_slave, struct err *e)
{
	const struct winsize size = { .ws_row = (unsigned short)s->console_rows,
		.ws_col = (unsigned short)s->console_columns };
	auto_close int master = rfd_open_nolink(rootfd, "dev/pts/ptmx", O_RDWR | O_NOCTTY, 0);
	struct statfs sfs;
	int zero = 0, slave;

	if (master < 0 || fstatfs(master, &sfs) < 0 || sfs.f_type != DEVPTS_SUPER_MAGIC ||
		ioctl(master, TIOCSPTLCK, &zero) < 0 || ioctl(master, TIOCSWINSZ, &size) < 0)
		return err_set(e, EIO, "cannot make a terminal");
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return err_errno(e, "cannot make a terminal");
	*ret_master = take_fd(&master);
	*ret_slave = slave;
	return 0;
}

static int make_console(const struct spec *s, struct root *r, struct err *e)
{
	auto_close int console = -1, copy = -1;

	if (root_terminal(s, r->fd, &r->pty, &r->pty_slave, e) < 0)
		return -e->code;
	console = rfd_open_nolink(r->fd, "dev/console", O_RDONLY | O_CREAT | O_EXCL, 0600);
	if (console == -EEXIST) /* a root directory that was used before */
		console = rfd_open_nolink(r->fd, "dev/console", O_PATH | O_NOFOLLOW, 0);
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

static int bind_notify(const struct spec *s, struct root *r, struct err *e)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	const char *slash = strrchr(s->notify_path, '/');
	auto_free char *parent =
		xstrndup(s->notify_path, slash ? (size_t)(slash - s->notify_path) : 0);
	auto_close int dir = rfd_open(r->fd, *parent ? parent : "/", O_PATH | O_DIRECTORY, 0);

	/* by a name in the working directory: the only way to give bind(2) a held directory */
	if (!slash || !slash[1] || strlen(slash + 1) >= sizeof a.sun_path)
		return err_set(e, EINVAL, "'%s' cannot be a socket", s->notify_path);
	memcpy(a.sun_path, slash + 1, strlen(slash + 1) + 1);
	r->notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (dir < 0 || fchdir(dir) < 0 || r->notify < 0 ||
		bind(r->notify, (struct sockaddr *)&a, sizeof a) < 0)
		return err_errno(e, "cannot make socket '%s'", s->notify_path);
	return fchdir(r->fd) < 0 ? err_errno(e, "cannot enter the container's root") : 0;
}

int root_open_filter(const struct spec *s, struct root *r, struct err *e)
{
	auto_close int dir = -1;

	if (!s->seccomp || !*s->seccomp || r->filter >= 0)
		return 0;
	dir = s->state_dir ? open(s->state_dir, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	r->filter = openat(s->state_dir ? dir : AT_FDCWD, s->seccomp, O_RDONLY | O_CLOEXEC);
	return r->filter < 0 ? err_errno(e, "cannot open seccomp filter '%s'", s->seccomp) : 0;
}

int root_sources(const struct spec *s, int userns_fd, struct root *r, struct err *e)
{
	return root_open_filter(s, r, e) < 0 ? -e->code : mounts_take(s, userns_fd, r, e);
}

int root_enter(const struct spec *s, struct root *r, struct err *e)
{
	int result = 0;

	umask(0);
	r->cgroups = cgroup_layout();
	/* before the mounts are cut off from the host's: a shared one has to stay its peer */
	if (!r->sources)
		result = root_sources(s, -1, r, e);
	if (result == 0 && mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		result = err_errno(e, "cannot separate the container's mounts");
	if (result == 0)
		result = s->rootfs ? put_root(r, s->rootfs, e) : enter_overlay(s, r, e);
	if (result == 0)
		result = mounts_put(s, r, false, e);
	if (result == 0)
		result = devices_make(s, r, e);
	if (result == 0 && s->tty)
		result = make_console(s, r, e);
	if (result == 0 && s->notify_path)
		result = bind_notify(s, r, e);
	umask(022);
	return result;
}

/* Where a masked or read-only path is: through the procfs that we made, or below the root. Missing
 * ones are fine: kernels differ. The kernel's own file systems have no links on the way (T04). */
static int open_posture(const struct root *r, const char *path)
{
	if (str_starts(path, "/proc/") && r->proc_fd >= 0)
		return rfd_open_nolink(r->proc_fd, path + strlen("/proc/"), O_PATH, 0);
	if (str_starts(path, "/proc/") || str_starts(path, "/sys/"))
		return rfd_open_nolink(r->fd, path, O_PATH, 0);
	return rfd_open(r->fd, path, O_PATH, 0);
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
	bool kernel = str_starts(path, "/proc/") || str_starts(path, "/sys/");

	if (target == -ENOENT || target == -ENOTDIR)
		return 0;
	if (target < 0)
		return err_set(e, -target, "cannot protect '%s'", path);
	copy = mnt_clone(target, "", MOUNT_ATTR_RDONLY | (kernel ? QUIET : 0), e);
	if (copy < 0 || mnt_put_on(copy, target, e) < 0)
		return err_wrap(e, "cannot protect '%s'", path);
	return 0;
}

static int mask_all(const struct spec *s, struct root *r, struct err *e)
{
	auto_close int null_fd = s->masked.n ? rfd_open_nolink(r->fd, "dev/null", O_PATH, 0) : -1;
	struct stat st;

	/* ours on our tmpfs, but looked at all the same: this covers the kernel's files (T04) */
	if (s->masked.n && (null_fd < 0 || fstat(null_fd, &st) < 0 || !S_ISCHR(st.st_mode) ||
				   st.st_rdev != makedev(1, 3)))
		return err_set(e, EIO, "the container's /dev/null is not the null device");
	for (size_t i = 0; i < s->read_only_paths.n; i++)
		if (protect_path(r, s->read_only_paths.v[i], e) < 0)
			return -e->code;
	for (size_t i = 0; i < s->masked.n; i++)
		if (mask_path(r, s->masked.v[i], null_fd, e) < 0)
			return -e->code;
	return 0;
}

/* What takes effect only on "/" itself. */
static int finish_root_mount(const struct spec *s, struct root *r, struct err *e)
{
	unsigned long propagation = (unsigned long)s->root_propagation;

	if (s->rootfs && propagation & (MS_SHARED | MS_UNBINDABLE) &&
		mount(NULL, "/", NULL, propagation, NULL) < 0)
		return err_errno(e, "cannot set the propagation of the root");
	if (s->read_only_root && mnt_attrs(r->fd, MOUNT_ATTR_RDONLY, 0, false, e) < 0)
		return err_wrap(e, "cannot make the root read-only");
	return 0;
}

int root_finish(const struct spec *s, struct root *r, struct err *e)
{
	int proc;

	if (pivots_late(s) && become_root(s, r, e) < 0)
		return -e->code;
	if (mounts_put(s, r, true, e) < 0)
		return -e->code;
	if (s->sysctls.n && ((proc = root_proc(r, e)) < 0 || sysctls_write(s, proc, e) < 0))
		return -e->code;
	if (mask_all(s, r, e) < 0 || mounts_seal(s, r, e) < 0)
		return -e->code;
	return finish_root_mount(s, r, e);
}
