#include "store/extract.h"
#include "base/mem.h"

#include <archive_entry.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

static const char *shown(const char *name)
{
	return str_is_one_line(name) ? name : "(a name with control characters)";
}

static int open_dir(const struct extractor *x, const char *path)
{
	const char *from_root = *path ? path : ".";
	int flags = O_PATH | O_DIRECTORY;

	return x->o->follow ? rfd_open(x->o->root_fd, from_root, flags, 0)
			    : rfd_open_nolink(x->o->root_fd, from_root, flags, 0);
}

/* Makes component `name` of `parent`; *prefix is the path up to and with it. */
static int make_dir(struct extractor *x, int parent, const char *name, const char *prefix)
{
	if (mkdirat(parent, name, 0755) < 0 && errno != EEXIST)
		return -errno;
	return open_dir(x, prefix);
}

int extractor_open_dir(struct extractor *x, const char *path, bool make, struct err *e)
{
	char prefix[ENTRY_NAME_MAX + 1];
	auto_close int dir = open_dir(x, path);
	size_t n = 0;

	if (dir == -ENOENT && make)
		dir = open_dir(x, "");
	else if (dir >= 0)
		return take_fd(&dir);
	while (dir >= 0 && path[n]) {
		size_t start = n, len = strcspn(path + n, "/");
		char name[256];
		int next;
		if (len > 255)
			return err_set(e, ENAMETOOLONG, "its name is too long");
		memcpy(name, path + start, len);
		name[len] = '\0';
		n += len;
		memcpy(prefix, path, n);
		prefix[n] = '\0';
		n += path[n] == '/';
		next = open_dir(x, prefix);
		if (next == -ENOENT)
			next = make_dir(x, dir, name, prefix);
		close_fd(&dir);
		dir = next;
	}
	if (dir >= 0)
		return take_fd(&dir);
	if (dir == -EROFS)
		return err_set(e, EROFS, "it lies on a read-only file system");
	if (dir == -ELOOP)
		return err_set(e, ELOOP, "a symbolic link is on the way to '%s'", shown(path));
	return err_set(e, -dir, "cannot open directory '%s': %s", shown(path), strerror(-dir));
}

/* The first part, whole, is what is renamed and what must be as expected (T12). */
int extractor_path(
	struct extractor *x, const char *name, char ret[ENTRY_NAME_MAX + 1], struct err *e)
{
	char path[ENTRY_NAME_MAX + 1], first[256];
	size_t len;
	int n;

	if (entry_path(name, path, e) < 0)
		return -e->code;
	len = strcspn(path, "/");
	if (!*path)
		return 0;
	memcpy(first, path, len);
	first[len] = '\0';
	if (x->o->expect && fnmatch(x->o->expect, first, 0) != 0)
		return err_set(e, EINVAL, "it is not what was asked for");
	n = snprintf(ret, ENTRY_NAME_MAX + 1, "%s%s%s%s", x->o->path, *x->o->path ? "/" : "",
		x->o->rename ? x->o->rename : first, path + len);
	if (n > ENTRY_NAME_MAX)
		return err_set(e, ENAMETOOLONG, "its name is too long");
	return 1;
}

/* The open directory is kept for the next entry, which mostly has the same. */
static int find_place(
	struct extractor *x, const char *path, char *copy, struct place *ret, struct err *e)
{
	struct applier *a = &x->a;
	const char *parent;
	char *slash;

	memcpy(copy, path, strlen(path) + 1);
	slash = strrchr(copy, '/');
	parent = slash ? copy : "";
	if (slash)
		*slash = '\0';
	if (!a->parent_path || !str_eq(a->parent_path, parent)) {
		int fd = extractor_open_dir(x, parent, true, e);
		if (fd < 0)
			return fd;
		close_fd(&a->parent_fd);
		free(a->parent_path);
		a->parent_fd = fd;
		a->parent_path = xstrdup(parent);
	}
	*ret = (struct place){ a->parent_fd, slash ? slash + 1 : copy, path };
	return 0;
}

