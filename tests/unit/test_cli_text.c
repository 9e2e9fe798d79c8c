/* What is printed: escapes, wrapping, sizes, times, tables, JSON, and the keys that detach. */
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/detach.h"
#include "cli/output.h"
#include "cli/ps.h"
#include "cli/table.h"
#include "cli/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
	const char *text, *expected;
} escape_cases[] = {
	{ "", "" },
	{ "plain text", "plain text" },
	{ "back\\slash", "back\\slash" },
	{ "\033[31mred", "\\x1b[31mred" },
	{ "a\nb\tc\rd", "a\\nb\\tc\\x0dd" },
	{ "\x7f", "\\x7f" },
	{ "gr\u00fc\u00df \u20ac \U0001F600", "gr\u00fc\u00df \u20ac \U0001F600" },
	{ "\x9b"
	  "2J",
		"\\x9b2J" }, /* a C1 byte alone */
	{ "\xc2\x9b"
	  "2J",
		"\\xc2\\x9b2J" },                /* C1 as UTF-8 */
	{ "\xc3", "\\xc3" },                     /* cut off */
	{ "\xc0\xaf", "\\xc0\\xaf" },            /* overlong */
	{ "\xe0\x80\x80x", "\\xe0\\x80\\x80x" }, /* overlong */
	{ "\xe0\x81\x81x", "\\xe0\\x81\\x81x" }, /* an overlong A */
	{ "\xed\xa0\x80", "\\xed\\xa0\\x80" },   /* a surrogate */
	{ "\xf5\x80\x80\x80", "\\xf5\\x80\\x80\\x80" },
	{ "\u202etxt.exe", "\\xe2\\x80\\xaetxt.exe" },
	{ "a\u2028b", "a\\xe2\\x80\\xa8b" },
};

static void escapes(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(escape_cases); i++) {
		auto_str s = STR_INIT(1024);

		text_add_escaped(&s, escape_cases[i].text);
		assert_string_equal(str_text(&s), escape_cases[i].expected);
	}
}

static void cuts(void **state)
{
	auto_str s = STR_INIT(100);

	str_add(&s, "12345");
	text_ellipsis(&s, 5);
	assert_string_equal(str_text(&s), "12345");
	text_ellipsis(&s, 4);
	assert_string_equal(str_text(&s), "123\u2026");
	str_truncate(&s, 0);
	str_add(&s, "\u00e4\u00f6\u00fc\u00df");
	text_ellipsis(&s, 3);
	assert_string_equal(str_text(&s), "\u00e4\u00f6\u2026");
}

static const struct {
	uint64_t bytes;
	const char *expected;
} size_cases[] = {
	{ 0, "0B" },
	{ 1, "1B" },
	{ 999, "999B" },
	{ 1000, "1kB" },
	{ 1234, "1.23kB" },
	{ 123456789, "123MB" },
	{ 999400000, "999MB" },
	{ 999999999, "1GB" },
	{ 1500000000, "1.5GB" },
	{ UINT64_MAX, "18.4EB" },
};

static void sizes(void **state)
{
	char text[16];

	for (size_t i = 0; i < ARRAY_SIZE(size_cases); i++) {
		text_size(size_cases[i].bytes, text);
		assert_string_equal(text, size_cases[i].expected);
	}
}

/* Runs `print` into a string. */
#define PRINTED(f, print)                                                                          \
	({                                                                                         \
		char *printed_ = NULL;                                                             \
		size_t size_ = 0;                                                                  \
		FILE *f = open_memstream(&printed_, &size_);                                       \
		print;                                                                             \
		fclose(f);                                                                         \
		printed_;                                                                          \
	})

static void wraps(void **state)
{
	auto_free char *one =
		PRINTED(f, text_wrap(f, "aa bb cc\n\ndd  ee\nff\n\n  as it is\ngg", 1, 6));

	assert_string_equal(one, " aa bb\n cc\n\n dd ee\n ff\n\n   as it is\n gg\n");
}

static void tables(void **state)
{
	static const char *const header[] = { "NAME", "WHAT", NULL };
	auto_table t = { 0 };
	auto_free char *text = NULL;

	table_init(&t, header);
	table_cell(&t, "l\u00e4nger");
	table_cell(&t, "x");
	table_cell(&t, NULL);
	table_cell(&t, "two\nlines\033[0m");
	text = PRINTED(f, table_print(&t, f));
	assert_string_equal(text, "NAME     WHAT\n"
				  "l\u00e4nger   x\n"
				  "         two\\nlines\\x1b[0m\n");
}

static void json_strings(void **state)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
		{ "a\"b\\c", "\"a\\\"b\\\\c\"" },
		{ "\033\n", "\"\\u001B\\n\"" },
		{ "\u00e4", "\"\\u00E4\"" },
		{ "\xc2\x9b", "\"\\u009B\"" },
		{ "a\xff"
		  "b",
			"\"a\\uFFFDb\"" },
		{ NULL, "null" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_json *j = output_string(cases[i].text);
		auto_free char *text = json_dumps(j, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
		assert_string_equal(text, cases[i].expected);
	}
}

static void statuses(void **state)
{
	const int64_t second = 1000000000, now = 1700000000 * second;
	struct container_info info = { .state = CONTAINER_RUNNING, .started = now - 5 * second };
	char text[80];

	ps_status(&info, now, text);
	assert_string_equal(text, "Up 5 seconds");
	info.state = CONTAINER_PAUSED;
	ps_status(&info, now, text);
	assert_string_equal(text, "Up 5 seconds (Paused)");
	info.state = CONTAINER_EXITED;
	info.finished = now - 180 * second;
	info.exit_code = 137;
	ps_status(&info, now, text);
	assert_string_equal(text, "Exited (137) 3 minutes ago");
	info.exit_code = -1;
	ps_status(&info, now, text);
	assert_string_equal(text, "Exited (unknown) 3 minutes ago");
	info.state = CONTAINER_CREATED;
	ps_status(&info, now, text);
	assert_string_equal(text, "Created");
}

/* What is typed, block by block, and what arrives; '!' ends the blocks where it detaches. */
static const struct {
	const char *blocks[4];
	const char *expected;
} detach_cases[] = {
	{ { "abc" }, "abc" },
	{ { "\x10\x11" }, "!" },
	{ { "ab\x10\x11"
	    "cd" },
		"ab!" },
	{ { "\x10", "\x11" }, "!" },
	{ { "\x10", "a" }, "\x10"
			   "a" },
	{ { "\x10\x10\x11" }, "\x10!" },
	{ { "\x10"
	    "a\x11" },
		"\x10"
		"a\x11" },
	{ { "\x11\x10" }, "\x11" },
};

static void detaches(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(detach_cases); i++) {
		auto_str got = STR_INIT(100);
		struct detach d = { 0 };
		bool left = false;

		for (size_t j = 0; j < 4 && detach_cases[i].blocks[j] && !left; j++) {
			const char *block = detach_cases[i].blocks[j];
			char out[16 + DETACH_KEYS_MAX];
			size_t n;

			left = detach_scan(&d, block, strlen(block), out, &n);
			str_add_data(&got, out, n);
		}
		if (left)
			str_add(&got, "!");
		assert_string_equal(str_text(&got), detach_cases[i].expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(escapes),
		cmocka_unit_test(cuts),
		cmocka_unit_test(sizes),
		cmocka_unit_test(wraps),
		cmocka_unit_test(tables),
		cmocka_unit_test(json_strings),
		cmocka_unit_test(statuses),
		cmocka_unit_test(detaches),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
