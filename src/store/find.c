#include "store/find.h"
#include "base/mem.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>

#define MATCHES_MAX 10000
#define PATH_LIMIT  4096
#define LINKS_MAX   40 /* as path_resolution(7) */

void wanted_release(struct wanted *w)
{
	strv_release(&w->paths);
	*w = (struct wanted){ 0 };
}

void found_file_release(struct found_file *f)
{
	close_fd(&f->dir);
	str_release(&f->path);
}

/* Takes off what stands at the ends and says something. */
static char *clean(const char *path, struct wanted *w)
{
	auto_free char *copy = xstrdup(path + strspn(path, "/"));
	size_t n = strlen(copy);

	for (;;) {
		if (n && copy[n - 1] == '/') {
			w->directory = true;
			copy[--n] = '\0';
		} else if (n && copy[n - 1] == '.' && (n == 1 || copy[n - 2] == '/')) {
			w->content = true;
			copy[--n] = '\0';
		} else {
			break;
		}
	}
	/* the root has no name of its own, and neither has what ".." leads to */
	if (!n || str_eq(copy, "..") || str_ends(copy, "/.."))
		w->content = true;
	return take_ptr(&copy);
}

static bool is_pattern(const char *text)
{
	return strpbrk(text, "*?[\\") != NULL;
}

static bool is_there(int rootfd, const char *path)
{
	auto_close int fd = rfd_open(rootfd, *path ? path : ".", O_PATH | O_NOFOLLOW, 0);

	return fd >= 0;
}

/* All names of directory `at` that match; "at/name" goes to *ret. */
static int match_names(int rootfd, const char *at, const char *pattern, struct strv *ret)
{
	int fd = rfd_open(rootfd, *at ? at : ".", O_RDONLY | O_DIRECTORY | O_NONBLOCK, 0);
	auto_dir DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *ent;

	if (!d) {
		close_fd(&fd);
		return 0; /* no directory: nothing in it matches */
	}
	while ((ent = readdir(d))) {
		if (str_eq(ent->d_name, ".") || str_eq(ent->d_name, "..") ||
			fnmatch(pattern, ent->d_name, FNM_PERIOD) != 0)
			continue;
		if (ret->n >= MATCHES_MAX)
			return -E2BIG;
		strv_pushf(ret, "%s%s%s", at, *at ? "/" : "", ent->d_name);
	}
	return 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Part after part: each of them turns the list of paths into a longer one, or an empty one. */
static int expand(int rootfd, const char *path, struct strv *ret)
{
	auto_strv now = { 0 };
	int r = 0;

	strv_push(&now, "");
	while (*path && now.n && r == 0) {
		size_t len = strcspn(path, "/");
		auto_free char *part = xstrndup(path, len);
		auto_strv next = { 0 };
		path += len;
		path += strspn(path, "/");
		for (size_t i = 0; i < now.n && r == 0; i++) {
			auto_free char *plain =
				xasprintf("%s%s%s", now.v[i], *now.v[i] ? "/" : "", part);
			if (is_pattern(part))
				r = match_names(rootfd, now.v[i], part, &next);
			else if (is_there(rootfd, plain))
				strv_push(&next, plain);
		}
		strv_release(&now);
		now = next;
		next = (struct strv){ 0 };
	}
	if (now.n)
		qsort(now.v, now.n, sizeof *now.v, by_text);
	*ret = now;
	now = (struct strv){ 0 };
	return r;
}

int wanted_find(int rootfd, const char *path, struct wanted *ret, struct err *e)
{
	auto_wanted w = { 0 };
	auto_free char *plain = clean(path, &w);

	if (strlen(path) >= PATH_LIMIT)
		return err_set(e, ENAMETOOLONG, "'%.60s...' is too long a path", path);
	if (is_there(rootfd, plain)) {
		strv_push(&w.paths, plain);
	} else {
		w.pattern = is_pattern(plain);
		if (w.pattern && expand(rootfd, plain, &w.paths) < 0)
			return err_set(
				e, E2BIG, "'%s' matches more than %d files", path, MATCHES_MAX);
	}
	if (!w.paths.n && w.pattern)
		return err_set(e, ENOENT, "nothing in the container matches '%s'", path);
	if (!w.paths.n)
		return err_set(e, ENOENT, "no file or directory '%s' in the container", path);
	*ret = w;
	w = (struct wanted){ 0 };
	return 0;
}

/* The directory part of `path` and the name in it. */
static int split(int rootfd, const char *path, struct found_file *f)
{
	auto_free char *copy = xstrdup(path + strspn(path, "/"));
	size_t n = strlen(copy);
	char *slash;

	while (n && copy[n - 1] == '/')
		copy[--n] = '\0';
	slash = strrchr(copy, '/');
	close_fd(&f->dir);
	str_truncate(&f->path, 0);
	str_add(&f->path, copy);
	if (slash)
		*slash = '\0';
	if (!*copy || str_eq(slash ? slash + 1 : copy, "..") ||
		str_eq(slash ? slash + 1 : copy, ".")) { /* it has no name: by itself */
		snprintf(f->name, sizeof f->name, ".");
		f->dir = rfd_open(
			rootfd, f->path.len ? str_text(&f->path) : ".", O_PATH | O_DIRECTORY, 0);
		return f->dir < 0 ? f->dir : 0;
	}
	if (strlen(slash ? slash + 1 : copy) >= sizeof f->name)
		return -ENAMETOOLONG;
	snprintf(f->name, sizeof f->name, "%s", slash ? slash + 1 : copy);
	f->dir = rfd_open(rootfd, slash && *copy ? copy : ".", O_PATH | O_DIRECTORY, 0);
	return f->dir < 0 ? f->dir : 0;
}

int find_file(int rootfd, const char *path, bool follow, struct found_file *ret, struct err *e)
{
	struct found_file f = { .dir = -1, .path = STR_INIT(2 * PATH_LIMIT + 2) };
	int r = split(rootfd, path, &f);

	for (unsigned links = 0; r == 0; links++) {
		char target[PATH_LIMIT];
		ssize_t n = readlinkat(f.dir, f.name, target, sizeof target - 1);
		auto_str next = STR_INIT(2 * PATH_LIMIT + 2);
		if (n < 0 || !follow)
			break;
		if (links >= LINKS_MAX) {
			r = -ELOOP;
			break;
		}
		target[n] = '\0';
		if (*target != '/') {
			str_add_data(&next, f.path.data, f.path.len - strlen(f.name));
		}
		str_add(&next, target);
		r = next.overflow ? -ENAMETOOLONG : split(rootfd, str_text(&next), &f);
	}
	if (r == 0 && faccessat(f.dir, f.name, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		r = -errno;
	if (r < 0) {
		found_file_release(&f);
		if (r == -ENOENT)
			return err_set(
				e, ENOENT, "no file or directory '%s' in the container", path);
		return err_set(e, -r, "cannot open '%s' in the container: %s", path, strerror(-r));
	}
	*ret = f;
	return 0;
}
