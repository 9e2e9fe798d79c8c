#include "base/mem.h"
#include "store/write.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>

#define READ_SIZE      ((size_t)1 << 20)
#define ROOM_CHECK_MIN (UINT64_C(64) << 20) /* smaller files are not worth a system call each */

/*
 * The walk goes down one directory in all given trees at once, the topmost first, as overlayfs
 * looks at its layers.  With one tree, whiteouts and opaque directories are written as what they
 * are; with more, they are executed and the result is complete.
 */
struct diff {
	struct blob *blob;
	struct links links;
	struct str path;
	char *buffer;
	uint64_t entries;
	unsigned depth;
	bool complete;
	bool plain;    /* files as they are, of no overlay; they may change meanwhile */
	bool no_times; /* of directories */
	bool any_name; /* it becomes no layer: no name in it has a second meaning */
};

/* The same directory in some of the trees. */
struct level {
	int *fds;
	size_t n;
};

static void level_release(struct level *l)
{
	for (size_t i = 0; i < l->n; i++)
		close_fd(&l->fds[i]);
	free(l->fds);
	l->fds = NULL;
	l->n = 0;
}
#define auto_level __attribute__((cleanup(level_release))) struct level

struct found {
	char *name;
	size_t tree; /* the topmost that has it */
};
struct found_list {
	struct found *v;
	size_t n, size;
};

static void found_release(struct found_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i].name);
	free(l->v);
}

static int by_name(const void *a, const void *b)
{
	const struct found *x = a, *y = b;
	int r = strcmp(x->name, y->name);

	return r ? r : (x->tree > y->tree) - (x->tree < y->tree);
}

static int read_names(const struct level *l, struct found_list *ret, struct err *e)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->n; i++) {
		int fd = openat(l->fds[i], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		auto_dir DIR *d = fd < 0 ? NULL : fdopendir(fd);
		struct dirent *ent;
		if (!d) {
			close_fd(&fd);
			return err_errno(e, "cannot read a directory");
		}
		while ((errno = 0, ent = readdir(d))) {
			if (str_eq(ent->d_name, ".") || str_eq(ent->d_name, ".."))
				continue;
			if (ret->n >= ENTRIES_MAX)
				return err_set(e, EFBIG, "a directory has too many entries");
			if (ret->n == ret->size) {
				ret->size = ret->size ? 2 * ret->size : 32;
				ret->v = xrealloc_array(ret->v, ret->size, sizeof *ret->v);
			}
			ret->v[ret->n++] = (struct found){ xstrdup(ent->d_name), i };
		}
		if (errno)
			return err_errno(e, "cannot read a directory");
	}
	if (ret->n)
		qsort(ret->v, ret->n, sizeof *ret->v, by_name);
	for (size_t i = 0; i < ret->n; i++) {
		if (kept && str_eq(ret->v[kept - 1].name, ret->v[i].name))
			free(ret->v[i].name);
		else
			ret->v[kept++] = ret->v[i];
	}
	ret->n = kept;
	return 0;
}

static bool is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == 0;
}

static int put(struct diff *d, struct tar_entry *entry, struct err *e)
{
	if (++d->entries > ENTRIES_MAX)
		return err_set(e, EFBIG, "there are more than %d entries", ENTRIES_MAX);
	if (strlen(entry->path) > ENTRY_NAME_MAX)
		return err_set(e, ENAMETOOLONG, "'%.60s...' is too long a name", entry->path);
	return tar_put_entry(d->blob, entry, e);
}

static struct tar_entry entry_of(const struct diff *d, const struct stat *st, char type)
{
	return (struct tar_entry){ .path = str_text(&d->path),
		.type = type,
		.mode = st->st_mode & 07777,
		.uid = st->st_uid,
		.gid = st->st_gid,
		.mtime = d->no_times && S_ISDIR(st->st_mode) ? (struct timespec){ 0 } : st->st_mtim,
		.device = st->st_rdev };
}

/* A file that only stands for something: always the same, whatever made it. */
static int put_mark(struct diff *d, const char *name, struct err *e)
{
	size_t len = d->path.len;
	struct tar_entry entry = { .type = '0', .mode = 0600 };
	int r;

	str_addf(&d->path, ".wh.%s", name);
	entry.path = str_text(&d->path);
	r = put(d, &entry, e);
	str_truncate(&d->path, len);
	return r;
}

