#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/fs.h"
#include "base/mem.h"
#include "build/context.h"

#include <fcntl.h>
#include <string.h>

/* A directory `dir` with a canary beside it, which nothing may reach. */
struct place {
	char path[64], dir[80];
	int fd;
};

static void put(struct place *p, const char *path, const char *text)
{
	struct err e = { 0 };
	auto_free char *parent = xstrdup(path);
	char *slash = strrchr(parent, '/');

	if (slash) {
		*slash = '\0';
		close(fs_open_dir_make(p->fd, parent, 0755, &e));
	}
	if (fs_write_file(p->fd, path, text, strlen(text), 0644, FS_VOLATILE, &e) < 0)
		fail_msg("%s", e.text);
}

static void put_link(struct place *p, const char *target, const char *path)
{
	assert_int_equal(symlinkat(target, p->fd, path), 0);
}

static int setup(void **state)
{
	struct place *p = xcalloc(1, sizeof *p);
	struct err e = { 0 };

	snprintf(p->path, sizeof p->path, "/tmp/redock-test-XXXXXX");
	assert_non_null(mkdtemp(p->path));
	snprintf(p->dir, sizeof p->dir, "%s/dir", p->path);
	assert_int_equal(mkdir(p->dir, 0755), 0);
	p->fd = open(p->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(p->fd >= 0);
	if (fs_write_file(p->fd, "../canary", "secret", 6, 0644, FS_VOLATILE, &e) < 0)
		fail_msg("%s", e.text);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;
	struct err e = { 0 };

	close(p->fd);
	if (fs_remove_tree(AT_FDCWD, p->path, &e) < 0)
		fail_msg("%s", e.text);
	free(p);
	return 0;
}

static struct tree tree_of(const struct place *p, const struct ignore *i)
{
	return (struct tree){ p->fd, i, "the build context", true };
}

static void ignore_text(const char *text, struct ignore *ret)
{
	struct err e = { 0 };
	unsigned line;

	if (ignore_parse(text, strlen(text), ret, &line, &e) < 0)
		fail_msg("%s", e.text);
}

/* ---- paths ---- */

static void leads(const struct tree *t, const char *path, const char *expected)
{
	char at[TREE_PATH_MAX];
	struct err e = { 0 };
	int r = tree_resolve(t, path, at, NULL, &e);

	if (!expected && r == 0)
		fail_msg("'%s' leads to '%s'", path, at);
	if (expected && r < 0)
		fail_msg("'%s': %s", path, e.text);
	if (expected)
		assert_string_equal(at, expected);
}

static void links_stay_inside(void **state)
{
	struct place *p = *state;
	struct tree t = tree_of(p, NULL);
	char out[160];

	put(p, "a/b/file", "x");
	put(p, "etc/passwd", "inner");
	put_link(p, "file", "a/b/relative");
	put_link(p, "../../etc/passwd", "a/b/up");
	put_link(p, "../../../../../../../../../etc/passwd", "a/far");
	put_link(p, "/etc/passwd", "absolute");
	put_link(p, "a", "dirlink");
	put_link(p, "../canary", "outside");
	snprintf(out, sizeof out, "%s/canary", p->path);
	put_link(p, out, "named");
	put_link(p, "loop2", "loop1");
	put_link(p, "loop1", "loop2");
	leads(&t, "a/b/file", "a/b/file");
	leads(&t, "/./a//b/../b/file", "a/b/file");
	leads(&t, "../../a/b/file", "a/b/file");
	leads(&t, ".", "");
	leads(&t, "/", "");
	leads(&t, "a/b/relative", "a/b/file");
	leads(&t, "a/b/up", "etc/passwd");
	leads(&t, "a/far", "etc/passwd");
	leads(&t, "absolute", "etc/passwd");
	leads(&t, "dirlink/b/up", "etc/passwd");
	leads(&t, "outside", NULL);
	leads(&t, "named", NULL);
	leads(&t, "../canary", NULL);
	leads(&t, "a/../../canary", NULL);
	leads(&t, "loop1", NULL);
	leads(&t, "etc/passwd/x", NULL);
	leads(&t, "absent", NULL);
}

/* A link does not show what is left out. */
static void links_and_ignored(void **state)
{
	struct place *p = *state;
	auto_ignore i = { 0 };
	struct tree t = tree_of(p, &i);

	put(p, "secret/key", "x");
	put(p, "secret/public", "x");
	put_link(p, "secret/key", "way");
	put_link(p, "secret/public", "way2");
	put_link(p, "secret", "dir");
	ignore_text("secret\n!secret/public", &i);
	leads(&t, "secret/key", NULL);
	leads(&t, "way", NULL);
	leads(&t, "dir/key", NULL);
	leads(&t, "way2", "secret/public");
	leads(&t, "dir/public", "secret/public");
}

/* ---- patterns ---- */

static void found(const struct tree *t, const char *pattern, const char *expected)
{
	auto_strv got = { 0 };
	auto_str text = STR_INIT(4096);
	struct err e = { 0 };
	int r = tree_glob(t, pattern, &got, &e);

	if (!expected && r != -ENOENT)
		fail_msg("'%s': %d", pattern, r);
	if (!expected)
		return;
	if (r < 0)
		fail_msg("'%s': %s", pattern, e.text);
	for (size_t i = 0; i < got.n; i++)
		str_addf(&text, "%s ", got.v[i]);
	assert_string_equal(str_text(&text), expected);
}

static void patterns(void **state)
{
	struct place *p = *state;
	auto_ignore i = { 0 };
	struct tree t = tree_of(p, &i);

	put(p, "home.txt", "x");
	put(p, "hom", "x");
	put(p, "homx", "x");
	put(p, ".hidden", "x");
	put(p, "arr[0].txt", "x");
	put(p, "d1/m.go", "x");
	put(p, "d2/n.go", "x");
	put(p, "d2/n.c", "x");
	put_link(p, "d2", "d3");
	put_link(p, "../canary", "hom-out");
	ignore_text("homx\nd1", &i);
	found(&t, "hom*", "hom hom-out home.txt ");
	found(&t, "hom?.txt", "home.txt ");
	found(&t, "hom?", NULL);
	found(&t, "d*/*.go", "d2/n.go d2/n.go ");
	found(&t, "d3/*", "d2/n.c d2/n.go ");
	found(&t, "*/n.[^c]*", "d2/n.go d2/n.go ");
	found(&t, "arr[[]0].txt", "arr[0].txt ");
	found(&t, "*idden", ".hidden ");
	found(&t, "/hom", "hom ");
	found(&t, ".", " ");
	found(&t, "*.nothing", NULL);
	found(&t, "../*canary", NULL);
	found(&t, "hom/*", NULL);
}

static void bad_pattern(void **state)
{
	struct tree t = tree_of(*state, NULL);
	auto_strv got = { 0 };
	struct err e = { 0 };

	assert_int_equal(tree_glob(&t, "a[", &got, &e), -EINVAL);
	assert_int_equal(tree_glob(&t, "a\\", &got, &e), -EINVAL);
}

/* ---- walks ---- */

static int note(void *arg, const struct tree_file *f, struct err *e)
{
	(void)e;
	str_addf(arg, "%s%s%s%s ", *f->name ? f->name : ".", S_ISDIR(f->st.st_mode) ? "/" : "",
		f->link ? "@" : "", f->link ? f->link : "");
	return 0;
}

static void walked(
	const struct tree *t, const char *source, const char *exclude, const char *expected)
{
	auto_ignore x = { 0 };
	auto_str text = STR_INIT(4096);
	struct err e = { 0 };

	if (exclude)
		ignore_text(exclude, &x);
	if (tree_walk(t, source, exclude ? &x : NULL, note, &text, &e) < 0)
		fail_msg("%s: %s", source, e.text);
	assert_string_equal(str_text(&text), expected);
}

static void walks(void **state)
{
	struct place *p = *state;
	auto_ignore i = { 0 };
	struct tree t = tree_of(p, &i);

	put(p, "a/z", "x");
	put(p, "a/b/c.txt", "x");
	put(p, "a/b/d.o", "x");
	put(p, "a/out/deep/kept", "x");
	put(p, "a/out/deep/not", "x");
	put(p, "a/out2/not", "x");
	put_link(p, "/etc/shadow", "a/link");
	put_link(p, "a", "alias");
	ignore_text("a/out\na/out2\n!a/out/deep/kept\n!nothing", &i);
	walked(&t, "a", NULL,
		"./ b/ b/c.txt b/d.o link@/etc/shadow out/ out/deep/ out/deep/kept z ");
	walked(&t, "a", "**/*.o\nlink", "./ b/ b/c.txt out/ out/deep/ out/deep/kept z ");
	walked(&t, "a", "*\n!b/c.txt", "./ b/ b/c.txt ");
	walked(&t, "a/b/d.o", "*.o", "");
	walked(&t, "a/b/d.o", NULL, ". ");
	walked(&t, "alias", NULL, ".@a ");
}

static void strange_files(void **state)
{
	struct place *p = *state;
	struct tree t = tree_of(p, NULL);
	struct str text = STR_INIT(100);
	struct err e = { 0 };

	assert_int_equal(mkfifoat(p->fd, "fifo", 0600), 0);
	assert_int_equal(tree_walk(&t, ".", NULL, note, &text, &e), -EINVAL);
	t.foreign = false;
	assert_int_equal(tree_walk(&t, ".", NULL, note, &text, &e), 0);
	str_release(&text);
}

/* ---- digests ---- */

static char *digest(struct place *p, bool owners)
{
	struct tree t = tree_of(p, NULL);
	char text[SHA256_TEXT_SIZE];
	struct err e = { 0 };
	struct sha256 h;

	sha256_init(&h);
	if (tree_hash(&t, "d", NULL, owners, &h, &e) < 0)
		fail_msg("%s", e.text);
	sha256_end(&h, text);
	return xstrdup(text);
}

static void differs(struct place *p, char **last, bool expected)
{
	char *now = digest(p, false);

	if (str_eq(now, *last) == expected)
		fail_msg("the digest is %s", expected ? "the same" : "another one");
	free(*last);
	*last = now;
}

static void digests(void **state)
{
	struct place *p = *state;
	const struct timespec times[2] = { { 5, 0 }, { 5, 0 } };
	auto_free char *last = NULL, *owned = NULL, *owned2 = NULL;

	put(p, "d/f", "one");
	put(p, "d/sub/g", "two");
	last = digest(p, false);
	differs(p, &last, false);
	assert_int_equal(utimensat(p->fd, "d/f", times, 0), 0);
	differs(p, &last, false);
	put(p, "d/f", "ona");
	differs(p, &last, true);
	assert_int_equal(fchmodat(p->fd, "d/f", 0600, 0), 0);
	differs(p, &last, true);
	assert_int_equal(renameat(p->fd, "d/f", p->fd, "d/h"), 0);
	differs(p, &last, true);
	put_link(p, "x", "d/l");
	differs(p, &last, true);
	assert_int_equal(unlinkat(p->fd, "d/l", 0), 0);
	put_link(p, "y", "d/l");
	differs(p, &last, true);
	if (getuid() != 0)
		return;
	owned = digest(p, true);
	assert_int_equal(fchownat(p->fd, "d/h", 7, 7, 0), 0);
	differs(p, &last, false);
	owned2 = digest(p, true);
	assert_string_not_equal(owned, owned2);
}

/* ---- the whole context ---- */

static void opened(struct place *p, const char *file, const char *expected_file, const char *path,
	bool is_there)
{
	auto_context c = CONTEXT_INIT;
	char at[TREE_PATH_MAX];
	struct err e = { 0 };
	struct tree t;

	if (context_open(p->dir, file, &c, &e) < 0)
		fail_msg("%s", e.text);
	assert_string_equal(c.file, expected_file);
	assert_int_equal(c.file_len, strlen(expected_file));
	t = context_tree(&c);
	assert_int_equal(tree_resolve(&t, path, at, NULL, &e) == 0, is_there);
}

static void contexts(void **state)
{
	struct place *p = *state;
	auto_free char *outer = xasprintf("%s/other", p->path);
	auto_context c = CONTEXT_INIT;
	struct err e = { 0 };

	assert_int_equal(context_open(p->dir, NULL, &c, &e), -ENOENT);
	assert_non_null(strstr(e.text, "no Dockerfile"));
	put(p, "Dockerfile", "FROM a\n");
	put(p, "x.md", "x");
	opened(p, NULL, "FROM a\n", "x.md", true);
	put(p, ".dockerignore", "*.md\n");
	opened(p, NULL, "FROM a\n", "x.md", false);
	put(p, "sub/file", "FROM b\n");
	opened(p, "sub/file", "FROM b\n", "x.md", false);
	put(p, "sub/file.dockerignore", "y\n");
	opened(p, "sub/file", "FROM b\n", "x.md", true);
	put(p, "Dockerfile.dockerignore", "Dockerfile\n");
	opened(p, NULL, "FROM a\n", "Dockerfile", false);
	put(p, "../other", "FROM c\n");
	opened(p, outer, "FROM c\n", "x.md", false);
	put(p, "../other.dockerignore", "");
	opened(p, outer, "FROM c\n", "x.md", true);
	put(p, ".dockerignore", "a\n[\n");
	assert_int_equal(unlinkat(p->fd, "Dockerfile.dockerignore", 0), 0);
	assert_int_equal(context_open(p->dir, NULL, &c, &e), -EINVAL);
	assert_non_null(strstr(e.text, ".dockerignore:2"));
}

/* A context's own links lead nowhere else (T28). */
static void dockerfile_links(void **state)
{
	struct place *p = *state;
	auto_context c = CONTEXT_INIT;
	struct err e = { 0 };

	put_link(p, "../canary", "Dockerfile");
	assert_int_equal(context_open(p->dir, NULL, &c, &e), -ENOENT);
	put(p, "real", "FROM a\n");
	assert_int_equal(unlinkat(p->fd, "Dockerfile", 0), 0);
	put_link(p, "/real", "Dockerfile");
	opened(p, NULL, "FROM a\n", "real", true);
	put_link(p, "../canary", ".dockerignore");
	opened(p, NULL, "FROM a\n", "real", true);
	assert_int_equal(mkfifoat(p->fd, "pipe", 0600), 0);
	assert_int_equal(unlinkat(p->fd, "Dockerfile", 0), 0);
	put_link(p, "pipe", "Dockerfile");
	assert_true(context_open(p->dir, NULL, &c, &e) < 0);
}

static void not_a_directory(void **state)
{
	struct place *p = *state;
	auto_free char *path = xasprintf("%s/canary", p->path);
	auto_context c = CONTEXT_INIT;
	struct err e = { 0 };

	assert_int_equal(context_open(path, NULL, &c, &e), -ENOTDIR);
	assert_int_equal(context_open("/nonexistent", NULL, &c, &e), -ENOENT);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(links_stay_inside),
		TEST(links_and_ignored),
		TEST(patterns),
		TEST(bad_pattern),
		TEST(walks),
		TEST(strange_files),
		TEST(digests),
		TEST(contexts),
		TEST(dockerfile_links),
		TEST(not_a_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
