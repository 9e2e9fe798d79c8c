#include "build/tree.h"
#include "base/fs.h"
#include "base/mem.h"

#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>

#define LINKS_MAX 40 /* as path_resolution(7) */
#define DEPTH_MAX 255

static const char *shown(const char *path)
{
	return !*path ? "." : str_is_one_line(path) ? path : "(a name with control characters)";
}

static const char *from_top(const char *path)
{
	return *path ? path : ".";
}

/* One file, not what it leads to if it is a link. Returns an O_PATH fd or -errno. */
static int open_one(const struct tree *t, const char *path, struct stat *ret)
{
	int fd = rfd_open_nolink(t->fd, from_top(path), O_PATH | O_NOFOLLOW, 0);

	if (fd >= 0 && fstat(fd, ret) < 0) {
		int code = errno;
		close(fd);
		return -code;
	}
	return fd;
}

/* Left out, and so is all below it. */
static bool is_hidden(const struct tree *t, const char *path, const struct stat *st)
{
	return t->ignore && *path && ignore_matches(t->ignore, path) &&
	       !(S_ISDIR(st->st_mode) && ignore_may_take_back(t->ignore, path));
}

static int not_there(const struct tree *t, const char *path, bool hidden, struct err *e)
{
	err_set(e, ENOENT, "'%.200s' is not in %s", shown(path), t->name);
	return hidden ? err_hint(e, "a pattern of .dockerignore leaves it out") : -e->code;
}

static int cannot(const struct tree *t, const char *path, int code, struct err *e)
{
	if (code == ENOENT || code == ENOTDIR)
		return not_there(t, path, false, e);
	return err_set(
		e, code, "cannot read '%.200s' of %s: %s", shown(path), t->name, strerror(code));
}

/* ---- one path ---- */

struct way {
	char at[TREE_PATH_MAX]; /* so far, without links */
	char *rest;             /* still to go */
	unsigned links;
};

/* The next part into `name`; false at the end. */
static bool next_part(struct way *w, char name[256], struct err *e)
{
	char *p = w->rest + strspn(w->rest, "/");
	size_t n = strcspn(p, "/");

	if (n > 255)
		err_set(e, ENAMETOOLONG, "a part of '%.60s' is too long", shown(w->rest));
	if (n == 0 || n > 255)
		return false;
	memcpy(name, p, n);
	name[n] = '\0';
	memmove(w->rest, p + n, strlen(p + n) + 1);
	return true;
}

static void go_up(struct way *w)
{
	char *slash = strrchr(w->at, '/');

	*(slash ? slash : w->at) = '\0';
}

static int go_down(struct way *w, const char *name, struct err *e)
{
	size_t n = strlen(w->at);

	if (n + strlen(name) + 2 > sizeof w->at)
		return err_set(e, ENAMETOOLONG, "a path in the tree is too long");
	snprintf(w->at + n, sizeof w->at - n, "%s%s", n ? "/" : "", name);
	return 0;
}

static int follow(struct way *w, int fd, const char *path, struct err *e)
{
	char target[TREE_PATH_MAX];
	ssize_t n = readlinkat(fd, "", target, sizeof target - 1);
	auto_free char *rest = NULL;

	if (n < 0)
		return err_errno(e, "cannot read the link '%.200s'", shown(path));
	target[n] = '\0';
	if (++w->links > LINKS_MAX)
		return err_set(e, ELOOP, "'%.200s' has too many symbolic links", shown(path));
	if (*target == '/')
		w->at[0] = '\0';
	else
		go_up(w);
	rest = xasprintf("%s/%s", target, w->rest);
	if (strlen(rest) >= 4 * TREE_PATH_MAX)
		return err_set(e, ENAMETOOLONG, "'%.200s' leads too far", shown(path));
	free(w->rest);
	w->rest = take_ptr(&rest);
	return 0;
}

/* With `last` the last part, too, if it is a link. */
static int resolve(const struct tree *t, const char *path, bool last, char ret[TREE_PATH_MAX],
	struct stat *ret_stat, struct err *e)
{
	struct way w = { .rest = xstrdup(path) };
	struct stat st;
	char name[256];
	int r = 0;