static int put_zeros(struct diff *d, uint64_t n, struct err *e)
{
	memset(d->buffer, 0, n < READ_SIZE ? (size_t)n : READ_SIZE);
	while (n) {
		size_t step = n < READ_SIZE ? (size_t)n : READ_SIZE;
		if (blob_write(d->blob, d->buffer, step, e) < 0)
			return -e->code;
		n -= step;
	}
	return 0;
}

/* `len` bytes from here on. */
static int put_data(struct diff *d, int fd, uint64_t len, struct err *e)
{
	while (len) {
		size_t want = len < READ_SIZE ? (size_t)len : READ_SIZE;
		ssize_t n = fs_read_full(fd, d->buffer, want);
		if (n < 0) {
			errno = (int)-n;
			return err_errno(e, "cannot read '%s'", str_text(&d->path));
		}
		if ((size_t)n < want && !d->plain)
			return err_set(
				e, EAGAIN, "'%s' shrank while it was read", str_text(&d->path));
		if (blob_write(d->blob, d->buffer, (size_t)n, e) < 0)
			return -e->code;
		len -= (uint64_t)n;
		if ((size_t)n < want) /* as other tars do, the size having been said */
			return put_zeros(d, len, e);
	}
	return 0;
}

/* Holes are written as zeros, which every reader understands, but not read from the disk. */
static int put_content(struct diff *d, int fd, const struct stat *st, struct err *e)
{
	off_t at = 0, size = st->st_size;
	bool has_holes = (uint64_t)st->st_blocks * 512 < (uint64_t)size;

	while (at < size) {
		off_t data = has_holes ? lseek(fd, at, SEEK_DATA) : at, hole = size;
		if (data < 0) /* ENXIO: a hole up to the end */
			data = errno == ENXIO ? size : at;
		if (data > size)
			data = size;
		if (has_holes && data < size && (hole = lseek(fd, data, SEEK_HOLE)) < 0)
			hole = size;
		if (hole > size)
			hole = size;
		if (put_zeros(d, (uint64_t)(data - at), e) < 0)
			return -e->code;
		if (has_holes && lseek(fd, data, SEEK_SET) < 0)
			return err_errno(e, "cannot read '%s'", str_text(&d->path));
		if (put_data(d, fd, (uint64_t)(hole - data), e) < 0)
			return -e->code;
		at = hole;
	}
	return tar_put_padding(d->blob, (uint64_t)size, e);
}

/* A sparse file of a terabyte costs its machine nothing and would fill the host's disk, for hours
 * and with the machine frozen: what cannot fit is refused at once. */
static int check_room(const struct diff *d, uint64_t size, struct err *e)
{
	struct statvfs disk;

	if (size < ROOM_CHECK_MIN || d->blob->stream || d->blob->fd < 0 ||
		fstatvfs(d->blob->fd, &disk) < 0 || size <= (uint64_t)disk.f_bavail * disk.f_frsize)
		return 0;
	err_set(e, ENOSPC, "'/%s' has %llu MB, more than the disk has left", str_text(&d->path),
		(unsigned long long)(size / 1000000));
	return err_hint(e, "remove it, if it is a sparse file that only looks large");
}

/* Without leaving a mark on its access time, where that is allowed. */
static int open_quietly(int dir, const char *name, int flags)
{
	int fd = openat(dir, name, flags | O_NOATIME);

	return fd < 0 && errno == EPERM ? openat(dir, name, flags) : fd;
}