static int extract_entry(
	struct extractor *x, struct archive_entry *entry, const char *name, struct err *e)
{
	char path[ENTRY_NAME_MAX + 1], copy[ENTRY_NAME_MAX + 1];
	struct place at;
	int r;

	if (++x->a.entries > ENTRIES_MAX)
		return err_set(e, EFBIG, "the archive has more than %d entries", ENTRIES_MAX);
	if (!name)
		return err_set(e, EINVAL, "it has no name");
	r = extractor_path(x, name, path, e);
	if (r < 0)
		return r;
	if (r == 0) /* the directory itself is there, and its owner's business */
		return archive_entry_filetype(entry) == AE_IFDIR
			       ? 0
			       : err_set(e, EINVAL, "it wants to replace the directory");
	if (find_place(x, path, copy, &at, e) < 0)
		return -e->code;
	return extract_node(x, &at, entry, e);
}

/* Last, since each entry made in a directory changes its time. */
static int set_times(struct extractor *x, struct err *e)
{
	auto_free char *path = NULL;
	struct timespec t[2];
	size_t size = 0;

	if (fflush(x->a.times) != 0 || fseeko(x->a.times, 0, SEEK_SET) != 0)
		return err_errno(e, "cannot read a scratch file");
	while (getdelim(&path, &size, '\0', x->a.times) > 0) {
		auto_close int fd = -1;
		if (fread(&t[1], sizeof t[1], 1, x->a.times) != 1)
			return err_errno(e, "cannot read a scratch file");
		t[0] = t[1];
		fd = rfd_open_nolink(x->o->root_fd, path, O_RDONLY | O_DIRECTORY, 0);
		if (fd >= 0)
			(void)futimens(fd, t); /* a time is not worth a failure now */
	}
	return 0;
}

static int extract_all(struct extractor *x, struct err *e)
{
	struct archive_entry *entry;
	int r;

	while ((r = tar_stream_next(x->a.stream, &entry, e)) > 0) {
		const char *name = archive_entry_pathname(entry);
		e->code = 0;
		if (extract_entry(x, entry, name, e) < 0)
			return err_wrap(e, "'%.200s'", name ? shown(name) : "");
	}
	if (r < 0 || tar_stream_drain(x->a.stream, e) < 0)
		return -e->code;
	return 0;
}

int extract(const struct extract *o, struct err *e)
{
	auto_blob nowhere = BLOB_INIT;
	struct tar_stream_options so = {
		.fd = o->archive_fd, .blob = &nowhere, .teller = o->teller, .done = "copied"
	};
	int memory = memfd_create("times", MFD_CLOEXEC), r;
	auto_file FILE *times = memory < 0 ? NULL : fdopen(memory, "w+");
	struct extractor x = { .o = o };

	if (!times) {
		close_fd(&memory);
		return err_errno(e, "cannot make a scratch file");
	}
	x.a = (struct applier){
		.root = o->root_fd, .times = times, .parent_fd = -1, .max_bytes = UNPACKED_MAX
	};
	blob_to_nowhere(&nowhere);
	umask(0);
	r = tar_stream_open(&so, &x.a.stream, e);
	if (r == 0) {
		struct err links = { 0 };
		r = extract_all(&x, e);
		/* also after a failure: their places are held by empty files */
		if (extract_links(&x, &links) < 0 && r == 0) {
			*e = links;
			r = -e->code;
		}
		if (r == 0)
			r = set_times(&x, e);
		tar_stream_close(x.a.stream);
	}
	for (size_t i = 0; i < x.n_links; i++) {
		free(x.links[i].path);
		free(x.links[i].target);
	}
	free(x.links);
	close_fd(&x.a.parent_fd);
	free(x.a.parent_path);
	return r;
}
