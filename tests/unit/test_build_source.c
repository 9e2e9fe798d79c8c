/* What an address means to ADD and as a context, and what git(1) never gets to see (T29). */
#include "test_base.h"

#include "build/source.h"

static void kinds(void **state)
{
	static const struct {
		const char *text;
		enum source_kind kind;
	} cases[] = {
		{ "file", SOURCE_LOCAL },
		{ "-", SOURCE_LOCAL },
		{ "./http://x", SOURCE_LOCAL },
		{ "ftp://x/y", SOURCE_LOCAL },
		{ "file:///x.git", SOURCE_LOCAL },
		{ "ext::sh -c x", SOURCE_LOCAL },
		{ "x.git", SOURCE_LOCAL },
		{ "http://x", SOURCE_URL },
		{ "https://x/y", SOURCE_URL },
		{ "https://x/y.git/z", SOURCE_URL },
		{ "https://x/y?z=.git", SOURCE_URL },
		{ "https://x/y#z.git", SOURCE_URL },
		{ "https://x.git", SOURCE_URL },
		{ "https://x/y.git", SOURCE_GIT },
		{ "http://x/y.git#a:b", SOURCE_GIT },
		{ "https://x/y.git?a", SOURCE_GIT },
		{ "git://x/y", SOURCE_GIT },
		{ "ssh://git@x/y", SOURCE_GIT },
		{ "git@x:y", SOURCE_GIT },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (source_kind(cases[i].text) != cases[i].kind)
			fail_msg("'%s' is taken for kind %d", cases[i].text,
				(int)source_kind(cases[i].text));
}

static void repositories(void **state)
{
	static const struct {
		const char *text, *url, *ref, *subdir;
	} cases[] = {
		{ "https://x/y.git", "https://x/y.git", NULL, NULL },
		{ "https://x/y.git#", "https://x/y.git", NULL, NULL },
		{ "https://x/y.git#main", "https://x/y.git", "main", NULL },
		{ "https://x/y.git#v1.0:a/b", "https://x/y.git", "v1.0", "a/b" },
		{ "https://x/y.git#:a", "https://x/y.git", NULL, "a" },
		{ "https://x/y.git#main:", "https://x/y.git", "main", NULL },
		{ "https://x/y.git#refs/pull/1/head:/a//./b/", "https://x/y.git",
			"refs/pull/1/head", "a/b" },
		{ "git@x:y/z.git#f:a", "git@x:y/z.git", "f", "a" },
		{ "ssh://git@x:22/y", "ssh://git@x:22/y", NULL, NULL },
		{ "git://[::1]:9/y", "git://[::1]:9/y", NULL, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_git_source s = { 0 };
		struct err e = { 0 };
		if (git_source_parse(cases[i].text, &s, &e) < 0)
			fail_msg("'%s': %s", cases[i].text, e.text);
		assert_string_equal(s.url, cases[i].url);
		assert_string_equal(s.ref ? s.ref : "-", cases[i].ref ? cases[i].ref : "-");
		assert_string_equal(
			s.subdir ? s.subdir : "-", cases[i].subdir ? cases[i].subdir : "-");
	}
}

static void refused(void **state)
{
	static const char *const bad[] = {
		"https://x/y.git#-x",
		"https://x/y.git#--upload-pack=touch",
		"https://x/y.git#+main",
		"https://x/y.git#a..b",
		"https://x/y.git#a~1",
		"https://x/y.git#a@{1}",
		"https://x/y.git#a b",
		"https://x/y.git#a*",
		"https://x/y.git#a\nb",
		"https://x/y.git#main:../z",
		"https://x/y.git#main:a/../../z",
		"https://x/y.git#main:..",
		"https://user:password@x/y.git",
		"https://token@x/y.git",
		"ssh://git:password@x/y",
		"ssh://-oProxyCommand=touch/y",
		"ssh://git@-oProxyCommand=touch/y",
		"git@-oProxyCommand=touch:y",
		"git@x;touch:y",
		"git@$(touch):y",
		"git@:y",
		"git@x",
		"ssh:///y",
		"git:// x/y",
		"https://x y/z.git",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		auto_git_source s = { 0 };
		struct err e = { 0 };
		if (git_source_parse(bad[i], &s, &e) >= 0)
			fail_msg("'%s' was taken", bad[i]);
		assert_int_equal(e.code, EINVAL);
		assert_null(strstr(e.text, "password@"));
	}
}

static void names(void **state)
{
	static const char *const cases[][2] = {
		{ "https://x/a/b.tar.gz", "b.tar.gz" },
		{ "https://x/b?c/d", "b" },
		{ "https://x/b#c/d", "b" },
		{ "https://x/a%20b%2b", "a b+" },
		{ "https://x/a%2", "a%2" },
	};
	static const char *const bad[] = { "https://x", "https://x/", "https://x/a/?b",
		"https://x/..", "https://x/%2e%2e", "https://x/a%2fb", "https://x/a%00b",
		"https://x/a%0ab" };
	auto_str longest = STR_INIT(1000);
	struct err e = { 0 };
	char *name;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(source_url_name(cases[i][0], &name, &e), 0);
		assert_string_equal(name, cases[i][1]);
		free(name);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (source_url_name(bad[i], &name, &e) >= 0)
			fail_msg("'%s' has the name '%s'", bad[i], name);
	str_add(&longest, "https://x/");
	for (int i = 0; i < 256; i++)
		str_add_char(&longest, 'a');
	assert_true(source_url_name(str_text(&longest), &name, &e) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds),
		cmocka_unit_test(repositories),
		cmocka_unit_test(refused),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
