#include "base/fs.h"
#include "base/mem.h"
#include "base/proc.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>

int fs_open_dir(int dirfd, const char *name, struct err *e)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return err_errno(e, "cannot open directory '%s'", name);
	return fd;
}

int fs_open_dir_make(int dirfd, const char *path, mode_t mode, struct err *e)
{
	auto_free char *copy = xstrdup(path);
	/* it is there nearly always */
	int fd = openat(dirfd, copy, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	for (char *p = copy + 1; *copy && *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdirat(dirfd, copy, mode) < 0 && errno != EEXIST)
			return err_errno(e, "cannot make directory '%s'", copy);
		*p = '/';
	}
	if (mkdirat(dirfd, copy, mode) < 0 && errno != EEXIST)
		return err_errno(e, "cannot make directory '%s'", copy);
	fd = openat(dirfd, copy, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_errno(e, "cannot open directory '%s'", copy);
	return fd;
}

int fs_write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int fs_pwrite_all(int fd, const void *data, size_t len, off_t at)
{
	const char *p = data;

	while (len) {
		ssize_t n = pwrite(fd, p, len, at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

ssize_t fs_pread_full(int fd, void *data, size_t len, off_t at)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = pread(fd, (char *)data + done, len - done, at + (off_t)done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

ssize_t fs_read_full(int fd, void *data, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = read(fd, (char *)data + done, len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

/* Reads what is left of regular file `fd`, at most `max` bytes. */
static int read_whole(
	int fd, const char *name, size_t max, char **ret, size_t *ret_len, struct err *e)
{
	auto_free char *data = NULL;
	struct stat st;
	size_t len = 0, size;

	if (fstat(fd, &st) < 0)
		return err_errno(e, "cannot read '%s'", name);
	if (!S_ISREG(st.st_mode))
		return err_set(e, EINVAL, "'%s' is not a regular file", name);
	if ((uint64_t)st.st_size > max)
		return err_set(e, EFBIG, "'%s' is larger than %zu bytes", name, max);
	/* one byte more than expected, to see the end; files in /proc say 0 and grow */
	size = st.st_size ? (size_t)st.st_size + 1 : 4096;
	for (;;) {
		ssize_t n;
		data = xrealloc_array(data, size + 1, 1);
		n = fs_read_full(fd, data + len, size - len);
		if (n < 0) {
			errno = (int)-n;
			return err_errno(e, "cannot read '%s'", name);
		}
		len += (size_t)n;
		if (len > max)
			return err_set(e, EFBIG, "'%s' is larger than %zu bytes", name, max);
		if (len < size)
			break;
		size *= 2;
	}
	data[len] = '\0';
	*ret = take_ptr(&data);
	if (ret_len)
		*ret_len = len;
	return 0;
}

int fs_read_file(
	int dirfd, const char *name, size_t max, char **ret, size_t *ret_len, struct err *e)
{
	auto_close int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return err_errno(e, "cannot open '%s'", name);
	return read_whole(fd, name, max, ret, ret_len, e);
}

int fs_sync(int fd, struct err *e)
{
	if (fsync(fd) < 0)
		return err_errno(e, "cannot write to the disk");
	return 0;
}

int fs_write_file(int dirfd, const char *name, const void *data, size_t len, mode_t mode,
	enum fs_durability durability, struct err *e)
{
	auto_free char *tmp = NULL;
	auto_close int fd = -1;
	uint64_t salt;
	int r;

	if (getrandom(&salt, sizeof salt, 0) != sizeof salt)
		return err_errno(e, "cannot get random bytes");
	tmp = xasprintf("%s.tmp-%016llx", name, (unsigned long long)salt);
	fd = openat(dirfd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return err_errno(e, "cannot write '%s'", name);
	r = fs_write_all(fd, data, len);
	if (r == 0 && fchmod(fd, mode) < 0)
		r = -errno;
	if (r == 0 && durability == FS_DURABLE && fsync(fd) < 0)
		r = -errno;
	if (r == 0 && renameat(dirfd, tmp, dirfd, name) < 0)
		r = -errno;
	if (r < 0) {
		unlinkat(dirfd, tmp, 0);
		errno = -r;
		return err_errno(e, "cannot write '%s'", name);
	}
	if (durability == FS_DURABLE && dirfd >= 0 && fsync(dirfd) < 0)
		return err_errno(e, "cannot write '%s' to the disk", name);
	return 0;
}

static int open_in(int rootfd, const char *path, int flags, mode_t mode, uint64_t resolve)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned)flags | O_CLOEXEC,
		.mode = flags & (O_CREAT | O_TMPFILE) ? mode : 0,
		.resolve = resolve,
	};
	long fd;

	/* EAGAIN: a rename raced with the walk, and the kernel asks to start again (openat2(2)) */
	for (int tries = 0; tries < 128; tries++) {
		fd = syscall(SYS_openat2, rootfd, path, &how, sizeof how);
		if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
	}
	return fd < 0 ? -errno : (int)fd;
}

/* Empties the directory `fd` (consumed). Depth is walked with one fd a level, so a tree deeper
 * than the fd limit is flattened first: a directory below is moved up to the top. */
static int remove_below(int fd, int topfd, int depth, unsigned *moved, struct err *e)
{
	auto_dir DIR *d = fdopendir(fd);
	struct dirent *ent;

	if (!d) {
		close(fd);
		return err_errno(e, "cannot read a directory");
	}
	while ((errno = 0, ent = readdir(d))) {
		const char *n = ent->d_name;
		int sub, r;

		if (str_eq(n, ".") || str_eq(n, ".."))
			continue;
		if (ent->d_type != DT_DIR) {
			if (unlinkat(dirfd(d), n, 0) == 0 || errno == ENOENT)
				continue;
			if (errno != EISDIR)
				return err_errno(e, "cannot remove '%s'", n);
		}
		if (depth > 100) {
			char name[40];
			do /* the tree may hold such names already */
				snprintf(name, sizeof name, ".redock-deep-%u", (*moved)++);
			while ((r = renameat(dirfd(d), n, topfd, name)) < 0 &&
				(errno == EEXIST || errno == ENOTEMPTY || errno == ENOTDIR));
			if (r < 0 && errno != ENOENT)
				return err_errno(e, "cannot remove '%s'", n);
			continue;
		}
		if (unlinkat(dirfd(d), n, AT_REMOVEDIR) == 0 || errno == ENOENT)
			continue;
		/* a mount inside is somebody's data */
		sub = open_in(dirfd(d), n, O_RDONLY | O_DIRECTORY, 0,
			RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
		if (sub == -ENOENT)
			continue; /* another process removes the same tree */
		if (sub < 0) {
			errno = -sub;
			return err_errno(e, "cannot remove '%s'", n);
		}
		r = remove_below(sub, topfd, depth + 1, moved, e);
		if (r < 0)
			return r;
		if (unlinkat(dirfd(d), n, AT_REMOVEDIR) < 0 && errno != ENOENT)
			return err_errno(e, "cannot remove '%s'", n);
	}
	if (errno)
		return err_errno(e, "cannot read a directory");
	return 0;
}

int fs_remove_tree(int dirfd, const char *name, struct err *e)
{
	unsigned moved = 0, before;
	int r;

	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (unlinkat(dirfd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	do {
		int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		auto_close int top = -1;

		if (fd < 0 && errno == ENOENT)
			return 0;
		if (fd < 0)
			return err_errno(e, "cannot remove '%s'", name);
		top = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		before = moved;
		r = remove_below(fd, top, 0, &moved, e);
		if (r < 0)
			return err_wrap(e, "cannot remove '%s'", name);
	} while (moved != before);
	if (unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return err_errno(e, "cannot remove '%s'", name);
	return 0;
}

#ifdef REDOCK_UNSAFE_PATHS
/* What the races of tests/e2e/attacks-races.bats are there to find: a path as other programs open
 * it, which a link leads out of the root. For a build that nobody installs (meson_options.txt). */
static int open_from(int rootfd, const char *path, int flags, mode_t mode, uint64_t resolve)
{
	const char *relative = path + strspn(path, "/");
	int fd = openat(rootfd, *relative ? relative : ".", flags | O_CLOEXEC, mode);

	return fd < 0 ? -errno : fd;
}
#else
static int open_from(int rootfd, const char *path, int flags, mode_t mode, uint64_t resolve)
{
	return open_in(rootfd, path, flags, mode, resolve);
}
#endif

int rfd_open(int rootfd, const char *path, int flags, mode_t mode)
{
	return open_from(rootfd, path, flags, mode, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

int rfd_open_nolink(int rootfd, const char *path, int flags, mode_t mode)
{
	return open_from(rootfd, path, flags, mode,
		RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS);
}

int rfd_open_own(int rootfd, const char *path, int flags)
{
	return open_in(
		rootfd, path, flags, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
}

int rfd_read_file(
	int rootfd, const char *path, size_t max, char **ret, size_t *ret_len, struct err *e)
{
	auto_close int fd = rfd_open(rootfd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	struct statfs sfs;

	if (fd < 0) {
		errno = -fd;
		return err_errno(e, "cannot open '%s'", path);
	}
	/* the kernel's own files claim to be regular, and yet reading one can block or change
	 * things */
	if (fstatfs(fd, &sfs) < 0 || sfs.f_type == PROC_SUPER_MAGIC || sfs.f_type == SYSFS_MAGIC)
		return err_set(e, EINVAL, "'%s' is not a regular file", path);
	return read_whole(fd, path, max, ret, ret_len, e);
}

static void ignore_signal(int sig)
{
	(void)sig; /* it only has to interrupt flock(2) */
}

/* flock(2) with a limit: a one-shot timer's signal interrupts it. The timer repeats, in case the
 * first signal comes before flock has begun to wait. */
static int lock_for(int fd, int how, int timeout_ms)
{
	struct sigaction act = { .sa_handler = ignore_signal }, old;
	struct sigevent signal_us = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM };
	struct itimerspec at = { .it_value = { timeout_ms / 1000, timeout_ms % 1000 * 1000000L },
		.it_interval = { 0, 100000000 } };
	timer_t timer;
	struct timespec begin, now;
	int r = 0;

	if (timeout_ms == 0)
		at.it_value.tv_nsec = 1;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	sigaction(SIGALRM, &act, &old);
	if (timer_create(CLOCK_MONOTONIC, &signal_us, &timer) < 0) {
		r = -errno;
		sigaction(SIGALRM, &old, NULL);
		return r;
	}
	timer_settime(timer, 0, &at, NULL);
	while (flock(fd, how) < 0) {
		if (errno != EINTR) {
			r = -errno;
			break;
		}
		clock_gettime(CLOCK_MONOTONIC, &now);
		if ((now.tv_sec - begin.tv_sec) * 1000 + (now.tv_nsec - begin.tv_nsec) / 1000000 >=
			timeout_ms) {
			r = -ETIMEDOUT;
			break;
		}
	}
	timer_delete(timer);
	sigaction(SIGALRM, &old, NULL);
	return r;
}

/* How long a command waits for another one: a minute, or $REDOCK_LOCK_TIMEOUT seconds. */
static int default_timeout(void)
{
	const char *text = getenv("REDOCK_LOCK_TIMEOUT");
	uint64_t seconds;

	return text && str_to_u64(text, 0, 86400, &seconds) == 0 ? (int)seconds * 1000 : 60000;
}

static int lock_file(int dirfd, const char *name, int how, int timeout_ms, struct err *e)
{
	if (timeout_ms < 0)
		timeout_ms = default_timeout();
	for (;;) {
		auto_close int fd =
			openat(dirfd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		struct stat mine, there;
		char pid[24];
		int r = 0;

		if (fd < 0)
			return err_errno(e, "cannot open lock '%s'", name);
		if (flock(fd, how | LOCK_NB) < 0)
			r = errno == EWOULDBLOCK || errno == EINTR ? lock_for(fd, how, timeout_ms)
								   : -errno;
		if (r == -ETIMEDOUT) {
			ssize_t n = pread(fd, pid, sizeof pid - 1, 0);
			pid[n > 0 ? n : 0] = '\0';
			pid[strcspn(pid, "\n")] = '\0';
			err_set(e, ETIMEDOUT, "lock '%s' is held by process %s for more than %d s",
				name, *pid ? pid : "(unknown)", timeout_ms / 1000);
			return err_hint(e, "see what it does: ps -p %s -f", *pid ? pid : "PID");
		}
		if (r < 0) {
			errno = -r;
			return err_errno(e, "cannot lock '%s'", name);
		}
		/* its last holder may have removed the file meanwhile: then it is no lock any more
		 */
		if (fstat(fd, &mine) < 0 || fstatat(dirfd, name, &there, AT_SYMLINK_NOFOLLOW) < 0 ||
			mine.st_ino != there.st_ino)
			continue;
		if (how == LOCK_SH)
			return take_fd(&fd); /* those come in numbers and go at once */
		snprintf(pid, sizeof pid, "%d\n", getpid());
		/* cut afterwards and only if need be: a disk's file system charges for it */
		if (fs_pwrite_all(fd, pid, strlen(pid), 0) < 0 ||
			(mine.st_size > (off_t)strlen(pid) &&
				ftruncate(fd, (off_t)strlen(pid)) < 0))
			return err_errno(e, "cannot write lock '%s'", name);
		return take_fd(&fd);
	}
}

int fs_lock(int dirfd, const char *name, int timeout_ms, struct err *e)
{
	return lock_file(dirfd, name, LOCK_EX, timeout_ms, e);
}

int fs_lock_shared(int dirfd, const char *name, int timeout_ms, struct err *e)
{
	return lock_file(dirfd, name, LOCK_SH, timeout_ms, e);
}

bool fs_is_locked(int dirfd, const char *name)
{
	auto_close int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return false;
	return flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}
