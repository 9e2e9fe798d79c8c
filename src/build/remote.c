#include "build/remote.h"
#include "base/fs.h"
#include "base/mem.h"
#include "build/dockerfile.h"
#include "build/git.h"

#include <fcntl.h>
#include <string.h>

#define BLOCK       512 /* of a tar archive */
#define CONTEXT_MAX ((uint64_t)1 << 40)

void remote_close(struct remote *r)
{
	close_fd(&r->dir_fd);
	scratch_remove(&r->scratch);
	free(r->digest);
	*r = (struct remote)REMOTE_INIT;
}

static int begin(struct engine *en, struct remote *r, struct err *e)
{
	*r = (struct remote)REMOTE_INIT;
	if (scratch_make(en, &r->scratch, e) < 0)
		return -e->code;
	if (mkdirat(r->scratch.fd, "tree", 0755) < 0)
		return err_errno(e, "cannot make a directory");
	r->dir_fd = fs_open_dir(r->scratch.fd, "tree", e);
	return r->dir_fd < 0 ? r->dir_fd : 0;
}

/* ---- a file by its address ---- */

static int fetch(struct engine *en, const char *url, const struct remote_options *o, int dir,
	const char *name, struct remote *r, struct err *e)
{
	auto_close int fd = openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	const struct fetch_request request = { .url = url,
		.checksum = o->checksum,
		.max = CONTEXT_MAX,
		.each = o->each,
		.arg = o->arg };
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { 0, 0 } };
	auto_fetched got = { 0 };

	if (fd < 0)
		return err_errno(e, "cannot make a file");
	if (engine_fetch(en, &request, fd, &got, e) < 0)
		return -e->code;
	if (got.modified > 0)
		times[1].tv_sec = got.modified;
	if (futimens(fd, times) < 0)
		return err_errno(e, "cannot set a file's time");
	r->digest = take_ptr(&got.digest);
	return lseek(fd, 0, SEEK_SET) < 0 ? err_errno(e, "cannot read a file") : take_fd(&fd);
}

/* ---- a git repository ---- */

static int clone(
	const char *source, const struct remote_options *o, struct remote *r, struct err *e)
{
	const struct git_options how = { o->keep_git_dir, o->checksum };
	auto_free char *commit = NULL;
	auto_git_source s = { 0 };
	int fd;

	if (git_source_parse(source, &s, e) < 0 ||
		git_checkout(&s, &how, r->dir_fd, &commit, e) < 0)
		return -e->code;
	r->digest = xasprintf("git:%s", commit);
	if (!s.subdir)
		return 0;
	/* links of the repository's lead nowhere else */
	fd = rfd_open(r->dir_fd, s.subdir, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return err_set(e, ENOENT, "the git repository has no directory '%.200s'",
			str_is_one_line(s.subdir) ? s.subdir : "?");
	close_fd(&r->dir_fd);
	r->dir_fd = fd;
	return 0;
}

/* ---- an archive, or a Dockerfile ---- */

/* The header's checksum: all bytes, with blanks in its own place (POSIX pax, "ustar"). */
static bool is_tar_header(const unsigned char *block)
{
	unsigned long sum = 0;

	for (size_t i = 0; i < BLOCK; i++)
		sum += i >= 148 && i < 156 ? ' ' : block[i];
	return strtoul((const char *)block + 148, NULL, 8) == sum;
}

static bool is_archive(const unsigned char *head, size_t n)
{
	static const struct {
		const char *magic;
		size_t n;
	} kinds[] = { { "\x1f\x8b", 2 }, { "BZh", 3 },
		{ "\xfd"
		  "7zXZ",
			6 },
		{ "\x28\xb5\x2f\xfd", 4 } };
	static const unsigned char zeros[BLOCK];

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (n >= kinds[i].n && memcmp(head, kinds[i].magic, kinds[i].n) == 0)
			return true;
	return n == BLOCK && (is_tar_header(head) || memcmp(head, zeros, BLOCK) == 0);
}

static int take_dockerfile(const void *head, size_t len, int fd, struct remote *r, struct err *e)
{
	auto_str text = STR_INIT(DOCKERFILE_MAX);
	char block[16384];
	ssize_t n = (ssize_t)len;

	str_add_data(&text, head, len);
	while (n > 0 && (n = fs_read_full(fd, block, sizeof block)) > 0)
		str_add_data(&text, block, (size_t)n);
	if (n < 0)
		return err_set(e, (int)-n, "cannot read it: %s", strerror((int)-n));
	if (!text.len)
		return err_set(e, EINVAL, "nothing came: neither an archive nor a Dockerfile");
	if (text.overflow || memchr(text.data, '\0', text.len)) {
		err_set(e, EINVAL, "it is neither a tar archive nor a Dockerfile");
		return err_hint(e, "tar -c . | redock build -");
	}
	r->bare_file = true;
	return fs_write_file(r->dir_fd, "Dockerfile", text.data, text.len, 0644, FS_VOLATILE, e);
}

static int take(struct engine *en, int fd, struct remote *r, struct err *e)
{
	unsigned char head[BLOCK];
	ssize_t n = fs_read_full(fd, head, sizeof head);

	if (n < 0)
		return err_set(e, (int)-n, "cannot read it: %s", strerror((int)-n));
	if (is_archive(head, (size_t)n))
		return engine_unpack(en, head, (size_t)n, fd, r->dir_fd, e);
	return take_dockerfile(head, (size_t)n, fd, r, e);
}

/* ---- */

static int finish(int result, struct remote *r)
{
	if (result < 0)
		remote_close(r);
	return result;
}

int remote_add(struct engine *en, const char *source, const struct remote_options *o,
	struct remote *ret, struct err *e)
{
	auto_close int fd = -1;
	int r = begin(en, ret, e);

	if (r == 0 && source_kind(source) == SOURCE_GIT)
		r = clone(source, o, ret, e);
	else if (r == 0)
		r = fd = fetch(en, source, o, ret->dir_fd, REMOTE_FILE, ret, e);
	return finish(r < 0 ? r : 0, ret);
}

int remote_context(struct engine *en, const char *source, int input, const struct remote_options *o,
	struct remote *ret, struct err *e)
{
	auto_close int fd = -1;
	int r;

	if (str_eq(source, "-") && isatty(input)) {
		err_set(e, EINVAL, "the build's context is to come from a terminal");
		return err_hint(e, "redock build - <Dockerfile, or a directory instead of '-'");
	}
	r = begin(en, ret, e);
	if (r == 0 && str_eq(source, "-")) {
		r = take(en, input, ret, e);
	} else if (r == 0 && source_kind(source) == SOURCE_GIT) {
		r = clone(source, o, ret, e);
	} else if (r == 0) {
		r = fd = fetch(en, source, o, ret->scratch.fd, REMOTE_FILE, ret, e);
		if (r >= 0)
			r = take(en, fd, ret, e);
	}
	if (r < 0 && !str_eq(source, "-"))
		err_wrap(e, "cannot get the context");
	else if (r < 0)
		err_wrap(e, "cannot read the context from standard input");
	return finish(r < 0 ? r : 0, ret);
}
