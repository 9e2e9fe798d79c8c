/* What redock-store does with files, for files.c: each in a process of its own. */
#include "base/mem.h"
#include "base/time.h"
#include "store/enter.h"
#include "store/extract.h"
#include "store/find.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static void interrupt(int sig)
{
	(void)sig; /* write(2) returns, and blob.c sees how long that took */
}

/* Frozen until all is read, unless whoever reads the archive takes nothing: he may be waiting for
 * the container himself (`cp NAME:a - | exec -i NAME ...`), or be a person with a pager. */
void files_watch_reader(struct blob *b, const struct teller *teller)
{
	struct sigaction act = { .sa_handler = interrupt };
	struct itimerspec every = { { 1, 0 }, { 1, 0 } };
	timer_t timer;

	sigaction(SIGALRM, &act, NULL);
	if (timer_create(CLOCK_MONOTONIC, NULL, &timer) < 0 ||
		timer_settime(timer, 0, &every, NULL) < 0)
		return;
	b->stalled = teller->read_done;
	b->stalled_arg = teller->arg;
}

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int check_directory(const struct found_file *f, struct err *e)
{
	struct stat st;

	if (fstatat(f->dir, f->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_errno(e, "cannot read '%s'", str_text(&f->path));
	if (!S_ISDIR(st.st_mode))
		return err_set(e, ENOTDIR, "'/%s' is not a directory", str_text(&f->path));
	return 0;
}

static int pack_wanted(
	struct packer *p, int root, const struct wanted *w, bool follow, struct err *e)
{
	for (size_t i = 0; i < w->paths.n; i++) {
		bool deref = follow || w->content || w->directory;
		auto_found f = { .dir = -1 };
		if (find_file(root, w->paths.v[i], deref, &f, e) < 0 ||
			((w->content || w->directory) && check_directory(&f, e) < 0))
			return -e->code;
		/* the archive has one top: two of a name would be one file, the last one */
		for (size_t k = 0; k < i && !w->content; k++)
			if (str_eq(base_of(w->paths.v[i]), base_of(w->paths.v[k])))
				return err_set(e, EEXIST, "'/%s' and '/%s' have the same name",
					w->paths.v[k], w->paths.v[i]);
		if (packer_put(p, f.dir, f.name, w->content ? "" : base_of(w->paths.v[i]), e) < 0)
			return -e->code;
	}
	return 0;
}

static int run_copy_from(
	const json_t *request, int out, int pidfd, const struct teller *teller, struct err *e)
{
	auto_free char *path = hex_from_json(request, "path");
	auto_close int root = -1;
	auto_blob blob = BLOB_INIT;
	auto_packer *packer = NULL;
	auto_wanted w = { 0 };

	if (!path)
		return err_set(e, EINVAL, "the request has no path");
	root = root_enter(json_object_get(request, "root"), pidfd, false, e);
	if (root < 0 || wanted_find(root, path, &w, e) < 0)
		return -e->code;
	blob_to_stream(out, &blob);
	blob.teller = teller;
	blob.told = time_monotonic();
	files_watch_reader(&blob, teller);
	packer = packer_new(&blob);
	if (pack_wanted(packer, root, &w, json_bool(request, "follow_link", false), e) < 0 ||
		tar_put_end(&blob, e) < 0 || blob_finish(&blob, NULL, e) < 0)
		return -e->code;
	return 0;
}

static int run_copy_to(
	const json_t *request, int in, int pidfd, const struct teller *teller, struct err *e)
{
	auto_free char *path = hex_from_json(request, "path");
	auto_close int root = -1, dir = -1;
	struct extract x = { .archive_fd = in,
		.follow = true,
		.devices = true,
		.teller = teller,
		.keep_owner = json_bool(request, "keep_owner", false),
		.no_replace = json_bool(request, "no_replace", false) };

	if (!path)
		return err_set(e, EINVAL, "the request has no path");
	root = root_enter(json_object_get(request, "root"), pidfd, true, e);
	if (root < 0)
		return root;
	for (size_t n = strlen(path); n && path[n - 1] == '/'; n--)
		path[n - 1] = '\0';
	x.root_fd = root;
	x.path = path + strspn(path, "/");
	dir = rfd_open(root, *x.path ? x.path : ".", O_PATH | O_DIRECTORY, 0);
	if (dir < 0)
		return err_set(e, -dir, "cannot open directory '/%s' in the container: %s", x.path,
			strerror(-dir));
	return extract(&x, e);
}

/* Where a link leads at last, if it leads anywhere; else its own text. */
static char *link_target(int root, const char *path, const struct found_file *f)
{
	auto_found at = { .dir = -1 };
	struct err ignored;
	char target[4097];
	ssize_t n = readlinkat(f->dir, f->name, target, sizeof target - 1);

	if (n < 0)
		return xstrdup("");
	target[n] = '\0';
	if (find_file(root, path, true, &at, &ignored) < 0)
		return xstrdup(target);
	return xasprintf("/%s", str_text(&at.path));
}

static int run_stat(const json_t *request, int pidfd, json_t **ret, struct err *e)
{
	auto_free char *path = hex_from_json(request, "path"), *target = NULL;
	auto_close int root = -1;
	auto_found f = { .dir = -1 };
	auto_wanted w = { 0 };
	struct stat st;

	if (!path)
		return err_set(e, EINVAL, "the request has no path");
	root = root_enter(json_object_get(request, "root"), pidfd, false, e);
	if (root < 0 || wanted_find(root, path, &w, e) < 0 ||
		find_file(root, w.paths.v[0], w.content || w.directory, &f, e) < 0 ||
		((w.content || w.directory) && check_directory(&f, e) < 0))
		return -e->code;
	if (fstatat(f.dir, f.name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_errno(e, "cannot read '%s'", path);
	target = link_target(root, w.paths.v[0], &f);
	*ret = json_pack("{s:o, s:o, s:I, s:I, s:I, s:b}", "name",
		hex_to_json(w.content && !*base_of(w.paths.v[0]) ? "/" : base_of(w.paths.v[0])),
		"link_target", hex_to_json(target), "size", (json_int_t)st.st_size, "mode",
		(json_int_t)st.st_mode, "modified",
		(json_int_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec, "many",
		w.pattern && w.paths.n > 1);
	return 0;
}

static int run_extract(const json_t *request, int in, int dir, struct err *e)
{
	auto_free char *rename = hex_from_json(request, "rename"),
		       *expect = hex_from_json(request, "expect");
	bool keep_owner = json_bool(request, "keep_owner", false);
	const struct extract x = { .archive_fd = in,
		.root_fd = dir,
		.path = "",
		.rename = rename,
		.expect = expect,
		.keep_owner = keep_owner,
		.keep_mode = json_bool(request, "keep_mode", false),
		.devices = keep_owner,
		.no_replace = true,
		.uid = geteuid(),
		.gid = getegid() };

	return extract(&x, e);
}

static int run_pack(const json_t *request, int out, int dir, struct err *e)
{
	auto_free char *name = hex_from_json(request, "path"), *as = hex_from_json(request, "as");
	auto_blob blob = BLOB_INIT;
	auto_packer *packer = NULL;

	if (!name || !as)
		return err_set(e, EINVAL, "the request has no path");
	blob_to_stream(out, &blob);
	packer = packer_new(&blob);
	if (packer_put(packer, dir, name, as, e) < 0 || tar_put_end(&blob, e) < 0 ||
		blob_finish(&blob, NULL, e) < 0)
		return -e->code;
	return 0;
}

bool files_run(const json_t *request, const struct teller *teller, json_t **ret_stat, int *ret,
	struct err *e)
{
	const char *op = json_str(request, "op", "");
	int other = fcntl(HELPER_OTHER, F_GETFD) < 0 ? -1 : HELPER_OTHER;

	if (str_eq(op, "copy-from"))
		*ret = run_copy_from(request, HELPER_DATA, other, teller, e);
	else if (str_eq(op, "copy-to"))
		*ret = run_copy_to(request, HELPER_DATA, other, teller, e);
	else if (str_eq(op, "stat"))
		*ret = run_stat(request, other, ret_stat, e);
	else if (str_eq(op, "extract"))
		*ret = run_extract(request, HELPER_DATA, other, e);
	else if (str_eq(op, "pack"))
		*ret = run_pack(request, HELPER_DATA, other, e);
	else
		return false;
	return true;
}
