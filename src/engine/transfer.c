#include "engine/transfer.h"
#include "base/mem.h"
#include "store/files.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#define PIPE_SIZE (1 << 20)

/* What a path says by its end. */
struct shape {
	char *plain; /* without what is at its end; "" is the root or the current directory */
	bool content, directory;
};

static struct shape shape_of(const char *path)
{
	struct shape s = { .plain = xstrdup(path) };
	size_t n = strlen(s.plain);

	for (;;) {
		if (n && s.plain[n - 1] == '/')
			s.directory = true;
		else if (n && s.plain[n - 1] == '.' && (n == 1 || s.plain[n - 2] == '/'))
			s.content = true;
		else
			break;
		s.plain[--n] = '\0';
	}
	if (!n || str_eq(s.plain, "..") || str_ends(s.plain, "/.."))
		s.content = true;
	return s;
}

static void shape_release(struct shape *s)
{
	free(s->plain);
}
#define auto_shape __attribute__((cleanup(shape_release))) struct shape

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static char *parent_of(const char *path, const char *otherwise)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return xstrdup(otherwise);
	return slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
}

static int open_pipe(int fds[2], struct err *e)
{
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_errno(e, "cannot make a pipe");
	(void)fcntl(fds[1], F_SETPIPE_SZ, PIPE_SIZE); /* fewer turns; smaller will do */
	return 0;
}

static int open_directory(const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? err_errno(e, "cannot open directory '%s'", path) : fd;
}

/* ---- from a container ---- */

struct target {
	int dir;
	char *rename, *expect; /* NULL: neither */
};

/* fnmatch(3) pattern that this name alone matches. */
static char *pattern_of(const char *name)
{
	auto_str s = STR_INIT(2 * NAME_MAX + 2);

	for (; *name; name++) {
		if (strchr("*?[\\", *name))
			str_add_char(&s, '\\');
		str_add_char(&s, *name);
	}
	return str_take(&s);
}

static int refuse_directory(const char *what, const char *onto, struct err *e)
{
	err_set(e, EISDIR, "cannot copy %s onto '%s', which is not a directory", what, onto);
	return err_hint(e, "a directory as destination");
}

/* The destination is the new name of the one source. */
static int target_by_name(const char *local, struct target *ret, struct err *e)
{
	auto_free char *real = realpath(local, NULL); /* a file: through the link that names it */
	auto_free char *parent = parent_of(real ? real : local, ".");

	ret->rename = xstrdup(base_of(real ? real : local));
	ret->dir = open_directory(parent, e);
	return ret->dir < 0 ? ret->dir : 0;
}

static int find_target(const char *local, const struct path_stat *source, bool is_dir, bool content,
	struct target *ret, struct err *e)
{
	auto_shape to = shape_of(local);
	const char *plain = *to.plain ? to.plain : *local == '/' ? "/" : ".";
	struct stat st;
	int r = stat(local, &st) < 0 ? -errno : 0;

	if (r == 0 && S_ISDIR(st.st_mode)) {
		ret->dir = open_directory(local, e);
		return ret->dir < 0 ? ret->dir : 0;
	}
	if (r == -ENOTDIR || (r == 0 && (is_dir || source->many)))
		return refuse_directory(source->many ? "several files" : "a directory", local, e);
	if (r < 0 && r != -ENOENT)
		return err_set(e, -r, "cannot read '%s': %s", local, strerror(-r));
	if (r < 0 && (source->many || ((to.directory || to.content) && !is_dir))) {
		err_set(e, ENOENT, "directory '%s' does not exist", local);
		return err_hint(e, "mkdir '%s'", local);
	}
	if (r < 0 && content) {
		if (mkdir(plain, 0755) < 0)
			return err_errno(e, "cannot make directory '%s'", plain);
		ret->dir = open_directory(plain, e);
		return ret->dir < 0 ? ret->dir : 0;
	}
	return target_by_name(plain, ret, e);
}

/* A directory, at last? */
static int is_directory(struct engine *en, const char *id, const struct path_stat *st, bool follow,
	bool *ret, struct err *e)
{
	struct path_stat at;
	int r;

	*ret = S_ISDIR(st->mode);
	if (!S_ISLNK(st->mode) || !follow)
		return 0;
	r = engine_path_stat(en, id, st->link_target, &at, e);
	if (r < 0)
		return r;
	*ret = S_ISDIR(at.mode);
	path_stat_release(&at);
	return 0;
}

static int receive(struct engine *en, const char *id, const char *path, const struct target *to,
	const struct transfer_options *o, struct err *e)
{
	struct store_files *files;
	struct err own = { 0 };
	int fds[2], r, theirs;

	if (open_pipe(fds, e) < 0)
		return -e->code;
	r = store_extract_start(&(struct store_extract){ .fd = fds[0],
					.dir_fd = to->dir,
					.rename = to->rename,
					.expect = to->expect,
					.keep_owner = o->keep_owner },
		&files, e);
	close(fds[0]);
	if (r == 0)
		r = engine_copy_from(en, id, path, o->follow_link, fds[1], e);
	else
		files = NULL;
	close(fds[1]);
	theirs = files ? store_files_finish(files, &own) : 0;
	/* who failed first? a reader that has gone is told as EPIPE */
	if (theirs < 0 && (r == 0 || r == -EPIPE)) {
		*e = own;
		r = theirs;
	}
	return r;
}