	e->code = 0;
	while (r == 0 && next_part(&w, name, e)) {
		auto_close int fd = -1;
		if (str_eq(name, "."))
			continue;
		if (str_eq(name, "..")) {
			go_up(&w);
			continue;
		}
		r = go_down(&w, name, e);
		if (r < 0)
			break;
		fd = open_one(t, w.at, &st);
		if (fd < 0)
			r = cannot(t, path, -fd, e);
		else if (S_ISLNK(st.st_mode) && (last || w.rest[strspn(w.rest, "/")]))
			r = is_hidden(t, w.at, &st) ? not_there(t, path, true, e)
						    : follow(&w, fd, path, e);
	}
	if (r == 0)
		r = -e->code;
	if (r == 0) {
		auto_close int fd = open_one(t, w.at, &st);
		if (fd < 0)
			r = cannot(t, path, -fd, e);
		else if (is_hidden(t, w.at, &st))
			r = not_there(t, path, true, e);
	}
	free(take_ptr(&w.rest));
	if (r < 0)
		return r;
	memcpy(ret, w.at, strlen(w.at) + 1);
	if (ret_stat)
		*ret_stat = st;
	return 0;
}

int tree_resolve(const struct tree *t, const char *path, char ret[TREE_PATH_MAX],
	struct stat *ret_stat, struct err *e)
{
	return resolve(t, path, true, ret, ret_stat, e);
}

int tree_open(const struct tree *t, const struct tree_file *f, struct err *e)
{
	int fd = rfd_open_nolink(
		t->fd, from_top(f->path), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW, 0);

	return fd < 0 ? cannot(t, f->path, -fd, e) : fd;
}

/* ---- directories and patterns ---- */

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int names_in(const struct tree *t, const char *path, struct strv *ret, struct err *e)
{
	int fd = rfd_open_nolink(t->fd, from_top(path), O_RDONLY | O_DIRECTORY, 0);
	auto_dir DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *ent;

	if (fd < 0)
		return cannot(t, path, -fd, e);
	if (!d) {
		close(fd);
		return err_errno(e, "cannot read '%.200s'", shown(path));
	}
	while ((errno = 0, ent = readdir(d))) {
		if (str_eq(ent->d_name, ".") || str_eq(ent->d_name, ".."))
			continue;
		if (ret->n == TREE_FILES)
			return err_set(e, EFBIG, "'%.200s' has more than %d entries", shown(path),
				TREE_FILES);
		strv_push(ret, ent->d_name);
	}
	if (errno)
		return err_errno(e, "cannot read '%.200s'", shown(path));
	if (ret->n)
		qsort(ret->v, ret->n, sizeof *ret->v, by_text);
	return 0;
}

static bool has_pattern(const char *text)
{
	return strpbrk(text, "*?[\\") != NULL;
}

/* Adds to `ret` what part `name` of a pattern stands for in directory `base`. */
static int glob_part(const struct tree *t, const char *base, const char *name, bool is_last,
	struct strv *ret, struct err *e)
{
	char dir[TREE_PATH_MAX], at[TREE_PATH_MAX];
	auto_strv names = { 0 };
	struct stat st;

	if (!has_pattern(name)) {
		auto_free char *path = xasprintf("%s%s%s", base, *base ? "/" : "", name);
		if (resolve(t, path, !is_last, at, &st, e) < 0)
			return e->code == ENOENT ? 0 : -e->code;
		strv_push(ret, at);
		return 0;
	}
	if (resolve(t, base, true, dir, &st, e) < 0)
		return e->code == ENOENT ? 0 : -e->code;
	if (!S_ISDIR(st.st_mode))
		return 0;
	if (names_in(t, dir, &names, e) < 0)
		return -e->code;
	for (size_t i = 0; i < names.n; i++) {
		auto_free char *path = NULL;
		if (!ignore_glob(name, names.v[i]))
			continue;
		path = xasprintf("%s%s%s", dir, *dir ? "/" : "", names.v[i]);
		if (resolve(t, path, !is_last, at, &st, e) == 0)
			strv_push(ret, at);
		else if (e->code != ENOENT)
			return -e->code;
	}
	return 0;
}

