#include "build/context.h"
#include "base/fs.h"
#include "base/mem.h"
#include "build/dockerfile.h"

#include <fcntl.h>
#include <string.h>

void context_release(struct context *c)
{
	close_fd(&c->fd);
	ignore_release(&c->ignore);
	free(c->file_name);
	free(c->file);
	*c = (struct context)CONTEXT_INIT;
}

struct tree context_tree(const struct context *c)
{
	return (struct tree){ c->fd, &c->ignore, "the build context", true };
}

/* A file of the context, wherever its links lead inside it. 1, or 0 when there is none. */
static int read_inside(const struct context *c, const char *name, size_t max, char **ret,
	size_t *ret_len, struct err *e)
{
	if (rfd_read_file(c->fd, name, max, ret, ret_len, e) == 0)
		return 1;
	if (e->code != ENOENT && e->code != ENOTDIR)
		return -e->code;
	err_clear(e);
	return 0;
}

/* A file that the person names, who may have links of their own. */
static int read_outside(const char *path, size_t max, char **ret, size_t *ret_len, struct err *e)
{
	if (fs_read_file(AT_FDCWD, path, max, ret, ret_len, e) == 0)
		return 1;
	if (e->code != ENOENT && e->code != ENOTDIR)
		return -e->code;
	err_clear(e);
	return 0;
}

static int read_stream(int fd, size_t max, char **ret, size_t *ret_len, struct err *e)
{
	auto_str text = STR_INIT(max + 1);
	auto_free char *block = xmalloc(65536);
	ssize_t n;

	while ((n = fs_read_full(fd, block, 65536)) > 0) {
		str_add_data(&text, block, (size_t)n);
		if (text.overflow || text.len > max)
			return err_set(e, E2BIG, "it is longer than %zu bytes", max);
	}
	if (n < 0)
		return err_set(e, (int)-n, "cannot read it: %s", strerror((int)-n));
	*ret_len = text.len;
	*ret = str_take(&text);
	return 1;
}

/* ---- the Dockerfile ---- */

static int no_file(const char *name, struct err *e)
{
	err_set(e, ENOENT, "there is no Dockerfile '%.200s'", str_is_one_line(name) ? name : "?");
	return err_hint(e, "-f FILE, or a directory that has one");
}

static int read_file(struct context *c, const char *file, bool local, struct err *e)
{
	static const char *const usual[] = { "Dockerfile", "dockerfile" };
	int r = 0;

	if (file && str_eq(file, "-")) {
		c->file_name = xstrdup("Dockerfile");
		r = read_stream(STDIN_FILENO, DOCKERFILE_MAX, &c->file, &c->file_len, e);
		return r < 0 ? err_wrap(e, "the Dockerfile on standard input") : 0;
	}
	if (file) {
		const char *slash = strrchr(file, '/');
		c->file_name = xstrdup(slash && slash[1] ? slash + 1 : file);
		if (local)
			r = read_outside(file, DOCKERFILE_MAX, &c->file, &c->file_len, e);
		if (r == 0 && (!local || *file != '/'))
			r = read_inside(c, file, DOCKERFILE_MAX, &c->file, &c->file_len, e);
		if (r == 0)
			return no_file(file, e);
		return r < 0 ? err_wrap(e, "Dockerfile") : 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(usual) && r == 0; i++) {
		r = read_inside(c, usual[i], DOCKERFILE_MAX, &c->file, &c->file_len, e);
		if (r > 0)
			c->file_name = xstrdup(usual[i]);
	}
	if (r == 0)
		return no_file("Dockerfile", e);
	return r < 0 ? err_wrap(e, "Dockerfile") : 0;
}

/* ---- .dockerignore ---- */

static int take_ignore(
	struct context *c, const char *name, const char *text, size_t len, struct err *e)
{
	unsigned line;

	if (ignore_parse(text, len, &c->ignore, &line, e) < 0)
		return err_wrap(e, "%s:%u", str_is_one_line(name) ? name : ".dockerignore", line);
	return 0;
}

/* "FILE.dockerignore" beside the Dockerfile goes before ".dockerignore" (Dockerfile reference,
 * "Filename and location"). */
static int read_ignore(struct context *c, const char *file, bool local, struct err *e)
{
	auto_free char *own = NULL, *text = NULL;
	size_t len = 0;
	int r = 0;

	if (!file || !str_eq(file, "-"))
		own = xasprintf("%s.dockerignore", file ? file : c->file_name);
	if (own && file && local)
		r = read_outside(own, IGNORE_MAX, &text, &len, e);
	if (own && r == 0 && (!local || *own != '/'))
		r = read_inside(c, own, IGNORE_MAX, &text, &len, e);
	if (r < 0)
		return err_wrap(e, "cannot read '%.200s'", str_is_one_line(own) ? own : "?");
	if (r > 0)
		return take_ignore(c, own, text, len, e);
	r = read_inside(c, ".dockerignore", IGNORE_MAX, &text, &len, e);
	if (r < 0)
		return err_wrap(e, "cannot read '.dockerignore'");
	return r > 0 ? take_ignore(c, ".dockerignore", text, len, e) : 0;
}

int context_read(struct context *c, const char *file, bool local, struct err *e)
{
	if (read_file(c, file, local, e) < 0)
		return -e->code;
	return read_ignore(c, file, local, e);
}

/* ---- from where ---- */

static int open_directory(const char *path, struct context *ret, struct err *e)
{
	ret->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (ret->fd >= 0)
		return 0;
	if (errno != ENOTDIR)
		return err_errno(e, "cannot open the build context '%.200s'",
			str_is_one_line(path) ? path : "?");
	err_set(e, ENOTDIR, "the build context '%.200s' is not a directory",
		str_is_one_line(path) ? path : "?");
	return err_hint(e, "its directory, and -f for a Dockerfile of another name");
}

int context_open(const char *where, const char *file, struct context *ret, struct err *e)
{
	auto_context c = CONTEXT_INIT;

	if (open_directory(where, &c, e) < 0 || context_read(&c, file, true, e) < 0)
		return -e->code;
	*ret = c;
	c = (struct context)CONTEXT_INIT;
	return 0;
}