int transfer_down(struct engine *en, const char *id, const char *path, const char *local,
	const struct transfer_options *o, struct err *e)
{
	auto_shape from = shape_of(path);
	struct path_stat st = { 0 };
	struct target to = { .dir = -1 };
	bool is_dir = false;
	int r = engine_path_stat(en, id, path, &st, e);

	if (r == 0)
		r = is_directory(en, id, &st, o->follow_link, &is_dir, e);
	if (r == 0)
		r = find_target(local, &st, is_dir, from.content, &to, e);
	if (r == 0 && !from.content)
		to.expect = st.many ? xstrdup(base_of(from.plain)) : pattern_of(st.name);
	if (r == 0)
		r = receive(en, id, path, &to, o, e);
	path_stat_release(&st);
	close_fd(&to.dir);
	free(to.rename);
	free(to.expect);
	return r;
}

/* ---- to a container ---- */

struct source {
	int dir;
	char *name; /* in it; "." by itself */
	char *as;   /* its own name; NULL: it has none, its content is meant */
	bool is_dir;
};

static int find_source(const char *local, bool follow, struct source *ret, struct err *e)
{
	auto_shape s = shape_of(local);
	auto_free char *real = NULL, *parent = NULL;
	const char *path = s.plain;
	struct stat st;

	if (s.content || s.directory || follow) {
		real = realpath(local, NULL);
		if (!real)
			return err_errno(e, "cannot open '%s'", local);
		path = real;
	}
	if (!s.content)
		ret->as = xstrdup(base_of(s.plain));
	parent = parent_of(path, ".");
	ret->name = xstrdup(str_eq(path, "/") ? "." : base_of(path));
	ret->dir = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (ret->dir < 0 || fstatat(ret->dir, ret->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_errno(e, "cannot open '%s'", local);
	ret->is_dir = S_ISDIR(st.st_mode);
	if ((s.content || s.directory) && !ret->is_dir)
		return err_set(e, ENOTDIR, "'%s' is not a directory", local);
	return 0;
}

/* The directory in the container, and the name in it ("" for a directory's content). */
struct place {
	char *dir, *as;
};

static int find_place(struct engine *en, const char *id, const char *path,
	const struct source *from, bool again, struct place *ret, struct err *e)
{
	auto_shape to = shape_of(path);
	struct path_stat st = { 0 };
	int r = engine_path_stat(en, id, path, &st, e);
	bool there = r == 0 && (to.content || str_eq(st.name, base_of(to.plain)));

	if (r < 0 && r != -ENOENT)
		return r;
	if (there && S_ISLNK(st.mode) && !again) {
		r = find_place(en, id, st.link_target, from, true, ret, e);
		path_stat_release(&st);
		return r;
	}
	path_stat_release(&(struct path_stat){ st.name, 0, 0, 0, st.link_target, false });
	if (there && S_ISDIR(st.mode)) {
		ret->dir = xstrdup(path);
		ret->as = xstrdup(from->as ? from->as : "");
		return 0;
	}
	if (there && from->is_dir)
		return refuse_directory("a directory", path, e);
	if (!there && (to.directory || to.content) && !from->is_dir) {
		err_set(e, ENOENT, "directory '%s' does not exist in the container", path);
		return err_hint(e, "without the '/' at its end, if that is to be the file's name");
	}
	err_clear(e);
	ret->dir = parent_of(to.plain, "/");
	ret->as = xstrdup(base_of(to.plain));
	return 0;
}

static int deliver(struct engine *en, const char *id, const struct source *from,
	const struct place *to, const struct transfer_options *o, struct err *e)
{
	const struct copy_to_options how = { .keep_owner = o->keep_owner,
		.no_overwrite_with_dir = true };
	struct store_files *files;
	struct err own = { 0 };
	int fds[2], r, theirs;

	if (open_pipe(fds, e) < 0)
		return -e->code;
	r = store_pack_start(from->dir, from->name, to->as, fds[1], &files, e);
	close(fds[1]);
	if (r == 0)
		r = engine_copy_to(en, id, to->dir, &how, fds[0], e);
	else
		files = NULL;
	close(fds[0]);
	theirs = files ? store_files_finish(files, &own) : 0;
	/* what is cut short on one side is damaged on the other: the cause goes first */
	if (theirs < 0 && theirs != -EPIPE) {
		*e = own;
		r = theirs;
	}
	return r;
}

int transfer_up(struct engine *en, const char *id, const char *local, const char *path,
	const struct transfer_options *o, struct err *e)
{
	struct source from = { .dir = -1 };
	struct place to = { 0 };
	int r = find_source(local, o->follow_link, &from, e);

	if (r == 0)
		r = find_place(en, id, path, &from, false, &to, e);
	if (r == 0)
		r = deliver(en, id, &from, &to, o, e);
	close_fd(&from.dir);
	free(from.name);
	free(from.as);
	free(to.dir);
	free(to.as);
	return r;
}
