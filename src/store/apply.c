#include "store/apply.h"
#include "base/mem.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define LINKS_MAX 40 /* as path_resolution(7) */

static void forget_parent(struct applier *a)
{
	close_fd(&a->parent_fd);
	free(a->parent_path);
	a->parent_path = NULL;
}

/* A name from an archive for a message: one line, not too long. */
static const char *shown(const char *name)
{
	return str_is_one_line(name) ? name : "(a name with control characters)";
}

int entry_path(const char *name, char ret[ENTRY_NAME_MAX + 1], struct err *e)
{
	size_t n = 0, depth = 0;

	while (*name) {
		size_t len = strcspn(name, "/");
		if (len == 2 && name[0] == '.' && name[1] == '.')
			return err_set(e, EINVAL, "its name climbs out of the archive");
		if (len && !(len == 1 && *name == '.')) {
			if (n + len + 1 > ENTRY_NAME_MAX || len > 255)
				return err_set(e, ENAMETOOLONG, "its name is too long");
			if (++depth > ENTRY_DEPTH_MAX)
				return err_set(e, EINVAL, "it is more than %d directories deep",
					ENTRY_DEPTH_MAX);
			if (n)
				ret[n++] = '/';
			memcpy(ret + n, name, len);
			n += len;
		}
		name += len + (name[len] == '/');
	}
	ret[n] = '\0';
	return 0;
}

int applier_note_time(struct applier *a, const char *path, const struct timespec *t, struct err *e)
{
	if (fwrite(path, strlen(path) + 1, 1, a->times) != 1 ||
		fwrite(t, sizeof *t, 1, a->times) != 1)
		return err_errno(e, "cannot write to the store");
	return 0;
}

/* A link on the way whose target is missing: the path with the target in its place. Lexical,
 * which may differ from the kernel's view, but each use of it starts at the root again. */
static int substitute(int dir, const char *before, const char *link, const char *rest,
	char ret[ENTRY_NAME_MAX + 1], struct err *e)
{
	auto_str all = STR_INIT(3 * ENTRY_NAME_MAX);
	char target[ENTRY_NAME_MAX + 1];
	ssize_t n = readlinkat(dir, link, target, sizeof target - 1);
	size_t len = 0;

	if (n < 0)
		return err_errno(e, "a directory of its name cannot be made");
	target[n] = '\0';
	str_addf(&all, "%s/%s/%s", *target == '/' ? "" : before, target, rest);
	for (const char *p = str_text(&all); *p;) {
		size_t part = strcspn(p, "/");
		if (part == 2 && p[0] == '.' && p[1] == '.') {
			while (len && ret[--len] != '/')
				;
		} else if (part && !(part == 1 && *p == '.')) {
			if (len + part + 1 > ENTRY_NAME_MAX)
				return err_set(e, ENAMETOOLONG, "its name is too long");
			if (len)
				ret[len++] = '/';
			memcpy(ret + len, p, part);
			len += part;
		}
		p += part + (p[part] == '/');
	}
	ret[len] = '\0';
	return 0;
}

/* One step down from `dir`: opens component `name`, made if missing. `prefix` is the path from the
 * root up to and with it. -ENOENT without an error set: a link that leads nowhere. */
static int step_down(
	struct applier *a, int dir, const char *name, const char *prefix, struct err *e)
{
	const struct timespec epoch = { 0 };
	int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(dir, name, flags);

