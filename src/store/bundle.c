#include "store/bundle.h"
#include "base/mem.h"
#include "store/apply.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <string.h>

/* Each layer has three at most, and each image a few. */
#define FILES_MAX 20000
#define LINKS_MAX 10

struct file {
	char *name, *link; /* link: of a link, normalized; else NULL */
	char spool[24];
	uint64_t size;
};

struct bundle {
	struct op *op;
	int dir; /* -1: an archive */
	struct file *files;
	size_t n;
};

void bundle_free(struct bundle *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < b->n; i++) {
		free(b->files[i].name);
		free(b->files[i].link);
	}
	free(b->files);
	free(b);
}

/* A symbolic link's target, seen from where the link is; "..", unlike elsewhere, may occur. */
static int link_target(const char *from, const char *target, char **ret, struct err *e)
{
	auto_str path = STR_INIT(2 * ENTRY_NAME_MAX);
	const char *slash = strrchr(from, '/');

	if (*target != '/' && slash)
		str_add_data(&path, from, (size_t)(slash - from));
	for (const char *p = target; *p;) {
		size_t len = strcspn(p, "/");
		if (len == 2 && p[0] == '.' && p[1] == '.') {
			const char *up = path.len ? strrchr(path.data, '/') : NULL;
			if (!path.len)
				return err_set(
					e, EINVAL, "it is a link that leads out of the archive");
			str_truncate(&path, up ? (size_t)(up - path.data) : 0);
		} else if (len && !(len == 1 && *p == '.')) {
			if (path.len)
				str_add_char(&path, '/');
			str_add_data(&path, p, len);
		}
		p += len + (p[len] == '/');
	}
	if (path.overflow || !path.len)
		return err_set(e, EINVAL, "it is a link to nothing that could be in the archive");
	*ret = str_take(&path);
	return 0;
}

static int spool_content(struct bundle *b, struct tar_stream *t, struct file *f, struct err *e)
{
	auto_blob blob = BLOB_INIT;
	auto_close int fd = -1;
	uint64_t done = 0;
	const void *data;
	int64_t offset;
	size_t len;
	int r;

	snprintf(f->spool, sizeof f->spool, "spool-%zu", b->n);
	fd = openat(b->op->dir_fd, f->spool, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		0600);
	if (fd < 0)
		return err_errno(e, "cannot make a file in the store");
	while ((r = tar_stream_data(t, &data, &len, &offset, e)) > 0) {
		/* a hole takes no bytes of the archive, and could be of any size (T15) */
		if (offset < 0 || (uint64_t)offset != done || len > f->size - done)
			return err_set(e, EINVAL, "its content is not as large as its size");
		if (len && fs_pwrite_all(fd, data, len, offset) < 0)
			return err_errno(e, "cannot write to the store");
		done += len;
	}
	if (r == 0 && done != f->size)
		return err_set(e, EINVAL, "its content is not as large as its size");
	return r;
}

static int take_entry(struct bundle *b, struct tar_stream *t, struct archive_entry *entry,
	const char *name, struct err *e)
{
	const char *hard = archive_entry_hardlink(entry), *soft = archive_entry_symlink(entry);
	char path[ENTRY_NAME_MAX + 1];
	struct file f = { 0 };

	if (!name)
		return err_set(e, EINVAL, "it has no name");
	if (entry_path(name, path, e) < 0)
		return -e->code;
	if (!*path || (!hard && !soft && archive_entry_filetype(entry) != AE_IFREG))
		return 0; /* directories go without saying, and devices mean nothing here */
	if (b->n >= FILES_MAX)
		return err_set(e, EFBIG, "there are more than %d files in it", FILES_MAX);
	if (bundle_has(b, path))
		return err_set(e, EINVAL, "it is there twice");
	if (hard && link_target("", hard, &f.link, e) < 0)
		return -e->code;
	if (!hard && soft && link_target(path, soft, &f.link, e) < 0)
		return -e->code;
	f.size = archive_entry_size(entry) > 0 ? (uint64_t)archive_entry_size(entry) : 0;
	if (f.size > UNPACKED_MAX)
		return err_set(e, EFBIG, "it is larger than any layer may be");
	if (!f.link && spool_content(b, t, &f, e) < 0)
		return -e->code;
	f.name = xstrdup(path);
	b->files = xrealloc_array(b->files, b->n + 1, sizeof *b->files);
	b->files[b->n++] = f;
	return 0;
}

