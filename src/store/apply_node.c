#include "base/mem.h"
#include "store/apply.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* Runs of zeros of this size become holes. */
#define HOLE_SIZE ((size_t)64 << 10)

struct meta {
	uid_t uid;
	gid_t gid;
	mode_t mode;
	struct timespec times[2];
};

static int read_meta(struct archive_entry *entry, struct meta *ret, struct err *e)
{
	int64_t uid = archive_entry_uid(entry), gid = archive_entry_gid(entry);
	long nsec = archive_entry_mtime_nsec(entry);

	if (uid < 0 || gid < 0 || uid >= UINT32_MAX || gid >= UINT32_MAX)
		return err_set(e, EINVAL, "its owner is no user or group number");
	*ret = (struct meta){ (uid_t)uid, (gid_t)gid, archive_entry_perm(entry) & 07777,
		{ { 0 } } };
	if (archive_entry_mtime_is_set(entry)) {
		ret->times[1].tv_sec = archive_entry_mtime(entry);
		ret->times[1].tv_nsec = nsec >= 0 && nsec < 1000000000 ? nsec : 0;
	}
	ret->times[0] = ret->times[1]; /* equal archives make equal trees */
	return 0;
}

static int set_xattrs(int fd, struct archive_entry *entry, struct err *e)
{
	const char *name;
	const void *value;
	size_t len, total = 0;
	int n = archive_entry_xattr_reset(entry);

	while (n-- > 0 && archive_entry_xattr_next(entry, &name, &value, &len) == ARCHIVE_OK) {
		if (!name || !xattr_is_content(name))
			continue;
		total += len;
		if (total > ENTRY_EXTRA_MAX)
			return err_set(e, E2BIG, "it has too many extended attributes");
		if (xattr_set(fd, name, value, len, e) < 0)
			return -e->code;
	}
	return 0;
}

/* Owner first: the kernel then takes away set-user-ID bits and capabilities. */
static int set_meta(int fd, const struct meta *m, struct archive_entry *entry, struct err *e)
{
	if (fchown(fd, m->uid, m->gid) < 0)
		return err_errno(e, "cannot set its owner");
	if (fchmod(fd, m->mode) < 0)
		return err_errno(e, "cannot set its mode");
	return set_xattrs(fd, entry, e);
}

