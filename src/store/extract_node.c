#include "base/mem.h"
#include "store/extract.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define TEMPORARY_SIZE 32
#define LINKS_MAX_LATE 1000000

struct meta {
	uid_t uid;
	gid_t gid;
	mode_t mode;
	struct timespec times[2];
	bool has_time;
};

static int read_meta(
	const struct extract *o, struct archive_entry *entry, struct meta *ret, struct err *e)
{
	int64_t uid = archive_entry_uid(entry), gid = archive_entry_gid(entry);
	long nsec = archive_entry_mtime_nsec(entry);
	mode_t kept = o->keep_owner || o->keep_mode               ? 07777
		      : archive_entry_filetype(entry) == AE_IFDIR ? 01777
								  : 0777;

	if (uid < 0 || gid < 0 || uid >= UINT32_MAX || gid >= UINT32_MAX)
		return err_set(e, EINVAL, "its owner is no user or group number");
	*ret = (struct meta){ .uid = o->keep_owner ? (uid_t)uid : o->uid,
		.gid = o->keep_owner ? (gid_t)gid : o->gid,
		.mode = archive_entry_perm(entry) & kept,
		.times = { { .tv_nsec = UTIME_NOW }, { .tv_nsec = UTIME_NOW } } };
	if (archive_entry_mtime_is_set(entry)) {
		ret->times[1].tv_sec = archive_entry_mtime(entry);
		ret->times[1].tv_nsec = nsec >= 0 && nsec < 1000000000 ? nsec : 0;
		ret->has_time = true;
	}
	return 0;
}

static int failed(struct err *e, const char *what)
{
	if (errno == EROFS) {
		err_set(e, EROFS, "%s: the file system is read-only", what);
		return err_hint(e, "a container with --read-only, or a mount with ':ro', takes no "
				   "files; copy to a volume of it that can be written to");
	}
	return err_errno(e, "%s", what);
}

