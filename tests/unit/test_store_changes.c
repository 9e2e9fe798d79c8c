/* store_diff(): an upper directory as overlayfs leaves it, beside two layers. */
#include "test_store.h"

#include <sys/sysmacros.h>
#include <sys/xattr.h>

struct listing {
	char *v[64];
	size_t n;
};

static void add(void *arg, enum store_change kind, const char *path)
{
	struct listing *l = arg;

	assert_true(l->n < ARRAY_SIZE(l->v));
	l->v[l->n++] = xasprintf("%c %s", "CAD"[kind], path);
}

static int by_path(const void *a, const void *b)
{
	return strcmp(*(char *const *)a + 2, *(char *const *)b + 2);
}

static void whiteout(int at, const char *name)
{
	assert_int_equal(mknodat(at, name, S_IFCHR, makedev(0, 0)), 0);
}

struct trees {
	struct place_to_test p;
	int upper, top, bottom;
};

static void make(struct trees *t)
{
	place_make(&t->p);
	t->upper = make_dir(t->p.fd, "upper");
	t->top = make_dir(t->p.fd, "top");
	t->bottom = make_dir(t->p.fd, "bottom");
}

static void check(struct trees *t, const char *const *expected)
{
	const int lower[] = { t->top, t->bottom };
	struct listing l = { 0 };
	struct err e = { 0 };
	size_t i;

	if (store_diff(t->upper, lower, 2, add, &l, &e) < 0)
		fail_msg("%s", e.text);
	qsort(l.v, l.n, sizeof *l.v, by_path);
	for (i = 0; i < l.n; i++) {
		assert_non_null(expected[i]);
		assert_string_equal(l.v[i], expected[i]);
		free(l.v[i]);
	}
	assert_null(expected[i]);
	close(t->upper);
	close(t->top);
	close(t->bottom);
	place_remove(&t->p);
}

static void added_changed_and_deleted(void **state)
{
	static const char *const expected[] = { "C /etc", "D /etc/gone", "A /etc/new",
		"A /etc/new/deep", "C /etc/passwd", "A /link", "C /mode", NULL };
	struct trees t;

	make(&t);
	close(make_dir(t.bottom, "etc"));
	put_file(t.bottom, "etc/passwd", "x");
	put_file(t.bottom, "etc/gone", "x");
	put_file(t.bottom, "etc/stays", "x");
	close(make_dir(t.bottom, "mode"));
	close(make_dir(t.bottom, "same"));
	/* copied up, with another time only: not a change */
	close(make_dir(t.upper, "same"));
	close(make_dir(t.upper, "mode"));
	assert_int_equal(fchmodat(t.upper, "mode", 0700, 0), 0);
	close(make_dir(t.upper, "etc"));
	put_file(t.upper, "etc/passwd", "y");
	whiteout(t.upper, "etc/gone");
	close(make_dir(t.upper, "etc/new"));
	put_file(t.upper, "etc/new/deep", "y");
	assert_int_equal(symlinkat("/etc", t.upper, "link"), 0);
	check(&t, expected);
}

/* What a higher layer has deleted is not there to be changed or deleted again. */
static void layers_hide_each_other(void **state)
{
	static const char *const expected[] = { "A /a", "C /d", "A /d/old", NULL };
	struct trees t;
	int d;

	make(&t);
	put_file(t.bottom, "a", "x");
	whiteout(t.top, "a");
	put_file(t.upper, "a", "y");
	put_file(t.bottom, "b", "x");
	whiteout(t.top, "b");
	whiteout(t.upper, "b");
	close(make_dir(t.bottom, "d"));
	put_file(t.bottom, "d/old", "x");
	d = make_dir(t.top, "d");
	assert_int_equal(fsetxattr(d, "trusted.overlay.opaque", "y", 1, 0), 0);
	close(d);
	close(make_dir(t.upper, "d"));
	put_file(t.upper, "d/old", "y");
	check(&t, expected);
}

/* Removed and made again: overlayfs says so by an opaque directory. */
static void replaced_directories(void **state)
{
	static const char *const expected[] = { "C /d", "D /d/gone", "C /d/kept", "A /d/new",
		"D /d/sub", "C /f", "A /f/x", "C /was", NULL };
	struct trees t;
	int d;

	make(&t);
	close(make_dir(t.bottom, "d"));
	put_file(t.bottom, "d/gone", "x");
	put_file(t.bottom, "d/kept", "x");
	close(make_dir(t.top, "d"));
	close(make_dir(t.top, "d/sub"));
	put_file(t.top, "d/sub/below", "x");
	d = make_dir(t.upper, "d");
	assert_int_equal(fsetxattr(d, "trusted.overlay.opaque", "y", 1, 0), 0);
	close(d);
	put_file(t.upper, "d/kept", "y");
	put_file(t.upper, "d/new", "y");
	/* a file became a directory, and the other way round */
	put_file(t.bottom, "f", "x");
	close(make_dir(t.upper, "f"));
	put_file(t.upper, "f/x", "y");
	close(make_dir(t.bottom, "was"));
	put_file(t.bottom, "was/in", "y");
	put_file(t.upper, "was", "y");
	check(&t, expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(added_changed_and_deleted),
		cmocka_unit_test(layers_hide_each_other),
		cmocka_unit_test(replaced_directories),
	};

	return cmocka_run_group_tests_name("store_changes", tests, NULL, NULL);
}