/* The same for what cannot be opened without side effects. */
static int set_meta_at(const struct place *at, const struct meta *m, bool link, struct err *e)
{
	if (fchownat(at->dir, at->name, m->uid, m->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_errno(e, "cannot set its owner");
	/* fchmodat follows links, but the node was made here a moment ago and is none */
	if (!link && fchmodat(at->dir, at->name, m->mode, 0) < 0)
		return err_errno(e, "cannot set its mode");
	if (utimensat(at->dir, at->name, m->times, AT_SYMLINK_NOFOLLOW) < 0)
		return err_errno(e, "cannot set its time");
	return 0;
}

/* Makes room for a new node: what an archive names twice, its later entry replaces. */
static int clear_place(const struct place *at, struct err *e)
{
	if (unlinkat(at->dir, at->name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR)
		return err_errno(e, "cannot replace what is there");
	return fs_remove_tree(at->dir, at->name, e);
}

static bool is_whiteout(const struct place *at)
{
	struct stat st;

	return fstatat(at->dir, at->name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISCHR(st.st_mode) &&
	       st.st_rdev == 0;
}

static int make_directory(
	struct applier *a, const struct place *at, struct archive_entry *entry, struct err *e)
{
	bool made = true, hides = false;
	auto_close int fd = -1;
	struct meta m;

	if (read_meta(entry, &m, e) < 0)
		return -e->code;
	if (mkdirat(at->dir, at->name, 0700) < 0) {
		if (errno != EEXIST)
			return err_errno(e, "cannot make it");
		made = false;
	}
	fd = openat(at->dir, at->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && !made && (errno == ENOTDIR || errno == ELOOP)) {
		hides = is_whiteout(at);
		if (clear_place(at, e) < 0)
			return -e->code;
		if (mkdirat(at->dir, at->name, 0700) < 0)
			return err_errno(e, "cannot make it");
		fd = openat(at->dir, at->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		/* deleted below, and made again: nothing of a lower layer shows through */
		if (fd >= 0 && hides && xattr_set_opaque(fd, e) < 0)
			return -e->code;
	}
	if (fd < 0)
		return err_errno(e, "cannot open it");
	if (set_meta(fd, &m, entry, e) < 0)
		return -e->code;
	return applier_note_time(a, at->path, &m.times[1], e);
}

static bool all_zero(const char *p, size_t n)
{
	return *p == 0 && memcmp(p, p + 1, n - 1) == 0;
}

/* Writes a block at its offset, leaving out runs of zeros; *end is where the file ends then. */
static int write_block(
	int fd, const char *data, size_t len, int64_t offset, int64_t *end, struct err *e)
{
	size_t done = 0;

	while (done < len) {
		size_t run = 0;
		if (len - done >= HOLE_SIZE && all_zero(data + done, HOLE_SIZE)) {
			done += HOLE_SIZE;
			continue;
		}
		while (done + run < len) {
			size_t step = len - done - run < HOLE_SIZE ? len - done - run : HOLE_SIZE;
			if (run && step == HOLE_SIZE && all_zero(data + done + run, step))
				break;
			run += step;
		}
		while (run) {
			ssize_t n = pwrite(fd, data + done, run, offset + (int64_t)done);
			if (n < 0 && errno == EINTR)
				continue;
			if (n < 0)
				return err_errno(e, "cannot write it");
			done += (size_t)n;
			run -= (size_t)n;
			*end = offset + (int64_t)done;
		}
	}
	return 0;
}

int node_write_content(struct applier *a, int fd, int64_t size, struct err *e)
{
	const void *data;
	int64_t offset, end = 0;
	size_t len;
	int r;

	if (size < 0 || (uint64_t)size > a->max_bytes - a->bytes)
		return err_set(e, EFBIG, "the archive unpacks to more than %llu bytes",
			(unsigned long long)a->max_bytes);
	a->bytes += (uint64_t)size;
	while ((r = tar_stream_data(a->stream, &data, &len, &offset, e)) > 0) {
		if (offset < 0 || offset > size || (uint64_t)len > (uint64_t)(size - offset))
			return err_set(e, EINVAL, "its content is larger than its size");
		if (len && write_block(fd, data, len, offset, &end, e) < 0)
			return -e->code;
	}
	if (r < 0)
		return r;
	if (end < size && ftruncate(fd, size) < 0) /* it ends in a hole */
		return err_errno(e, "cannot write it");
	return 0;
}

static int make_file(
	struct applier *a, const struct place *at, struct archive_entry *entry, struct err *e)
{
	int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	auto_close int fd = -1;
	struct meta m;

	if (read_meta(entry, &m, e) < 0)
		return -e->code;
	fd = openat(at->dir, at->name, flags, 0600);
	if (fd < 0 && errno == EEXIST) {
		if (clear_place(at, e) < 0)
			return -e->code;
		fd = openat(at->dir, at->name, flags, 0600);
	}
	if (fd < 0)
		return err_errno(e, "cannot make it");
	if (node_write_content(a, fd, archive_entry_size(entry), e) < 0 ||
		set_meta(fd, &m, entry, e) < 0)
		return -e->code;
	if (futimens(fd, m.times) < 0)
		return err_errno(e, "cannot set its time");
	return 0;
}

/* The target must be in this archive, before: a layer links to nothing outside itself. */
static int make_hard_link(
	struct applier *a, const struct place *at, const char *target, struct err *e)
{
	char path[ENTRY_NAME_MAX + 1], copy[ENTRY_NAME_MAX + 1];
	auto_close int dir = -1;
	const char *name;
	char *slash;
	struct stat st;
	int r = entry_path(target, path, e);

	if (r < 0)
		return err_wrap(e, "it is a link");
	if (!*path || str_eq(path, at->path))
		return err_set(e, EINVAL, "it is a link to a directory or itself");
	memcpy(copy, path, sizeof copy);
	slash = strrchr(copy, '/');
	name = slash ? slash + 1 : copy;
	if (slash)
		*slash = '\0';
	dir = rfd_open(a->root, slash ? copy : ".", O_PATH | O_DIRECTORY, 0);
	if (dir < 0 || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(e, ENOENT, "it is a link to something that is not in the archive");
	if (S_ISDIR(st.st_mode))
		return err_set(e, EINVAL, "it is a link to a directory");
	if (clear_place(at, e) < 0)
		return -e->code;
	if (linkat(dir, name, at->dir, at->name, 0) < 0)
		return err_errno(e, "cannot link it");
	return 0;
}

static int make_special(const struct place *at, struct archive_entry *entry, struct err *e)
{
	mode_t type = archive_entry_filetype(entry);
	const char *target = archive_entry_symlink(entry);
	dev_t dev = makedev(archive_entry_rdevmajor(entry), archive_entry_rdevminor(entry));
	struct meta m;
	int r;

	if (type == AE_IFCHR && dev == 0)
		return err_set(e, EINVAL, "it is an overlay whiteout in disguise");
	if (type == AE_IFLNK && (!target || !*target))
		return err_set(e, EINVAL, "it is a symbolic link to nothing");
	if (read_meta(entry, &m, e) < 0 || clear_place(at, e) < 0)
		return -e->code;
	if (type == AE_IFLNK)
		r = symlinkat(target, at->dir, at->name);
	else
		r = mknodat(at->dir, at->name, type | 0600, type == AE_IFIFO ? 0 : dev);
	if (r < 0)
		return err_errno(e, "cannot make it");
	return set_meta_at(at, &m, type == AE_IFLNK, e);
}

int node_make(struct applier *a, const struct place *at, struct archive_entry *entry, struct err *e)
{
	const char *link = archive_entry_hardlink(entry);

	if (link)
		return make_hard_link(a, at, link, e);
	switch (archive_entry_filetype(entry)) {
	case AE_IFREG:
		return make_file(a, at, entry, e);
	case AE_IFDIR:
		return make_directory(a, at, entry, e);
	case AE_IFLNK:
	case AE_IFIFO:
	case AE_IFCHR:
	case AE_IFBLK:
		return make_special(at, entry, e);
	default:
		return 0; /* a socket means nothing without its process */
	}
}

int node_set_root(struct applier *a, struct archive_entry *entry, struct err *e)
{
	struct meta m;

	if (archive_entry_hardlink(entry) || archive_entry_filetype(entry) != AE_IFDIR)
		return err_set(e, EINVAL, "it wants to replace the root directory");
	if (read_meta(entry, &m, e) < 0 || set_meta(a->root, &m, entry, e) < 0)
		return -e->code;
	return applier_note_time(a, "", &m.times[1], e);
}

int node_make_whiteout(const struct place *at, struct err *e)
{
	auto_close int fd = -1;

	if (mknodat(at->dir, at->name, S_IFCHR, 0) == 0)
		return 0;
	if (errno != EEXIST)
		return err_errno(e, "cannot mark it as deleted");
	/* made by this very archive: only what lower layers have there is deleted */
	fd = openat(at->dir, at->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOTDIR || errno == ELOOP
			       ? 0
			       : err_errno(e, "cannot open what is there");
	return xattr_set_opaque(fd, e);
}
