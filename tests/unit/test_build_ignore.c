#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "build/ignore.h"

#include <string.h>

static void parse(const char *text, struct ignore *ret)
{
	struct err e = { 0 };
	unsigned line;

	if (ignore_parse(text, strlen(text), ret, &line, &e) < 0)
		fail_msg("line %u: %s", line, e.text);
}

static void check(const char *patterns, const char *path, bool expected)
{
	auto_ignore i = { 0 };

	parse(patterns, &i);
	if (ignore_matches(&i, path) != expected)
		fail_msg("'%s' is %s by:\n%s", path, expected ? "kept" : "left out", patterns);
}

static void patterns(void **state)
{
	static const struct {
		const char *patterns, *out, *kept;
	} cases[] = {
		{ "a", "a", "ab" },
		{ "a", "a/b/c", "b/a" },
		{ "/a/", "a", "b" },
		{ "./a/../b", "b", "a" },
		{ "*/temp*", "x/temporary.txt", "temporary.txt" },
		{ "*/*/temp*", "x/y/temp", "x/temp" },
		{ "temp?", "tempa", "temp" },
		{ "*.md", "README.md", "docs/README.md" },
		{ "**/*.go", "main.go", "main.c" },
		{ "**/*.go", "a/b/main.go", "a/go" },
		{ "a/**/z", "a/z", "z" },
		{ "a/**/z", "a/b/c/z", "a/b/c" },
		{ "a/**", "a/b/c", "b" },
		{ "**", "anything/at/all", "" },
		{ "[a-c]x", "bx", "dx" },
		{ "[^a-c]x", "dx", "bx" },
		{ "[]a]", "]", "b" },
		{ "\\*", "*", "a" },
		{ "[\\]]", "]", "a" },
		{ "*a*b*c", "xaybzc", "xaybz" },
		{ "*.md\n!README.md", "x.md", "README.md" },
		{ "!README.md\n*.md", "README.md", "README" },
		{ "*.md\n!README*.md\nREADME-secret.md", "README-secret.md", "README-x.md" },
		{ "a\n!a/b", "a/c", "a/b/d" },
		{ "# a\nb", "b", "a" },
		{ " a \n\n", "a", "b" },
		{ "**/a/**/b", "x/a/y/b", "a/y" },
		{ "**/a/b", "a/a/b", "a/c/b" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		check(cases[i].patterns, cases[i].out, true);
		check(cases[i].patterns, cases[i].kept, false);
	}
}

static void context_stays(void **state)
{
	auto_ignore i = { 0 };

	parse("/\n.\n..\n./\n", &i);
	assert_int_equal(i.n, 0);
}

static void take_back(void **state)
{
	auto_ignore i = { 0 }, deep = { 0 };

	parse("a\nb\n!a/b/c\n!d*/x", &i);
	assert_true(ignore_may_take_back(&i, "a"));
	assert_true(ignore_may_take_back(&i, "a/b"));
	assert_false(ignore_may_take_back(&i, "b"));
	assert_false(ignore_may_take_back(&i, "a/c"));
	assert_true(ignore_may_take_back(&i, "dir"));
	parse("*\n!**/keep", &deep);
	assert_true(ignore_may_take_back(&deep, "any/where"));
}

static void refused(void **state)
{
	static const char *const cases[] = { "[", "a[b", "a\\", "!", "! ", "[a-" };

	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		auto_ignore i = { 0 };
		struct err e = { 0 };
		auto_free char *text = xasprintf("ok\n%s\n", cases[k]);
		unsigned line;
		if (ignore_parse(text, strlen(text), &i, &line, &e) == 0)
			fail_msg("accepted: %s", cases[k]);
		assert_int_equal(line, 2);
		assert_int_equal(e.code, EINVAL);
	}
}

/* No pattern takes longer than its length times the path's. */
static void bombs(void **state)
{
	auto_str stars = STR_INIT(8000), deep = STR_INIT(8000), path = STR_INIT(8000);
	auto_ignore i = { 0 };
	struct err e = { 0 };

	for (int k = 0; k < 1000; k++) {
		str_add(&stars, "*a");
		str_add(&deep, "**/");
		str_add(&path, "a/");
	}
	str_add(&stars, "b");
	str_add(&deep, "b");
	str_add(&path, "a");
	assert_int_equal(ignore_add(&i, str_text(&stars), &e), 0);
	assert_int_equal(ignore_add(&i, str_text(&deep), &e), 0);
	assert_false(ignore_matches(&i, str_text(&path)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns),
		cmocka_unit_test(context_stays),
		cmocka_unit_test(take_back),
		cmocka_unit_test(refused),
		cmocka_unit_test(bombs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
