#include "base/time.h"
#include "base/json.h"
#include "base/mem.h"
#include "test_base.h"

#define S INT64_C(1000000000)

static void test_round_trip(void **state)
{
	static const int64_t points[] = { 1, S, 1700000000 * S + 123456789, 951827696 * S + 5,
		INT64_C(4102444800) * S + 999999999 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(points); i++) {
		char text[TIME_TEXT_SIZE];
		int64_t back = -1;
		time_format(points[i], text);
		assert_int_equal(time_parse(text, &back), 0);
		assert_true(back == points[i]);
	}
}

static void test_format(void **state)
{
	char text[TIME_TEXT_SIZE];

	(void)state;
	time_format(1700000000 * S + 5, text);
	assert_string_equal(text, "2023-11-14T22:13:20.000000005Z");
	time_format(0, text);
	assert_string_equal(text, "0001-01-01T00:00:00Z");
	time_format(-5, text);
	assert_string_equal(text, "0001-01-01T00:00:00Z");
}

static void test_parse(void **state)
{
	static const char *const bad[] = { "", "now", "2023-11-14", "2023-11-14T22:13:20",
		"2023-11-14T22:13:20 Z", "2023-11-14T22:13:20Zjunk", "2023-13-14T22:13:20Z",
		"2023-11-14T22:13:20+1", "2023-11-14T22:13:20+01:0", "2023-11-14T22:13:20+01:00x" };
	int64_t t = 7;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(time_parse(bad[i], &t), -EINVAL);
	assert_true(t == 7);
	assert_int_equal(time_parse("2023-11-14T23:13:20.5+01:00", &t), 0);
	assert_true(t == 1700000000 * S + S / 2);
	assert_int_equal(time_parse("2023-11-14T20:43:20-01:30", &t), 0);
	assert_true(t == 1700000000 * S);
	assert_int_equal(time_parse("0001-01-01T00:00:00Z", &t), 0);
	assert_true(t == 0);
	/* more digits than nanoseconds have */
	assert_int_equal(time_parse("2023-11-14T22:13:20.1234567890123Z", &t), 0);
	assert_true(t == 1700000000 * S + 123456789);
}

/* Docker's words (go-units, HumanDuration). */
static void test_words(void **state)
{
	static const struct {
		int64_t seconds;
		const char *words;
	} table[] = {
		{ -5, "Less than a second" },
		{ 0, "Less than a second" },
		{ 1, "1 second" },
		{ 59, "59 seconds" },
		{ 60, "About a minute" },
		{ 119, "About a minute" },
		{ 120, "2 minutes" },
		{ 59 * 60 + 59, "59 minutes" },
		{ 3600, "About an hour" },
		{ 3 * 3600, "3 hours" },
		{ 47 * 3600, "47 hours" },
		{ 48 * 3600, "2 days" },
		{ 13 * 86400, "13 days" },
		{ 14 * 86400, "2 weeks" },
		{ 60 * 86400, "2 months" },
		{ 730 * 86400, "2 years" },
		{ INT64_MAX / S, "292 years" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		char words[40];
		time_words(table[i].seconds * S, words);
		assert_string_equal(words, table[i].words);
	}
}

static void test_clocks(void **state)
{
	int64_t a = time_monotonic(), b = time_monotonic();

	(void)state;
	assert_true(b >= a);
	assert_true(time_now() > 1700000000 * S);
}

static void test_json(void **state)
{
	static const char *const bad[] = { "", "{", "{}x", "{\"a\":1,\"a\":2}",
		"{\"b\":{\"a\":1,\"\\u0061\":2}}", "{\"a\":\"\\u0000\"}", "[\"\xff\"]", "nul" };
	auto_json *j = NULL;
	auto_strv list = { 0 };
	auto_free char *text = NULL;
	struct err e = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		json_t *never = NULL;
		assert_int_equal(json_parse(bad[i], strlen(bad[i]), "'x'", &never, &e), -EINVAL);
		assert_null(never);
		assert_non_null(strstr(e.text, "'x' is not valid JSON"));
	}
	const char good[] = "{\"z\":[\"a\",1,\"b\"],\"n\":-5,\"t\":true,\"s\":\"text\"}";
	assert_int_equal(json_parse(good, strlen(good), "'x'", &j, &e), 0);
	assert_string_equal(json_str(j, "s", "no"), "text");
	assert_string_equal(json_str(j, "n", "no"), "no");
	assert_string_equal(json_str(j, "missing", "no"), "no");
	assert_int_equal(json_int(j, "n", 0), -5);
	assert_int_equal(json_int(j, "s", 3), 3);
	assert_true(json_bool(j, "t", false));
	assert_true(json_bool(j, "n", true));
	json_get_strv(j, "z", &list);
	json_get_strv(j, "missing", &list);
	assert_int_equal(list.n, 2);
	text = json_text(j);
	assert_string_equal(text, "{\"n\":-5,\"s\":\"text\",\"t\":true,\"z\":[\"a\",1,\"b\"]}");
}

static void test_json_files(void **state)
{
	auto_json *j = json_pack("{s:i}", "Version", 1), *back = NULL;
	struct err e = { 0 };
	struct place p;

	(void)state;
	place_make(&p);
	assert_int_equal(json_write_file(p.fd, "x.json", j, 0600, FS_DURABLE, &e), 0);
	assert_int_equal(json_read_file(p.fd, "x.json", 4096, &back, &e), 0);
	assert_true(json_equal(j, back));
	json_decref(back);
	back = NULL;
	assert_int_equal(json_read_file(p.fd, "x.json", 5, &back, &e), -EFBIG);
	assert_int_equal(json_read_file(p.fd, "none", 5, &back, &e), -ENOENT);
	place_remove(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_clocks),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_json_files),
	};

	return cmocka_run_group_tests_name("base_time", tests, NULL, NULL);
}
