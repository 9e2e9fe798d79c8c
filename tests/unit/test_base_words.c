#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/words.h"

#include <string.h>

static const char *const env[] = { "A=one", "EMPTY=", "PATH=/usr/bin:/bin", "FILE=dir/a.tar.gz",
	"TWO=b c", "QUOTE='x'", "STARS=a*b*c", NULL };

static void with_env(struct strv *ret)
{
	for (size_t i = 0; env[i]; i++)
		strv_push(ret, env[i]);
}

static void one(void **state)
{
	static const struct {
		const char *text, *is;
	} cases[] = {
		{ "plain", "plain" },
		{ "two words", "two words" },
		{ "$A", "one" },
		{ "x${A}y", "xoney" },
		{ "$Ay$A", "one" },
		{ "\\$A", "$A" },
		{ "'$A'", "$A" },
		{ "\"$A\"", "one" },
		{ "\"\\$A \\\" \\\\ \\n\"", "$A \" \\ \\n" },
		{ "a\\ b\\\\", "a b\\" },
		{ "end\\", "end" },
		{ "$", "$" },
		{ "$ A", "$ A" },
		{ "$1x", "x" },
		{ "$NOTHING.", "." },
		{ "${EMPTY-x}", "" },
		{ "${EMPTY:-x}", "x" },
		{ "${NOTHING-x}", "x" },
		{ "${A:-x}", "one" },
		{ "${A:+x}", "x" },
		{ "${EMPTY:+x}", "" },
		{ "${EMPTY+x}", "x" },
		{ "${NOTHING+x}", "" },
		{ "${A:?no}", "one" },
		{ "${NOTHING:-${A}}", "one" },
		{ "${NOTHING:-'a}b'}", "a}b" },
		{ "${NOTHING:-a\\}b}", "a}b" },
		{ "${NOTHING:-\"$TWO\"}", "b c" },
		{ "${FILE#*/}", "a.tar.gz" },
		{ "${FILE##*.}", "gz" },
		{ "${FILE%.*}", "dir/a.tar" },
		{ "${FILE%%.*}", "dir/a" },
		{ "${FILE#x}", "dir/a.tar.gz" },
		{ "${FILE%.g?}", "dir/a.tar" },
		{ "${STARS#a\\*}", "b*c" },
		{ "${PATH/bin/x}", "/usr/x:/bin" },
		{ "${PATH//bin/x}", "/usr/x:/x" },
		{ "${PATH//\\//_}", "_usr_bin:_bin" },
		{ "${PATH//b*n/}", "/usr/" },
		{ "${EMPTY/x/y}", "" },
		{ "$QUOTE", "'x'" },
	};
	auto_strv e = { 0 };
	const struct word_options o = { .env = &e };

	with_env(&e);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = { 0 };
		auto_free char *got = NULL;
		if (word_expand(cases[i].text, &o, &got, &err) < 0)
			fail_msg("%s: %s", cases[i].text, err.text);
		if (!str_eq(got, cases[i].is))
			fail_msg("%s: '%s', not '%s'", cases[i].text, got, cases[i].is);
	}
}

static void refused(void **state)
{
	static const char *const cases[] = { "'", "\"x", "${", "${}", "${A", "${A:", "${A:x}",
		"${A:#x}", "${A!x}", "${{A}}", "${NOTHING:?}", "${EMPTY:?must be set}",
		"${NOTHING?}", "${A/x}", "${A#\\x}", "\"${A\"", "${NOTHING:-\"}" };
	auto_strv e = { 0 };
	const struct word_options o = { .env = &e };

	with_env(&e);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = { 0 };
		char *got = NULL;
		if (word_expand(cases[i], &o, &got, &err) == 0)
			fail_msg("%s became '%s'", cases[i], got);
		assert_int_equal(err.code, EINVAL);
		assert_null(got);
	}
}

static void list(void **state)
{
	static const struct {
		const char *text, *is;
	} cases[] = {
		{ "a b", "a|b|" },
		{ "  a\tb  ", "a|b|" },
		{ "$TWO", "b|c|" },
		{ "x$TWO", "xb|c|" },
		{ "\"$TWO\"", "b c|" },
		{ "a\\ b 'c d'e", "a b|c de|" },
		{ "", "" },
		{ "$EMPTY x", "x|" },
	};
	auto_strv e = { 0 };
	const struct word_options o = { .env = &e };

	with_env(&e);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = { 0 };
		auto_strv got = { 0 };
		auto_str joined = STR_INIT(1000);
		assert_int_equal(word_expand_list(cases[i].text, &o, &got, &err), 0);
		for (size_t k = 0; k < got.n; k++)
			str_addf(&joined, "%s|", got.v[k]);
		assert_string_equal(str_text(&joined), cases[i].is);
	}
}

static void split(void **state)
{
	struct err err = { 0 };
	auto_strv got = { 0 }, other = { 0 };

	assert_int_equal(word_split(" a=\"b c\"  d\\ e 'f g'h ", '\\', &got, &err), 0);
	assert_int_equal(got.n, 3);
	assert_string_equal(got.v[0], "a=\"b c\"");
	assert_string_equal(got.v[1], "d\\ e");
	assert_string_equal(got.v[2], "'f g'h");
	assert_int_equal(word_split("a` b c:\\d", '`', &other, &err), 0);
	assert_int_equal(other.n, 2);
	assert_string_equal(other.v[0], "a` b");
	assert_int_equal(word_split("'x", '\\', &other, &err), -EINVAL);
}

static void note(void *arg, const char *name)
{
	strv_push(arg, name);
}

/* Build arguments come after the environment; who has no value is named; another escape. */
static void sources(void **state)
{
	auto_strv e = { 0 }, args = { 0 }, unset = { 0 };
	const struct word_options o = { '`', &e, &args, note, &unset };
	struct err err = { 0 };
	auto_free char *got = NULL;

	with_env(&e);
	strv_push(&args, "A=argument");
	strv_push(&args, "B=two");
	assert_int_equal(word_expand("$A $B $C c:\\x `$A", &o, &got, &err), 0);
	assert_string_equal(got, "one two  c:\\x $A");
	assert_int_equal(unset.n, 1);
	assert_string_equal(unset.v[0], "C");
}

/* No short line costs more than a moment, or memory. */
static void bombs(void **state)
{
	auto_strv e = { 0 };
	const struct word_options o = { .env = &e };
	auto_str text = STR_INIT(1 << 20), nested = STR_INIT(1 << 20);
	auto_free char *big = xmalloc(900001);
	struct err err = { 0 };
	char *got;

	memset(big, 'a', 900000);
	big[900000] = '\0';
	strv_pushf(&e, "BIG=%s", big);
	assert_int_equal(word_expand("$BIG$BIG", &o, &got, &err), -E2BIG);
	for (int i = 0; i < 40; i++)
		str_add(&text, "${BIG:+");
	str_add(&text, "$BIG");
	for (int i = 0; i < 40; i++)
		str_add(&text, "}");
	assert_int_equal(word_expand(str_text(&text), &o, &got, &err), -E2BIG);
	for (int i = 0; i < 10000; i++)
		str_add(&nested, "${A:-");
	assert_int_equal(word_expand(str_text(&nested), &o, &got, &err), -EINVAL);
	assert_int_equal(word_expand("${BIG//*a*a*a*ab/x}", &o, &got, &err), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one),
		cmocka_unit_test(refused),
		cmocka_unit_test(list),
		cmocka_unit_test(split),
		cmocka_unit_test(sources),
		cmocka_unit_test(bombs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