	if (fd >= 0)
		return fd;
	if (errno == ENOTDIR || errno == ELOOP) {
		fd = rfd_open(a->root, prefix, O_PATH | O_DIRECTORY, 0);
		if (fd >= 0 || fd == -ENOENT)
			return fd;
		return err_set(e, -fd, "'%s' is in the way: it is not a directory", shown(prefix));
	}
	if (errno != ENOENT)
		return err_errno(e, "cannot open directory '%s'", shown(prefix));
	if (str_starts(name, ".wh."))
		return err_set(e, EINVAL, "'%s' is a reserved name", shown(prefix));
	if (mkdirat(dir, name, 0755) < 0 || (fd = openat(dir, name, flags)) < 0 ||
		fchmodat(dir, name, 0755, 0) < 0) {
		err_errno(e, "cannot make directory '%s'", shown(prefix));
		close_fd(&fd);
		return -e->code;
	}
	/* nobody said when: the same each time, so that equal archives make equal trees */
	if (applier_note_time(a, prefix, &epoch, e) < 0) {
		close(fd);
		return -e->code;
	}
	return fd;
}

static int make_parents(struct applier *a, const char *path, unsigned links, struct err *e)
{
	auto_close int dir = openat(a->root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char prefix[ENTRY_NAME_MAX + 1], again[ENTRY_NAME_MAX + 1];
	size_t n = 0;

	if (dir < 0)
		return err_errno(e, "cannot open the layer");
	while (path[n]) {
		size_t start = n, len = strcspn(path + n, "/");
		char name[256];
		int fd;
		if (len > 255)
			return err_set(e, ENAMETOOLONG, "its name is too long");
		memcpy(name, path + n, len);
		name[len] = '\0';
		memcpy(prefix, path, n + len);
		prefix[n += len] = '\0';
		n += path[n] == '/';
		fd = step_down(a, dir, name, prefix, e);
		if (fd == -ENOENT && !e->code) {
			if (links >= LINKS_MAX)
				return err_set(e, ELOOP, "too many symbolic links on its way");
			prefix[start] = '\0';
			if (substitute(dir, prefix, name, path + n, again, e) < 0)
				return -e->code;
			return make_parents(a, again, links + 1, e);
		}
		if (fd < 0)
			return -e->code;
		close_fd(&dir);
		dir = fd;
	}
	return 0;
}

static int open_parent(struct applier *a, const char *path, struct err *e)
{
	const char *from_root = *path ? path : ".";
	int fd = rfd_open(a->root, from_root, O_PATH | O_DIRECTORY, 0);

	if (fd == -ENOENT) {
		if (make_parents(a, path, 0, e) < 0)
			return -e->code;
		fd = rfd_open(a->root, from_root, O_PATH | O_DIRECTORY, 0);
	}
	if (fd < 0)
		return err_set(
			e, -fd, "cannot open directory '%s': %s", shown(path), strerror(-fd));
	return fd;
}

/* Finds the place of normalized `path`, making the directories it lacks. Symbolic links on the way
 * are followed inside the root. The open directory is kept for the next entry, which mostly has
 * the same; nothing but that next entry could take it away. */
static int find_place(
	struct applier *a, const char *path, char *copy, struct place *ret, struct err *e)
{
	char *slash;
	const char *parent;

	memcpy(copy, path, strlen(path) + 1);
	slash = strrchr(copy, '/');
	parent = slash ? copy : "";
	if (slash)
		*slash = '\0';
	if (!a->parent_path || !str_eq(a->parent_path, parent)) {
		int fd = open_parent(a, parent, e);
		if (fd < 0)
			return fd;
		forget_parent(a);
		a->parent_fd = fd;
		a->parent_path = xstrdup(parent);
	}
	*ret = (struct place){ a->parent_fd, slash ? slash + 1 : copy, path };
	return 0;
}

static int apply_opaque(const struct place *at, struct err *e)
{
	auto_close int fd = openat(at->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_errno(e, "cannot open its directory");
	return xattr_set_opaque(fd, e);
}

/* The OCI image-spec's layer.md, "Whiteouts". */
static int apply_whiteout(struct place *at, struct err *e)
{
	const char *target = at->name + strlen(".wh.");

	if (str_eq(target, ".wh..opq"))
		return apply_opaque(at, e);
	if (str_starts(target, ".wh.")) /* AUFS's own bookkeeping, which no reader wants */
		return 0;
	if (!*target || str_eq(target, ".") || str_eq(target, ".."))
		return err_set(e, EINVAL, "it deletes something that is no name");
	at->name = target;
	return node_make_whiteout(at, e);
}

static int apply_entry(
	struct applier *a, struct archive_entry *entry, const char *name, struct err *e)
{
	char path[ENTRY_NAME_MAX + 1], copy[ENTRY_NAME_MAX + 1];
	struct place at;

	if (++a->entries > ENTRIES_MAX)
		return err_set(e, EFBIG, "the archive has more than %d entries", ENTRIES_MAX);
	if (!name)
		return err_set(e, EINVAL, "it has no name");
	if (entry_path(name, path, e) < 0)
		return -e->code;
	if (!*path)
		return node_set_root(a, entry, e);
	if (find_place(a, path, copy, &at, e) < 0)
		return -e->code;
	if (str_starts(at.name, ".wh."))
		return apply_whiteout(&at, e);
	return node_make(a, &at, entry, e);
}

/* Last, since each entry made in a directory changes its time. */
static int set_times(struct applier *a, struct err *e)
{
	auto_free char *path = NULL;
	struct timespec t[2];
	size_t size = 0;

	if (fflush(a->times) != 0 || fseeko(a->times, 0, SEEK_SET) != 0)
		return err_errno(e, "cannot read a scratch file");
	while (getdelim(&path, &size, '\0', a->times) > 0) {
		auto_close int fd = -1;
		if (fread(&t[1], sizeof t[1], 1, a->times) != 1)
			return err_errno(e, "cannot read a scratch file");
		t[0] = t[1];
		fd = rfd_open(a->root, *path ? path : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
		/* replaced by something else meanwhile: then it has no such time to keep */
		if (fd >= 0 && futimens(fd, t) < 0)
			return err_errno(e, "cannot set the time of '%s'", shown(path));
	}
	return 0;
}

static int apply_all(struct applier *a, struct err *e)
{
	struct archive_entry *entry;
	int r;

	while ((r = tar_stream_next(a->stream, &entry, e)) > 0) {
		const char *name = archive_entry_pathname(entry);
		e->code = 0;
		if (apply_entry(a, entry, name, e) < 0)
			return err_wrap(e, "archive entry '%.200s'", name ? shown(name) : "");
	}
	if (r < 0 || tar_stream_drain(a->stream, e) < 0)
		return -e->code;
	return set_times(a, e);
}

/* A file in `dirfd` without a name. */
static FILE *open_scratch(int dirfd, struct err *e)
{
	FILE *f;
	int fd = openat(dirfd, "times", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0 || unlinkat(dirfd, "times", 0) < 0 || !(f = fdopen(fd, "w+"))) {
		err_errno(e, "cannot make a scratch file");
		close_fd(&fd);
		return NULL;
	}
	return f;
}

int layer_apply(const struct layer_apply *o, uint64_t *ret_entries, struct err *e)
{
	struct tar_stream_options so = {
		.fd = o->archive_fd, .blob = o->blob, .max_bytes = o->max_bytes, .teller = o->teller
	};
	auto_file FILE *times = open_scratch(o->scratch_fd, e);
	struct applier a = { .root = o->tree_fd,
		.times = times,
		.parent_fd = -1,
		.max_bytes = o->max_bytes ? o->max_bytes : UNPACKED_MAX };
	int r;

	if (!times)
		return -e->code;
	if (fchmod(o->tree_fd, 0755) < 0)
		return err_errno(e, "cannot prepare the layer");
	a.stream = o->stream;
	r = o->stream ? 0 : tar_stream_open(&so, &a.stream, e);
	if (r < 0)
		return r;
	r = apply_all(&a, e);
	forget_parent(&a);
	if (!o->stream)
		tar_stream_close(a.stream);
	if (r == 0)
		*ret_entries = a.entries;
	if (r == 0 && o->ret_bytes)
		*o->ret_bytes = a.bytes;
	return r;
}
