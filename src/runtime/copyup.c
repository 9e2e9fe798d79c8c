#include "runtime/copyup.h"
#include "base/fs.h"
#include "base/mem.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define DEPTH_MAX 255
#define LINKS_MAX (1u << 20)
#define NAMES_MAX 65536 /* bytes of names of extended attributes: the kernel's own limit */

/* Where the copy is made until it is whole; the leading dot and the name are nobody else's. */
static const char partial[] = ".redock-copy-up";

struct link {
	dev_t dev;
	ino_t ino;
	char *path; /* below the top of the copy */
};
struct copy {
	int top;
	dev_t dev; /* of what is copied: what is mounted in it is not */
	struct link *links;
	size_t n_links;
};

static void release_copy(struct copy *c)
{
	for (size_t i = 0; i < c->n_links; i++)
		free(c->links[i].path);
	free(c->links);
}

static int copy_attributes(int from, int to, struct err *e)
{
	auto_free char *names = xmalloc(NAMES_MAX), *value = xmalloc(NAMES_MAX);
	ssize_t n = flistxattr(from, names, NAMES_MAX);

	for (const char *p = names; n > 0 && p < names + n; p += strlen(p) + 1) {
		ssize_t len;
		/* the overlay's own, should it show them */
		if (str_starts(p, "trusted.overlay.") || str_starts(p, "user.overlay."))
			continue;
		len = fgetxattr(from, p, value, NAMES_MAX);
		if (len >= 0 && fsetxattr(to, p, value, (size_t)len, 0) < 0 &&
			errno != EOPNOTSUPP && errno != EPERM)
			return err_errno(e, "cannot set attribute '%s'", p);
	}
	return 0;
}

/* In this order: chown(2) takes set-user-ID bits and capabilities away. */
static int copy_metadata(int from, int to, const struct stat *st, struct err *e)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };

	if (fchown(to, st->st_uid, st->st_gid) < 0 || fchmod(to, st->st_mode & 07777) < 0)
		return err_errno(e, "cannot set the owner");
	if (copy_attributes(from, to, e) < 0)
		return -e->code;
	return futimens(to, times) < 0 ? err_errno(e, "cannot set the time") : 0;
}

static int copy_range(int from, int to, off_t at, off_t end, struct err *e)
{
	char block[65536];

	while (at < end) {
		off_t in = at, out = at;
		ssize_t n = copy_file_range(from, &in, to, &out, (size_t)(end - at), 0);
		if (n < 0 && errno == ENOSPC)
			return err_errno(e, "cannot write");
		if (n < 0) {
			n = pread(from, block, sizeof block, at);
			if (n > 0 && lseek(to, at, SEEK_SET) >= 0 &&
				(errno = -fs_write_all(to, block, (size_t)n)) != 0)
				return err_errno(e, "cannot write");
		}
		if (n < 0)
			return err_errno(e, "cannot read");
		if (n == 0)
			return 0; /* it became shorter */
		at += n;
	}
	return 0;
}

static int copy_data(int from, int to, off_t size, struct err *e)
{
	off_t at = 0;

	while (at < size) {
		off_t data = lseek(from, at, SEEK_DATA), hole;
		if (data < 0 && errno == ENXIO)
			break; /* nothing but a hole to the end */
		if (data < 0)
			data = at;
		hole = lseek(from, data, SEEK_HOLE);
		if (hole < 0)
			hole = size;
		if (copy_range(from, to, data, hole, e) < 0)
			return -e->code;
		at = hole;
	}
	return ftruncate(to, size) < 0 ? err_errno(e, "cannot write") : 0;
}

/* Makes `name` a link to the first copy of the same file, if there is one: 1; else remembers it: 0.
 */
