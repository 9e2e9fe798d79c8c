/* What a container has changed: its upper directory compared with the layers below. */
#include "base/mem.h"
#include "store/internal.h"

#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>

#define DEPTH_MAX   255 /* as deep as a layer may be (T15) */
#define CHANGES_MAX 1000000
#define OPEN_DIR    (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NOATIME)

/* The same directory in those layers in which it shows through, the topmost first. */
struct below {
	int *fds;
	size_t n;
};

static void below_release(struct below *b)
{
	for (size_t i = 0; i < b->n; i++)
		close_fd(&b->fds[i]);
	free(b->fds);
}
#define auto_below __attribute__((cleanup(below_release))) struct below

struct walk {
	store_change_each *each;
	void *arg;
	struct str path;
	unsigned depth;
	uint64_t found;
};

static bool is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == 0;
}

static bool is_opaque(int fd)
{
	char value[2];

	return fgetxattr(fd, "trusted.overlay.opaque", value, sizeof value) == 1 && *value == 'y';
}

/* The topmost layer that says something about `name`: its index and what it has there, or b->n when
 * the name is nowhere, or deleted. */
static size_t find_below(const struct below *b, const char *name, struct stat *ret)
{
	for (size_t i = 0; i < b->n; i++) {
		if (fstatat(b->fds[i], name, ret, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		return is_whiteout(ret) ? b->n : i;
	}
	return b->n;
}

static int open_below(
	const struct below *b, size_t from, const char *name, struct below *ret, struct err *e)
{
	bool opaque = false;

	ret->fds = xcalloc(b->n - from + 1, sizeof *ret->fds);
	for (size_t i = from; i < b->n && !opaque; i++) {
		int fd = openat(b->fds[i], name, OPEN_DIR);
		if (fd < 0 && errno == ENOENT)
			continue;
		if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
			break; /* a file or whiteout hides what is below */
		if (fd < 0)
			return err_errno(e, "cannot read a layer");
		ret->fds[ret->n++] = fd;
		opaque = is_opaque(fd);
	}
	return 0;
}

static int report(struct walk *w, enum store_change kind, const char *name, struct err *e)
{
	size_t len = w->path.len;

	if (++w->found > CHANGES_MAX)
		return err_set(e, EFBIG, "there are more than %d changes", CHANGES_MAX);
	if (name) {
		str_add_char(&w->path, '/');
		str_add(&w->path, name);
	}
	w->each(w->arg, kind, str_text(&w->path));
	str_truncate(&w->path, len);
	return 0;
}

/* An opaque directory hides all that lies below it: what of that is not in it again is deleted. */
static int report_hidden(struct walk *w, int upper, const struct below *b, struct err *e)
{
	for (size_t i = 0; i < b->n; i++) {
		int fd = openat(b->fds[i], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		auto_dir DIR *d = fd < 0 ? NULL : fdopendir(fd);
		struct dirent *ent;
		if (!d) {
			close_fd(&fd);
			return err_errno(e, "cannot read a layer");
		}
		while ((errno = 0, ent = readdir(d))) {
			struct stat st;
			if (str_eq(ent->d_name, ".") || str_eq(ent->d_name, "..") ||
				find_below(b, ent->d_name, &st) != i ||
				fstatat(upper, ent->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
				continue;
			if (report(w, STORE_DELETED, ent->d_name, e) < 0)
				return -e->code;
		}
		if (errno)
			return err_errno(e, "cannot read a layer");
	}
	return 0;
}

static int walk_below(struct walk *w, int upper, const struct below *b, struct err *e);

/* As Docker has it: a directory is changed when its owner or mode is, or something in it; its time
 * and size say nothing. */
static int walk_directory(struct walk *w, int upper, const struct stat *st, const char *name,
	const struct below *b, struct err *e)
{
	auto_close int fd = openat(upper, name, OPEN_DIR);
	auto_below sub = { 0 };
	struct stat was;
	size_t at = find_below(b, name, &was);
	uint64_t before = w->found;
	int r;

	if (fd < 0)
		return errno == ENOENT ? 0 : err_errno(e, "cannot read a directory");
	if (at < b->n && S_ISDIR(was.st_mode) && (r = open_below(b, at, name, &sub, e)) < 0)
		return r;
	if (at == b->n || !sub.n) {
		r = report(w, at == b->n ? STORE_ADDED : STORE_MODIFIED, name, e);
		before = w->found;
	}
	str_add_char(&w->path, '/');
	str_add(&w->path, name);
	r = w->path.overflow || w->depth >= DEPTH_MAX
		    ? err_set(e, ELOOP, "'%.60s...' is more than %d directories deep",
			      str_text(&w->path), DEPTH_MAX)
		    : 0;
	if (r == 0 && sub.n && is_opaque(fd))
		r = report_hidden(w, fd, &sub, e);
	w->depth++;
	if (r == 0)
		r = walk_below(w, fd, &sub, e);
	w->depth--;
	if (r == 0 && sub.n &&
		(w->found > before || st->st_mode != was.st_mode || st->st_uid != was.st_uid ||
			st->st_gid != was.st_gid))
		r = report(w, STORE_MODIFIED, NULL, e);
	return r;
}

static int walk_one(
	struct walk *w, int upper, const char *name, const struct below *b, struct err *e)
{
	struct stat st, was;
	size_t len = w->path.len, at;
	int r;

	if (fstatat(upper, name, &st, AT_SYMLINK_NOFOLLOW) < 0) /* removed meanwhile */
		return errno == ENOENT ? 0 : err_errno(e, "cannot read a directory");
	if (S_ISDIR(st.st_mode)) {
		r = walk_directory(w, upper, &st, name, b, e);
		str_truncate(&w->path, len);
		return r;
	}
	at = find_below(b, name, &was);
	if (is_whiteout(&st))
		return at < b->n ? report(w, STORE_DELETED, name, e) : 0;
	return report(w, at < b->n ? STORE_MODIFIED : STORE_ADDED, name, e);
}

static int walk_below(struct walk *w, int upper, const struct below *b, struct err *e)
{
	int fd = openat(upper, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	auto_dir DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *ent;

	if (!d) {
		close_fd(&fd);
		return err_errno(e, "cannot read a directory");
	}
	while (r == 0 && (errno = 0, ent = readdir(d)))
		if (!str_eq(ent->d_name, ".") && !str_eq(ent->d_name, ".."))
			r = walk_one(w, upper, ent->d_name, b, e);
	return r == 0 && errno ? err_errno(e, "cannot read a directory") : r;
}

int store_diff(int upper_fd, const int *lower_fds, size_t n, store_change_each *each, void *arg,
	struct err *e)
{
	struct walk w = { .each = each, .arg = arg, .path = STR_INIT(DEPTH_MAX * 256 + 1) };
	const struct below b = { (int *)lower_fds, n };
	int r = walk_below(&w, upper_fd, &b, e);

	str_release(&w.path);
	return r;
}
