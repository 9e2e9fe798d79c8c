#include "machine/name.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void test_good_names(void **state)
{
	static const char *const names[][3] = {
		{ "web:v2", "web", "v2" },
		{ "a:b", "a", "b" },
		{ "a.b__c--d:E_.-9", "a.b__c--d", "E_.-9" },
		{ "0:_", "0", "_" },
		{ "my-team:Demo.1", "my-team", "Demo.1" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct machine_name n, back;
		struct err e = { 0 };
		char key[MACHINE_KEY_SIZE];

		assert_int_equal(machine_name_parse(names[i][0], &n, &e), 0);
		assert_string_equal(n.repository, names[i][1]);
		assert_string_equal(n.tag, names[i][2]);
		assert_string_equal(n.text, names[i][0]);
		machine_name_key(&n, key);
		assert_null(strpbrk(key, "/:"));
		assert_int_equal(machine_name_from_key(key, &back), 0);
		assert_string_equal(back.text, n.text);
	}
}

/* T34, T43: none of these may reach a path, a label, an argument or a line of a file. */
static void test_hostile_names(void **state)
{
	static const char *const names[] = { "", ":", "a:", ":b", "a:b:c", "a/b:c", "../a:b",
		"a:../b", "a:..", ".:a", "a:.b", "a:-b", "-a:b", "a-:b", "_a:b", "a_:b", "a___b:c",
		"a..b:c", "A:b", "a:b c", "a b:c", "a:b\n", "a\n:b", "a:b\nProxyCommand x",
		"a:$(id)", "a:`id`", "a:b;id", "a:b|c", "a:b&", "a:'b'", "a:\"b\"", "a:b*", "a:b?",
		"a:[b]", "a:{b}", "a:b%h", "a:b\\c", "a:b\t", "a:\x7f", "a:\xc3\xa4", "\xc3\xa4:a",
		"a:b#c", "a:b=c", "a:b+c", "a+b:c", "a:b@c", "a:~b", "a:b!", "a:b,c", "a:b<c",
		"a:\x1b[31m", "a:b/c", "a:b/../c", "-F/etc/passwd", "--", "-oProxyCommand=x:y",
		"a:b ", " a:b", "a: b", "a :b" };

	(void)state;
	setenv("USER", "me", 1);
	unsetenv("SUDO_USER");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct machine_name n;
		struct err e = { 0 };

		if (machine_name_parse(names[i], &n, &e) != -EINVAL)
			fail_msg("'%s' was taken for a name", names[i]);
		assert_non_null(strstr(e.hint, "TAG or REPOSITORY:TAG"));
		for (const char *p = e.text; *p; p++)
			assert_in_range((unsigned char)*p, 0x20, 0x7e);
	}
}

static void test_long_names(void **state)
{
	struct machine_name n;
	struct err e = { 0 };
	char text[1000];

	(void)state;
	memset(text, 'a', sizeof text);
	text[100] = ':';
	text[200] = '\0';
	assert_int_equal(machine_name_parse(text, &n, &e), 0);
	text[200] = 'a';
	text[201] = '\0';
	assert_int_equal(machine_name_parse(text, &n, &e), -EINVAL);
	text[201] = 'a';
	text[999] = '\0';
	assert_int_equal(machine_name_parse(text, &n, &e), -EINVAL);
	memset(text, 'a', 140);
	text[140] = '\0';
	assert_int_equal(machine_name_parse(text, &n, &e), -EINVAL);
}

static void test_default_repository(void **state)
{
	struct machine_name n;
	struct err e = { 0 };

	(void)state;
	setenv("USER", "ann", 1);
	unsetenv("SUDO_USER");
	assert_int_equal(machine_name_parse("demo", &n, &e), 0);
	assert_string_equal(n.text, "ann:demo");
	setenv("SUDO_USER", "bob", 1);
	assert_int_equal(machine_name_parse("demo", &n, &e), 0);
	assert_string_equal(n.text, geteuid() == 0 ? "bob:demo" : "ann:demo");
	unsetenv("SUDO_USER");
	setenv("USER", "DOMAIN\\ann", 1);
	assert_int_equal(machine_name_parse("demo", &n, &e), -EINVAL);
	assert_non_null(strstr(e.hint, "my:demo"));
	unsetenv("USER");
	if (geteuid() == 0) {
		assert_int_equal(machine_name_parse("demo", &n, &e), 0);
		assert_string_equal(n.text, "root:demo");
	}
}

static void test_keys(void **state)
{
	static const char *const bad[] = { "", "a", "+", "a+", "+b", "a+b+c", "../x+y", "a:b",
		"A+b", ".", "..", "a+..", "a/b+c" };
	struct machine_name n;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(machine_name_from_key(bad[i], &n), -EINVAL);
}

static void test_slug(void **state)
{
	static const char *const slugs[][2] = {
		{ "Some Random Text!", "some-random-text" },
		{ "demo", "demo" },
		{ "--a--", "a" },
		{ "v1.2_3", "v1-2-3" },
		{ "caf\xc3\xa9 bar", "caf-bar" },
		{ "a\nb", "a-b" },
		{ "x$(reboot)y", "x-reboot-y" },
	};
	char slug[64], text[100], alias[MACHINE_ALIAS_SIZE];
	struct err e = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(slugs); i++) {
		assert_int_equal(machine_slug(slugs[i][0], slug, &e), 0);
		assert_string_equal(slug, slugs[i][1]);
	}
	machine_alias("some-random-text", alias);
	assert_string_equal(alias, "some-random-text-container");
	assert_int_equal(machine_slug("", slug, &e), -EINVAL);
	assert_int_equal(machine_slug("_._", slug, &e), -EINVAL);
	memset(text, 'a', sizeof text);
	text[64] = '\0';
	assert_int_equal(machine_slug(text, slug, &e), -EINVAL);
	text[63] = '\0';
	assert_int_equal(machine_slug(text, slug, &e), 0);
	assert_int_equal(strlen(slug), 63);
	text[61] = '!';
	assert_int_equal(machine_slug(text, slug, &e), 0);
	assert_int_equal(strlen(slug), 63);
	text[63] = '!';
	text[64] = '\0';
	assert_int_equal(machine_slug(text, slug, &e), 0);
	assert_int_equal(strlen(slug), 63);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_names),
		cmocka_unit_test(test_hostile_names),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_default_repository),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_slug),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