int tree_glob(const struct tree *t, const char *pattern, struct strv *ret, struct err *e)
{
	auto_strv found = { 0 };
	const char *p = pattern;

	if (!ignore_is_pattern(pattern))
		return err_set(e, EINVAL,
			"'%.200s' is no pattern: a '[' is not closed, or a '\\' has nothing "
			"behind it",
			shown(pattern));
	strv_push(&found, "");
	while (*(p += strspn(p, "/"))) {
		size_t n = strcspn(p, "/");
		auto_free char *name = xstrndup(p, n);
		auto_strv next = { 0 };
		bool is_last = !p[n + strspn(p + n, "/")];
		p += n;
		for (size_t i = 0; i < found.n; i++)
			if (glob_part(t, found.v[i], name, is_last, &next, e) < 0)
				return -e->code;
		strv_release(&found);
		found = next;
		next = (struct strv){ 0 };
	}
	err_clear(e);
	if (!found.n) {
		char unused[TREE_PATH_MAX];
		if (!has_pattern(pattern)) /* which has more to say */
			return resolve(t, pattern, false, unused, NULL, e);
		return err_set(
			e, ENOENT, "nothing in %s matches '%.200s'", t->name, shown(pattern));
	}
	qsort(found.v, found.n, sizeof *found.v, by_text);
	*ret = found;
	found = (struct strv){ 0 };
	return 0;
}

/* ---- all below ---- */

struct walk {
	const struct tree *t;
	const struct ignore *exclude;
	tree_each *each;
	void *arg;
	size_t source_len; /* of its path, with the '/' behind it */
	unsigned files;
};

/* A directory that is left out itself, and waits for something in it that is not. */
struct waiting {
	const struct waiting *above;
	const char *path;
	struct stat st;
	bool *told;
};

static const char *name_of(const struct walk *w, const char *path)
{
	return strlen(path) > w->source_len ? path + w->source_len : "";
}

static int tell_waiting(struct walk *w, const struct waiting *d, struct err *e)
{
	struct tree_file f;

	if (!d || *d->told)
		return 0;
	if (tell_waiting(w, d->above, e) < 0)
		return -e->code;
	*d->told = true;
	f = (struct tree_file){ d->path, name_of(w, d->path), NULL, d->st };
	return w->each(w->arg, &f, e);
}

/* -1: left out whole; 1: only what it holds may be taken; 0: taken. */
static int left_out(const struct walk *w, const char *path, const struct stat *st)
{
	const struct ignore *lists[] = { w->t->ignore, w->exclude };
	const char *name = name_of(w, path);
	/* a source that is a file is excluded by its own name, one that is a directory never */
	const char *names[] = { path, *name || S_ISDIR(st->st_mode) ? name
				      : strrchr(path, '/')          ? strrchr(path, '/') + 1
								    : path };
	int out = 0;

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		if (!lists[i] || !*names[i] || !ignore_matches(lists[i], names[i]))
			continue;
		if (!S_ISDIR(st->st_mode) || !ignore_may_take_back(lists[i], names[i]))
			return -1;
		out = 1;
	}
	return out;
}

static int is_takeable(const struct walk *w, const char *path, const struct stat *st, struct err *e)
{
	if (S_ISREG(st->st_mode) || S_ISDIR(st->st_mode) || S_ISLNK(st->st_mode))
		return 1;
	if (S_ISSOCK(st->st_mode)) /* no archive has such a thing */
		return 0;
	if (!w->t->foreign)
		return 1;
	return err_set(e, EINVAL, "'%.200s' of %s is neither a file nor a directory nor a link",
		shown(path), w->t->name);
}

static int walk(struct walk *w, const char *path, const struct waiting *above, unsigned depth,
	struct err *e);

static int walk_below(struct walk *w, const char *path, const struct waiting *above, unsigned depth,
	struct err *e)
{
	auto_strv names = { 0 };
	int r = names_in(w->t, path, &names, e);