static int put_file(struct diff *d, int dir, const char *name, struct err *e)
{
	auto_close int fd =
		open_quietly(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	auto_xattrs xattrs = { 0 };
	struct tar_entry entry;
	struct stat st;

	if (fd < 0 && errno == ENOENT && d->plain)
		return 0; /* removed meanwhile */
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(e, "cannot open '%s'", str_text(&d->path));
	if (!S_ISREG(st.st_mode))
		return err_set(e, EAGAIN, "'%s' changed while it was read", str_text(&d->path));
	if (xattr_read(fd, str_text(&d->path), &xattrs, e) < 0)
		return -e->code;
	if (check_room(d, (uint64_t)st.st_size, e) < 0)
		return -e->code;
	entry = entry_of(d, &st, '0');
	entry.size = (uint64_t)st.st_size;
	entry.xattrs = &xattrs;
	if (put(d, &entry, e) < 0)
		return -e->code;
	return put_content(d, fd, &st, e);
}

static int put_symlink(
	struct diff *d, int dir, const char *name, const struct stat *st, struct err *e)
{
	struct tar_entry entry = entry_of(d, st, '2');
	char target[4097];
	ssize_t n = readlinkat(dir, name, target, sizeof target - 1);

	if (n < 0)
		return err_errno(e, "cannot read '%s'", str_text(&d->path));
	target[n] = '\0';
	entry.link = target;
	return put(d, &entry, e);
}

/* Anything but a directory. */
static int put_node(struct diff *d, int dir, const char *name, const struct stat *st, struct err *e)
{
	struct tar_entry entry;
	const char *first;

	if (S_ISSOCK(st->st_mode))
		return 0;
	if (st->st_nlink > 1) {
		first = links_meet(&d->links, st->st_dev, st->st_ino, str_text(&d->path));
		if (first) {
			entry = entry_of(d, st, '1');
			entry.link = first;
			return put(d, &entry, e);
		}
	}
	if (S_ISREG(st->st_mode))
		return put_file(d, dir, name, e);
	if (S_ISLNK(st->st_mode))
		return put_symlink(d, dir, name, st, e);
	entry = entry_of(d, st, S_ISCHR(st->st_mode) ? '3' : S_ISBLK(st->st_mode) ? '4' : '6');
	return put(d, &entry, e);
}

static int walk(struct diff *d, const struct level *l, struct err *e);

/* Directory `name` of tree `top` and those below it that show through. */
static int open_level(struct diff *d, const struct level *l, const struct found *f,
	struct level *ret, struct xattr_list *ret_xattrs, struct err *e)
{
	bool opaque = false;

	ret->fds = xcalloc(l->n - f->tree, sizeof *ret->fds);
	for (size_t i = f->tree; i < l->n && !opaque; i++) {
		auto_xattrs xattrs = { 0 };
		int fd = open_quietly(
			l->fds[i], f->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 && errno == ENOENT && i > f->tree)
			continue;
		if (fd < 0 && (errno == ENOTDIR || errno == ELOOP) && i > f->tree)
			break; /* a file or whiteout hides what is below */
		if (fd < 0)
			return err_errno(e, "cannot open '%s'", str_text(&d->path));
		ret->fds[ret->n++] = fd;
		if (xattr_read(fd, str_text(&d->path), &xattrs, e) < 0)
			return -e->code;
		opaque = xattrs.opaque;
		if (i == f->tree) {
			*ret_xattrs = xattrs;
			memset(&xattrs, 0, sizeof xattrs);
		}
	}
	return 0;
}

/* What is there is made up at each look, without end in places, and nobody's to keep. */
static bool is_kernels(int fd)
{
	struct statfs s;

	return fstatfs(fd, &s) == 0 &&
	       (s.f_type == PROC_SUPER_MAGIC || s.f_type == SYSFS_MAGIC ||
		       s.f_type == CGROUP_SUPER_MAGIC || s.f_type == CGROUP2_SUPER_MAGIC ||
		       s.f_type == DEVPTS_SUPER_MAGIC);
}

/* The directory itself, then all below it. `path` ends in '/'. */
static int put_level(
	struct diff *d, const struct level *l, const struct xattr_list *xattrs, struct err *e)
{
	struct tar_entry entry;
	struct stat st;

	if (fstat(l->fds[0], &st) < 0)
		return err_errno(e, "cannot read '%s'", str_text(&d->path));
	entry = entry_of(d, &st, '5');
	entry.xattrs = xattrs;
	if (!*entry.path)
		entry.path = "./";
	if (put(d, &entry, e) < 0)
		return -e->code;
	if (xattrs->opaque && !d->complete && *str_text(&d->path) && put_mark(d, ".wh..opq", e) < 0)
		return -e->code;
	return d->plain && is_kernels(l->fds[0]) ? 0 : walk(d, l, e);
}

static int put_directory(
	struct diff *d, const struct level *l, const struct found *f, struct err *e)
{
	auto_xattrs xattrs = { 0 };
	auto_level below = { 0 };
	int r;

	/* what we write we must be able to read again (T15) */
	if (d->depth >= ENTRY_DEPTH_MAX)
		return err_set(e, ELOOP, "'%.60s...' is more than %d directories deep",
			str_text(&d->path), ENTRY_DEPTH_MAX);
	r = open_level(d, l, f, &below, &xattrs, e);
	if (r < 0)
		return r;
	str_add_char(&d->path, '/');
	d->depth++;
	r = put_level(d, &below, &xattrs, e);
	d->depth--;
	return r;
}

static int walk_one(struct diff *d, const struct level *l, const struct found *f, struct err *e)
{
	struct stat st;

	if (fstatat(l->fds[f->tree], f->name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (d->plain && errno == ENOENT)
			return 0;
		return err_errno(e, "cannot read '%s%s'", str_text(&d->path), f->name);
	}
	if (is_whiteout(&st) && !d->plain)
		return d->complete ? 0 : put_mark(d, f->name, e);
	/* a layer cannot say this name without deleting something: there is no way to save it */
	if (str_starts(f->name, ".wh.") && !d->any_name) {
		err_set(e, EINVAL, "'/%s%s' cannot be saved: names with '.wh.' are reserved",
			str_text(&d->path), f->name);
		return err_hint(e, "rename or remove it");
	}
	str_add(&d->path, f->name);
	if (d->path.overflow)
		return err_set(
			e, ENAMETOOLONG, "'%.60s...' is too long a name", str_text(&d->path));
	return S_ISDIR(st.st_mode) ? put_directory(d, l, f, e)
				   : put_node(d, l->fds[f->tree], f->name, &st, e);
}

static int walk(struct diff *d, const struct level *l, struct err *e)
{
	struct found_list list = { 0 };
	size_t len = d->path.len;
	int r = read_names(l, &list, e);

	for (size_t i = 0; r >= 0 && i < list.n; i++) {
		r = walk_one(d, l, &list.v[i], e);
		str_truncate(&d->path, len);
	}
	found_release(&list);
	return r;
}

static void diff_init(struct diff *d, struct blob *blob)
{
	*d = (struct diff){ .blob = blob, .path = STR_INIT(ENTRY_NAME_MAX) };
	d->buffer = xmalloc(READ_SIZE);
}

static void diff_release(struct diff *d)
{
	links_release(&d->links);
	str_release(&d->path);
	free(d->buffer);
}

static int put_trees(struct diff *d, const int *fds, size_t n, struct err *e)
{
	const struct level given = { (int *)fds, n };
	const struct found root = { (char *)".", 0 };
	auto_xattrs xattrs = { 0 };
	auto_level top = { 0 };
	int r = open_level(d, &given, &root, &top, &xattrs, e);

	if (r >= 0)
		r = put_level(d, &top, &xattrs, e);
	return r >= 0 ? tar_put_end(d->blob, e) : r;
}

int layer_diff(const int *fds, size_t n, struct blob *blob, uint64_t *ret_entries, struct err *e)
{
	struct diff d;
	int r;

	diff_init(&d, blob);
	d.complete = n > 1;
	d.any_name = blob->stream;
	r = put_trees(&d, fds, n, e);
	if (r >= 0)
		*ret_entries = d.entries;
	diff_release(&d);
	return r;
}

int layer_content(int fd, struct blob *blob, struct err *e)
{
	struct diff d;
	int r;

	diff_init(&d, blob);
	d.no_times = true;
	r = put_trees(&d, &fd, 1, e);
	diff_release(&d);
	return r;
}

struct packer {
	struct diff diff;
};

struct packer *packer_new(struct blob *blob)
{
	struct packer *p = xcalloc(1, sizeof *p);

	diff_init(&p->diff, blob);
	p->diff.plain = p->diff.complete = p->diff.any_name = true;
	return p;
}

void packer_free(struct packer *p)
{
	if (p)
		diff_release(&p->diff);
	free(p);
}

int packer_put(struct packer *p, int dir, const char *name, const char *as, struct err *e)
{
	const struct level given = { &dir, 1 };
	const struct found what = { (char *)name, 0 };
	auto_xattrs xattrs = { 0 };
	auto_level top = { 0 };
	struct stat st;
	int r;

	str_truncate(&p->diff.path, 0);
	str_add(&p->diff.path, as);
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_errno(e, "cannot read '%s'", *as ? as : name);
	if (S_ISDIR(st.st_mode) && *as)
		return put_directory(&p->diff, &given, &what, e);
	if (!S_ISDIR(st.st_mode))
		return put_node(&p->diff, dir, name, &st, e);
	r = open_level(&p->diff, &given, &what, &top, &xattrs, e);
	return r < 0 ? r : put_level(&p->diff, &top, &xattrs, e);
}