static int read_archive(struct bundle *b, int fd, const struct teller *teller, struct err *e)
{
	auto_blob nowhere = BLOB_INIT;
	struct tar_stream_options o = { .fd = fd, .blob = &nowhere, .teller = teller };
	struct archive_entry *entry;
	struct tar_stream *t = NULL;
	int r;

	blob_to_nowhere(&nowhere);
	r = tar_stream_open(&o, &t, e);
	while (r >= 0 && (r = tar_stream_next(t, &entry, e)) > 0) {
		const char *name = archive_entry_pathname(entry);
		r = take_entry(b, t, entry, name, e);
		if (r < 0)
			err_wrap(e, "archive entry '%.200s'",
				name && str_is_one_line(name) ? name : "?");
	}
	if (r >= 0)
		r = tar_stream_drain(t, e); /* a pipe's writer is let finish */
	tar_stream_close(t);
	return r;
}

int bundle_open(
	struct op *op, int fd, const struct teller *teller, struct bundle **ret, struct err *e)
{
	auto_bundle *b = xcalloc(1, sizeof *b);
	struct stat st;

	b->op = op;
	b->dir = -1;
	if (fstat(fd, &st) < 0)
		return err_errno(e, "cannot read the archive");
	if (S_ISDIR(st.st_mode))
		b->dir = fd;
	else if (read_archive(b, fd, teller, e) < 0)
		return -e->code;
	*ret = take_ptr(&b);
	return 0;
}

static const struct file *find(const struct bundle *b, const char *name)
{
	for (unsigned links = 0; links < LINKS_MAX; links++) {
		const struct file *f = NULL;
		for (size_t i = 0; i < b->n && !f; i++)
			if (str_eq(b->files[i].name, name))
				f = &b->files[i];
		if (!f || !f->link)
			return f;
		name = f->link;
	}
	return NULL;
}

bool bundle_has(const struct bundle *b, const char *name)
{
	auto_close int fd = -1;

	if (b->dir < 0) {
		for (size_t i = 0; i < b->n; i++)
			if (str_eq(b->files[i].name, name))
				return true;
		return false;
	}
	fd = rfd_open(b->dir, name, O_PATH, 0);
	return fd >= 0;
}

int bundle_file(struct bundle *b, const char *name, uint64_t *ret_size, struct err *e)
{
	const struct file *f = b->dir < 0 ? find(b, name) : NULL;
	auto_close int fd = -1;
	struct stat st;

	if (f)
		fd = openat(b->op->dir_fd, f->spool, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	else if (b->dir >= 0)
		fd = rfd_open(b->dir, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (fd < 0)
		return err_set(
			e, ENOENT, "'%.200s' is missing", str_is_one_line(name) ? name : "?");
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(
			e, EINVAL, "'%.200s' is not a file", str_is_one_line(name) ? name : "?");
	*ret_size = (uint64_t)st.st_size;
	return take_fd(&fd);
}

int bundle_read(
	struct bundle *b, const char *name, size_t max, char **ret, size_t *ret_len, struct err *e)
{
	uint64_t size;
	auto_close int fd = bundle_file(b, name, &size, e);
	auto_free char *data = NULL;
	ssize_t n;

	if (fd < 0)
		return fd;
	if (size > max)
		return err_set(e, EFBIG, "'%.200s' is larger than %zu bytes", name, max);
	data = xmalloc((size_t)size + 1);
	n = fs_read_full(fd, data, (size_t)size);
	if (n != (ssize_t)size)
		return err_set(e, EIO, "cannot read '%.200s'", name);
	data[size] = '\0';
	*ret = take_ptr(&data);
	*ret_len = (size_t)size;
	return 0;
}

const char *bundle_spooled(struct bundle *b, const char *name)
{
	const struct file *f = b->dir < 0 ? find(b, name) : NULL;

	return f ? f->spool : NULL;
}