	for (size_t i = 0; i < names.n && r >= 0; i++) {
		auto_free char *below = xasprintf("%s%s%s", path, *path ? "/" : "", names.v[i]);
		r = walk(w, below, above, depth + 1, e);
	}
	return r;
}

static int walk(struct walk *w, const char *path, const struct waiting *above, unsigned depth,
	struct err *e)
{
	struct tree_file f = { .path = path, .name = name_of(w, path) };
	char target[TREE_PATH_MAX];
	auto_close int fd = open_one(w->t, path, &f.st);
	bool told = false;
	struct waiting own = { above, path, f.st, &told };
	ssize_t n;
	int out;

	if (fd < 0)
		return cannot(w->t, path, -fd, e);
	if (depth > DEPTH_MAX || ++w->files > TREE_FILES || strlen(path) >= TREE_PATH_MAX)
		return err_set(e, EFBIG, "'%.200s' is too deep, or there are more than %d files",
			shown(path), TREE_FILES);
	out = left_out(w, path, &f.st);
	if (out < 0)
		return 0;
	if (out > 0)
		return walk_below(w, path, &own, depth, e);
	out = is_takeable(w, path, &f.st, e);
	if (out <= 0)
		return out;
	if (S_ISLNK(f.st.st_mode)) {
		n = readlinkat(fd, "", target, sizeof target - 1);
		if (n < 0)
			return err_errno(e, "cannot read the link '%.200s'", shown(path));
		target[n] = '\0';
		f.link = target;
	}
	close_fd(&fd);
	if (tell_waiting(w, above, e) < 0 || w->each(w->arg, &f, e) < 0)
		return -e->code;
	return S_ISDIR(f.st.st_mode) ? walk_below(w, path, NULL, depth, e) : 0;
}

int tree_walk(const struct tree *t, const char *source, const struct ignore *exclude,
	tree_each *each, void *arg, struct err *e)
{
	struct walk w = { .t = t, .exclude = exclude, .each = each, .arg = arg };
	char at[TREE_PATH_MAX];

	if (resolve(t, source, false, at, NULL, e) < 0)
		return -e->code;
	w.source_len = *at ? strlen(at) + 1 : 0;
	return walk(&w, at, NULL, 0, e);
}

/* ---- a digest ---- */

struct hashing {
	const struct tree *t;
	struct sha256 *hash;
	char *block;
	bool owners;
};
#define HASH_BLOCK ((size_t)1 << 17)

static int hash_content(struct hashing *h, const struct tree_file *f, struct err *e)
{
	auto_close int fd = tree_open(h->t, f, e);
	ssize_t n;

	if (fd < 0)
		return fd;
	while ((n = read(fd, h->block, HASH_BLOCK)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(
				e, "cannot read '%.200s' of %s", shown(f->path), h->t->name);
		sha256_add(h->hash, h->block, (size_t)n);
	}
	return 0;
}

static int hash_file(void *arg, const struct tree_file *f, struct err *e)
{
	struct hashing *h = arg;
	char line[160];
	bool has_device = S_ISCHR(f->st.st_mode) || S_ISBLK(f->st.st_mode);

	sha256_add_text(h->hash, f->name);
	snprintf(line, sizeof line, "%o %u:%u %u:%u %lld",
		S_ISLNK(f->st.st_mode) ? S_IFLNK : f->st.st_mode, h->owners ? f->st.st_uid : 0,
		h->owners ? f->st.st_gid : 0, has_device ? major(f->st.st_rdev) : 0,
		has_device ? minor(f->st.st_rdev) : 0,
		S_ISREG(f->st.st_mode) ? (long long)f->st.st_size : 0);
	sha256_add_text(h->hash, line);
	if (f->link)
		sha256_add_text(h->hash, f->link);
	return S_ISREG(f->st.st_mode) ? hash_content(h, f, e) : 0;
}

int tree_hash(const struct tree *t, const char *source, const struct ignore *exclude, bool owners,
	struct sha256 *hash, struct err *e)
{
	auto_free char *block = xmalloc(HASH_BLOCK);
	struct hashing h = { t, hash, block, owners };

	return tree_walk(t, source, exclude, hash_file, &h, e);
}