static int set_xattrs(const struct extract *o, int fd, struct archive_entry *entry, struct err *e)
{
	const char *name;
	const void *value;
	size_t len, total = 0;
	int n = archive_entry_xattr_reset(entry);

	while (n-- > 0 && archive_entry_xattr_next(entry, &name, &value, &len) == ARCHIVE_OK) {
		if (!name || !xattr_is_content(name))
			continue;
		/* as good as a set-user-ID bit */
		if (!o->keep_owner && str_starts(name, "security."))
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
static int set_meta(const struct extract *o, int fd, const struct meta *m,
	struct archive_entry *entry, struct err *e)
{
	if (fchown(fd, m->uid, m->gid) < 0)
		return failed(e, "cannot set its owner");
	if (fchmod(fd, m->mode) < 0)
		return failed(e, "cannot set its mode");
	return set_xattrs(o, fd, entry, e);
}

static void temporary_name(char ret[TEMPORARY_SIZE])
{
	unsigned char salt[8];

	if (getrandom(salt, sizeof salt, 0) != sizeof salt)
		abort();
	memcpy(ret, ".redock-", 9);
	for (size_t i = 0; i < sizeof salt; i++)
		snprintf(ret + 8 + 2 * i, 3, "%02x", salt[i]);
}

/* Checks what is at the place of something that is no directory. */
static int make_way(const struct extract *o, const struct place *at, struct err *e)
{
	struct stat st;

	if (fstatat(at->dir, at->name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode))
		return 0;
	if (o->no_replace) {
		err_set(e, EISDIR, "a directory of that name is there");
		return err_hint(e, "another destination, or remove it first");
	}
	return fs_remove_tree(at->dir, at->name, e);
}

/* `name` in the same directory takes the place, at once. */
static int take_place(
	const struct extract *o, const struct place *at, const char *name, struct err *e)
{
	int r = make_way(o, at, e);

	if (r == 0 && renameat(at->dir, name, at->dir, at->name) < 0) {
		r = -errno;
		if (errno == EBUSY)
			err_set(e, EBUSY,
				"a mount of the container's is there, which only the "
				"container can write to");
		else
			failed(e, "cannot put it in its place");
	}
	if (r < 0)
		unlinkat(at->dir, name, 0);
	return r < 0 ? -e->code : 0;
}

static int make_file(
	struct extractor *x, const struct place *at, struct archive_entry *entry, struct err *e)
{
	char name[TEMPORARY_SIZE];
	auto_close int fd = -1;
	struct meta m;

	if (read_meta(x->o, entry, &m, e) < 0)
		return -e->code;
	temporary_name(name);
	fd = openat(at->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return failed(e, "cannot make it");
	if (node_write_content(&x->a, fd, archive_entry_size(entry), e) < 0 ||
		set_meta(x->o, fd, &m, entry, e) < 0 || (m.has_time && futimens(fd, m.times) < 0)) {
		int code = e->code;
		unlinkat(at->dir, name, 0);
		return code ? -code : err_errno(e, "cannot set its time");
	}
	return take_place(x->o, at, name, e);
}

/* What is there under a directory's name: 1 a directory, 0 nothing any more. */
static int make_way_for_directory(
	struct extractor *x, const struct place *at, int *ret_fd, struct err *e)
{
	int fd = extractor_open_dir(x, at->path, false, e);

	if (fd >= 0) {
		*ret_fd = fd;
		return 1;
	}
	if (fd == -ENOTDIR && x->o->no_replace) {
		err_set(e, ENOTDIR, "a file of that name is there");
		return err_hint(e, "another destination, or remove it first");
	}
	/* a file, a link that leads nowhere, or one that is not to be followed */
	if (fd != -ENOTDIR && fd != -ELOOP && fd != -ENOENT)
		return fd;
	err_clear(e);
	return unlinkat(at->dir, at->name, 0) < 0 ? failed(e, "cannot replace what is there") : 0;
}

static int make_directory(
	struct extractor *x, const struct place *at, struct archive_entry *entry, struct err *e)
{
	bool made = mkdirat(at->dir, at->name, 0700) == 0;
	auto_close int there = -1, fd = -1;
	struct meta m;
	int r;

	if (!made && errno != EEXIST)
		return failed(e, "cannot make it");
	if (read_meta(x->o, entry, &m, e) < 0)
		return -e->code;
	if (!made) {
		r = make_way_for_directory(x, at, &there, e);
		if (r < 0)
			return r;
		if (r == 0 && mkdirat(at->dir, at->name, 0700) < 0)
			return failed(e, "cannot make it");
		made = r == 0;
	}
	if (!made && !x->o->keep_owner)
		return 0; /* it keeps what it has */
	fd = made ? openat(at->dir, at->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
		  : openat(there, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return failed(e, "cannot open it");
	if (set_meta(x->o, fd, &m, entry, e) < 0)
		return -e->code;
	return m.has_time ? applier_note_time(&x->a, at->path, &m.times[1], e) : 0;
}

static struct late_link *find_late(struct extractor *x, const char *path)
{
	for (size_t i = x->n_links; i-- > 0;)
		if (str_eq(x->links[i].path, path))
			return &x->links[i];
	return NULL;
}

/* An empty file holds the place of a link until the end, unless something is there already. */
static int make_symlink(struct extractor *x, const struct place *at, const char *target,
	const struct meta *m, struct err *e)
{
	struct late_link *l;
	auto_close int fd = -1;
	struct stat st;

	if (!target || !*target || strlen(target) > ENTRY_NAME_MAX)
		return err_set(e, EINVAL, "it is a symbolic link to nothing");
	if (x->n_links >= LINKS_MAX_LATE)
		return err_set(e, EFBIG, "the archive has too many symbolic links");
	if (make_way(x->o, at, e) < 0)
		return -e->code;
	fd = openat(at->dir, at->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0);
	if (fd < 0 && errno != EEXIST)
		return failed(e, "cannot make it");
	if (fstatat(at->dir, at->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return failed(e, "cannot make it");
	if ((x->n_links & (x->n_links - 1)) == 0)
		x->links =
			xrealloc_array(x->links, x->n_links ? 2 * x->n_links : 1, sizeof *x->links);
	l = &x->links[x->n_links++];
	*l = (struct late_link){ .path = xstrdup(at->path),
		.target = xstrdup(target),
		.there = st.st_ino,
		.uid = m->uid,
		.gid = m->gid,
		.mtime = m->times[1] };
	return 0;
}

/* A link to what this archive has brought, before. */
static int make_hard_link(
	struct extractor *x, const struct place *at, const char *target, struct err *e)
{
	char path[ENTRY_NAME_MAX + 1], copy[ENTRY_NAME_MAX + 1], name[TEMPORARY_SIZE];
	auto_close int dir = -1;
	struct late_link *late;
	struct stat st;
	char *slash;
	int r = extractor_path(x, target, path, e);

	if (r < 0)
		return err_wrap(e, "it is a link");
	if (r == 0 || str_eq(path, at->path))
		return err_set(e, EINVAL, "it is a link to a directory or itself");
	memcpy(copy, path, sizeof copy);
	slash = strrchr(copy, '/');
	if (slash)
		*slash = '\0';
	dir = extractor_open_dir(x, slash ? copy : "", false, e);
	slash = slash ? slash + 1 : copy;
	if (dir < 0 || fstatat(dir, slash, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(e, ENOENT, "it is a link to something that is not in the archive");
	if (S_ISDIR(st.st_mode))
		return err_set(e, EINVAL, "it is a link to a directory");
	if (S_ISREG(st.st_mode) && !st.st_size && (late = find_late(x, path))) {
		const struct meta m = {
			.uid = late->uid, .gid = late->gid, .times = { late->mtime, late->mtime }
		};
		auto_free char *same = xstrdup(late->target); /* the list may move */
		return make_symlink(x, at, same, &m, e);
	}
	temporary_name(name);
	if (linkat(dir, slash, at->dir, name, 0) < 0)
		return failed(e, "cannot link it");
	r = take_place(x->o, at, name, e);
	/* rename(2): nothing is done, when both are the same file already */
	unlinkat(at->dir, name, 0);
	return r;
}

static int make_special(
	struct extractor *x, const struct place *at, struct archive_entry *entry, struct err *e)
{
	mode_t type = archive_entry_filetype(entry);
	dev_t dev = makedev(archive_entry_rdevmajor(entry), archive_entry_rdevminor(entry));
	char name[TEMPORARY_SIZE];
	struct meta m;

	if (read_meta(x->o, entry, &m, e) < 0)
		return -e->code;
	if (type == AE_IFLNK)
		return make_symlink(x, at, archive_entry_symlink(entry), &m, e);
	if (type != AE_IFIFO && !x->o->devices) {
		err_set(e, EPERM, "it is a device node, which would be one of this host's");
		return x->o->keep_mode ? -EPERM : err_hint(e, "-a, if that is meant");
	}
	temporary_name(name);
	/* with its final mode (extract() has set the umask to 0): chmod(2) would follow a link that
	 * somebody puts there meanwhile */
	if (mknodat(at->dir, name, type | m.mode, type == AE_IFIFO ? 0 : dev) < 0)
		return failed(e, "cannot make it");
	if (fchownat(at->dir, name, m.uid, m.gid, AT_SYMLINK_NOFOLLOW) < 0 ||
		(m.has_time && utimensat(at->dir, name, m.times, AT_SYMLINK_NOFOLLOW) < 0)) {
		failed(e, "cannot set its owner");
		unlinkat(at->dir, name, 0);
		return -e->code;
	}
	return take_place(x->o, at, name, e);
}

int extract_node(
	struct extractor *x, const struct place *at, struct archive_entry *entry, struct err *e)
{
	const char *link = archive_entry_hardlink(entry);

	if (link)
		return make_hard_link(x, at, link, e);
	switch (archive_entry_filetype(entry)) {
	case AE_IFREG:
		return make_file(x, at, entry, e);
	case AE_IFDIR:
		return make_directory(x, at, entry, e);
	case AE_IFLNK:
	case AE_IFIFO:
	case AE_IFCHR:
	case AE_IFBLK:
		return make_special(x, at, entry, e);
	default:
		return 0; /* a socket means nothing without its process */
	}
}

static int put_link(struct extractor *x, const struct late_link *l, struct err *e)
{
	auto_free char *copy = xstrdup(l->path);
	char *slash = strrchr(copy, '/'), name[TEMPORARY_SIZE];
	struct place at = { .name = slash ? slash + 1 : copy, .path = l->path };
	struct timespec times[2] = { l->mtime, l->mtime };
	auto_close int dir = -1;
	struct stat st;

	if (slash)
		*slash = '\0';
	dir = at.dir = extractor_open_dir(x, slash ? copy : "", false, e);
	if (dir < 0)
		return dir;
	/* something else of the archive's has taken its place */
	if (fstatat(dir, at.name, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_ino != l->there)
		return 0;
	temporary_name(name);
	if (symlinkat(l->target, dir, name) < 0)
		return failed(e, "cannot make it");
	if (fchownat(dir, name, l->uid, l->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return failed(e, "cannot set its owner");
	(void)utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW);
	return take_place(x->o, &at, name, e);
}

int extract_links(struct extractor *x, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < x->n_links; i++) {
		struct err own = { 0 };
		if (put_link(x, &x->links[i], &own) < 0 && r == 0) {
			*e = own;
			r = err_wrap(e, "'%.200s'", x->links[i].path);
		}
	}
	return r;
}
