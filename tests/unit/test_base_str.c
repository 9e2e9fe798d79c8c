#include "base/str.h"
#include "base/mem.h"
#include "test_base.h"

static void test_limit(void **state)
{
	auto_str s = STR_INIT(8);

	(void)state;
	assert_string_equal(str_text(&s), "");
	str_add(&s, "12345678");
	assert_false(s.overflow);
	assert_string_equal(str_text(&s), "12345678");
	str_add_char(&s, '9');
	assert_true(s.overflow);
	assert_string_equal(str_text(&s), "12345678");
	str_truncate(&s, 2);
	str_add(&s, "x"); /* an overflow is not forgotten: the text lacks something in the middle */
	assert_string_equal(str_text(&s), "12");
	str_release(&s);
	str_add_data(&s, "", SIZE_MAX); /* more than any limit; must not be read */
	assert_true(s.overflow);
}

static void test_growth(void **state)
{
	auto_str s = STR_INIT(1 << 20);
	auto_free char *taken = NULL, *empty = NULL;

	(void)state;
	for (unsigned i = 0; i < 10000; i++)
		str_addf(&s, "%u,", i);
	assert_false(s.overflow);
	assert_int_equal(s.len, 48890);
	assert_int_equal(strlen(str_text(&s)), s.len);
	taken = str_take(&s);
	assert_true(str_ends(taken, "9998,9999,"));
	empty = str_take(&s);
	assert_string_equal(empty, "");
}

static void test_strv(void **state)
{
	auto_strv v = { 0 }, copy = { 0 };

	(void)state;
	for (size_t i = 0; i < 1000; i++) {
		strv_pushf(&v, "entry %zu", i);
		assert_int_equal(v.n, i + 1);
		assert_null(v.v[v.n]);
	}
	assert_string_equal(v.v[0], "entry 0");
	assert_string_equal(v.v[511], "entry 511");
	assert_string_equal(v.v[999], "entry 999");
	assert_true(strv_has(&v, "entry 512"));
	assert_false(strv_has(&v, "entry 1000"));
	strv_extend(&copy, v.v);
	strv_extend(&copy, NULL);
	assert_int_equal(copy.n, 1000);
	assert_ptr_not_equal(copy.v[3], v.v[3]);
}

static void test_environment(void **state)
{
	auto_strv v = { 0 };

	(void)state;
	strv_set_env(&v, "A=1");
	strv_set_env(&v, "AB=2");
	strv_set_env(&v, "A=3=4");
	strv_set_env(&v, "EMPTY=");
	assert_int_equal(v.n, 3);
	assert_string_equal(strv_get_env(&v, "A"), "3=4");
	assert_string_equal(strv_get_env(&v, "AB"), "2");
	assert_string_equal(strv_get_env(&v, "EMPTY"), "");
	assert_null(strv_get_env(&v, "B"));
	assert_null(strv_get_env(&v, "ABC"));
}

static void test_numbers(void **state)
{
	static const char *const bad[] = { "", " 1", "1 ", "+1", "-1", "0x1", "1e3", "1\n",
		"18446744073709551616", "99999999999999999999999", "\xd9\xa1" };
	uint64_t n = 7;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(str_to_u64(bad[i], 0, UINT64_MAX, &n), -EINVAL);
	assert_int_equal(n, 7);
	assert_int_equal(str_to_u64("18446744073709551615", 0, UINT64_MAX, &n), 0);
	assert_true(n == UINT64_MAX);
	assert_int_equal(str_to_u64("0", 0, 10, &n), 0);
	assert_int_equal(str_to_u64("0", 1, 10, &n), -EINVAL);
	assert_int_equal(str_to_u64("11", 1, 10, &n), -EINVAL);
	assert_int_equal(str_to_u64("010", 1, 10, &n), 0);
	assert_int_equal(n, 10);
}

static void test_lines(void **state)
{
	(void)state;
	assert_true(str_is_one_line("a b\xc3\xa4"));
	assert_true(str_is_one_line(""));
	assert_false(str_is_one_line("a\nb"));
	assert_false(str_is_one_line("a\rb"));
	assert_false(str_is_one_line("a\tb"));
	assert_false(str_is_one_line("\x1b[2J"));
	assert_false(str_is_one_line("\x7f"));
	assert_true(str_starts("abc", "ab") && str_starts("abc", "") && !str_starts("a", "ab"));
	assert_true(str_ends("abc", "bc") && str_ends("abc", "") && !str_ends("c", "bc"));
}

static void test_distance(void **state)
{
	static const struct {
		const char *a, *b;
		unsigned distance;
	} pairs[] = {
		{ "", "", 0 },
		{ "start", "start", 0 },
		{ "strat", "start", 1 }, /* neighbours swapped */
		{ "satrt", "start", 1 },
		{ "start", "stop", 3 },
		{ "kitten", "sitting", 3 },
		{ "", "abc", 3 },
		{ "abc", "", 3 },
		{ "comit", "commit", 1 },
	};
	char longest[66];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
		assert_int_equal(str_distance(pairs[i].a, pairs[i].b), pairs[i].distance);
	memset(longest, 'x', sizeof longest);
	longest[64] = '\0';
	assert_int_equal(str_distance(longest, longest), 0);
	longest[64] = 'x', longest[65] = '\0';
	assert_true(str_distance(longest, "x") > 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_strv),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_distance),
	};

	return cmocka_run_group_tests_name("base_str", tests, NULL, NULL);
}