static int link_again(struct copy *c, const struct stat *st, int to, const char *name,
	const char *path, struct err *e)
{
	if (st->st_nlink < 2)
		return 0;
	for (size_t i = 0; i < c->n_links; i++) {
		const struct link *l = &c->links[i];
		if (l->dev != st->st_dev || l->ino != st->st_ino)
			continue;
		if (linkat(c->top, l->path, to, name, 0) < 0)
			return err_errno(e, "cannot link '%s'", path);
		return 1;
	}
	if (c->n_links >= LINKS_MAX)
		return err_set(e, E2BIG, "there are too many hard links");
	c->links = xrealloc_array(c->links, c->n_links + 1, sizeof *c->links);
	c->links[c->n_links++] = (struct link){ st->st_dev, st->st_ino, xstrdup(path) };
	return 0;
}

static int copy_symlink(int from, int to, const char *name, const struct stat *st, struct err *e)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };
	char target[4096];
	ssize_t n = readlinkat(from, name, target, sizeof target - 1);

	if (n < 0)
		return err_errno(e, "cannot read link '%s'", name);
	target[n] = '\0';
	if (symlinkat(target, to, name) < 0 ||
		fchownat(to, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
		utimensat(to, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return err_errno(e, "cannot make link '%s'", name);
	return 0;
}

static int copy_regular(int from, int to, const char *name, struct err *e)
{
	auto_close int in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC),
		       out = -1;
	struct stat st;

	/* looked at again by its descriptor: it is that which is read */
	if (in < 0 || fstat(in, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(e, in < 0 ? errno : EIO, "cannot read '%s'", name);
	out = openat(to, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (out < 0)
		return err_errno(e, "cannot make '%s'", name);
	if (copy_data(in, out, st.st_size, e) < 0 || copy_metadata(in, out, &st, e) < 0)
		return err_wrap(e, "'%s'", name);
	return 0;
}

static int copy_fifo(int to, const char *name, const struct stat *st, struct err *e)
{
	if (mknodat(to, name, S_IFIFO | 0600, 0) < 0 ||
		fchownat(to, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
		fchmodat(to, name, st->st_mode & 07777, 0) < 0)
		return err_errno(e, "cannot make pipe '%s'", name);
	return 0;
}

static int copy_dir(
	struct copy *c, int from, int to, const char *path, unsigned depth, struct err *e);

static int copy_subdir(struct copy *c, int from, int to, const char *name, const char *path,
	unsigned depth, struct err *e)
{
	auto_close int in = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
		       out = -1;
	struct stat st;

	if (in < 0 || mkdirat(to, name, 0755) < 0)
		return err_errno(e, "cannot copy directory '%s'", path);
	out = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (out < 0 || fstat(in, &st) < 0)
		return err_errno(e, "cannot copy directory '%s'", path);
	if (st.st_dev != c->dev)
		return 0;
	return copy_dir(c, in, out, path, depth + 1, e);
}

static int copy_entry(struct copy *c, int from, int to, const char *name, const char *path,
	unsigned depth, struct err *e)
{
	struct stat st;
	int r;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_errno(e, "cannot read '%s'", path);
	if (S_ISDIR(st.st_mode))
		return copy_subdir(c, from, to, name, path, depth, e);
	if (!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode) && !S_ISFIFO(st.st_mode))
		return 0;
	r = link_again(c, &st, to, name, path, e);
	if (r != 0)
		return r < 0 ? r : 0;
	if (S_ISREG(st.st_mode))
		return copy_regular(from, to, name, e);
	return S_ISLNK(st.st_mode) ? copy_symlink(from, to, name, &st, e)
				   : copy_fifo(to, name, &st, e);
}

/* `from` and `to` are open for reading. */
static int copy_dir(
	struct copy *c, int from, int to, const char *path, unsigned depth, struct err *e)
{
	auto_dir DIR *d = fdopendir(fcntl(from, F_DUPFD_CLOEXEC, 3));
	struct dirent *ent;
	struct stat st;

	if (!d || fstat(from, &st) < 0)
		return err_errno(e, "cannot read directory '%s'", path);
	if (depth > DEPTH_MAX)
		return err_set(e, ELOOP, "directories are more than %d deep", DEPTH_MAX);
	while ((errno = 0, ent = readdir(d))) {
		auto_free char *inner = NULL;
		if (str_eq(ent->d_name, ".") || str_eq(ent->d_name, ".."))
			continue;
		inner = *path ? xasprintf("%s/%s", path, ent->d_name) : xstrdup(ent->d_name);
		if (copy_entry(c, from, to, ent->d_name, inner, depth, e) < 0)
			return -e->code;
	}
	if (errno)
		return err_errno(e, "cannot read directory '%s'", path);
	return copy_metadata(from, to, &st, e);
}

/* A directory for reading from an O_PATH one; -1 if it is none. */
static int reopen_dir(int fd)
{
	return openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int copy_up_all(int from, int to, struct err *e)
{
	auto_close int in = reopen_dir(from), out = -1;
	struct copy c = { 0 };
	struct stat st;
	int r;

	if (in < 0 && errno == ENOTDIR)
		return 0;
	out = c.top = reopen_dir(to);
	if (in < 0 || out < 0 || fstat(in, &st) < 0)
		return err_errno(e, "cannot open a directory");
	c.dev = st.st_dev;
	r = copy_dir(&c, in, out, "", 0, e);
	release_copy(&c);
	return r;
}

/* 1: nothing in it but perhaps a copy that was cut short; 0: something is. */
static int is_empty(int dir, bool *ret_cut_short, struct err *e)
{
	auto_dir DIR *d = fdopendir(fcntl(dir, F_DUPFD_CLOEXEC, 3));
	struct dirent *ent;
	bool others = false;

	*ret_cut_short = false;
	if (!d)
		return err_errno(e, "cannot read the volume");
	rewinddir(d);
	while ((ent = readdir(d))) {
		if (str_eq(ent->d_name, partial))
			*ret_cut_short = true;
		else if (!str_eq(ent->d_name, ".") && !str_eq(ent->d_name, "..") &&
			 !str_eq(ent->d_name, "lost+found"))
			others = true;
	}
	return !others || *ret_cut_short;
}

/* All of it one level up. What a run that was cut short has moved already is there. */
static int move_up(int dir, int part, struct err *e)
{
	auto_dir DIR *d = fdopendir(fcntl(part, F_DUPFD_CLOEXEC, 3));
	struct dirent *ent;

	if (!d)
		return err_errno(e, "cannot read the volume");
	rewinddir(d);
	while ((ent = readdir(d))) {
		if (str_eq(ent->d_name, ".") || str_eq(ent->d_name, ".."))
			continue;
		if (renameat2(part, ent->d_name, dir, ent->d_name, RENAME_NOREPLACE) < 0 &&
			errno != EEXIST)
			return err_errno(e, "cannot fill the volume");
	}
	return fs_remove_tree(dir, partial, e);
}

int copy_up_if_empty(int from, int to, struct err *e)
{
	auto_close int dir = reopen_dir(to), in = -1, part = -1;
	struct stat st;
	bool cut_short;
	int r;

	if (dir < 0 && errno == ENOTDIR)
		return 0; /* a file: nothing to fill */
	in = reopen_dir(from);
	if (dir < 0 || (in < 0 && errno != ENOTDIR))
		return err_errno(e, "cannot open a directory");
	if (in < 0)
		return 0;
	while (flock(dir, LOCK_EX) < 0)
		if (errno != EINTR)
			return err_errno(e, "cannot lock the volume");
	r = is_empty(dir, &cut_short, e);
	if (r <= 0)
		return r;
	if (fs_remove_tree(dir, partial, e) < 0)
		return -e->code;
	if (mkdirat(dir, partial, 0700) < 0)
		/* a read-only volume keeps what it has */
		return errno == EROFS ? 0 : err_errno(e, "cannot fill the volume");
	part = openat(dir, partial, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (part < 0 || fstat(in, &st) < 0)
		return err_errno(e, "cannot fill the volume");
	if (copy_up_all(in, part, e) < 0 || move_up(dir, part, e) < 0)
		return -e->code;
	return copy_metadata(in, dir, &st, e);
}
