/* The parser of command lines, the parsers of values, suggestions. */
#include "base/mem.h"
#include "base/str.h"
#include "cli/options.h"
#include "cli/values.h"

#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

struct target {
	bool flag, terminal;
	int count;
	const char *text;
	struct strv list;
	int64_t size;
};
#define TARGET(member) offsetof(struct target, member)
static const struct verb_option table[] = {
	{ OPTION_FLAG, 'f', "flag", NULL, "a flag", TARGET(flag) },
	{ OPTION_FLAG, 't', "tty", NULL, "another", TARGET(terminal) },
	{ OPTION_COUNT, 'v', "verbose", NULL, "counted", TARGET(count) },
	{ OPTION_TEXT, 'n', "name", "NAME", "a text", TARGET(text) },
	{ OPTION_LIST, 'e', "env", "KEY", "a list", TARGET(list), value_env },
	{ OPTION_VALUE, 'm', "memory", "SIZE", "parsed", TARGET(size), value_size },
	{ OPTION_FLAG, 0, "hidden", NULL, NULL, TARGET(flag) },
	{ 0 },
};

/* One line of input and everything that comes out, in words. */
static const struct parse_case {
	const char *line;
	bool stop;
	const char *expected; /* NULL: an error, with this text and hint */
	const char *error, *hint;
} parse_cases[] = {
	{ "", false, "ops=[]" },
	{ "a b", false, "ops=[a,b]" },
	{ "-f a", false, "f ops=[a]" },
	{ "a -f b", false, "f ops=[a,b]" },
	{ "a -f b", true, "ops=[a,-f,b]" },
	{ "-f a -t", true, "f ops=[a,-t]" },
	{ "a -- -f", false, "ops=[a,-f]" },
	{ "-- -f -- a", false, "ops=[-f,--,a]" },
	{ "-f -- a --", true, "f ops=[a,--]" },
	{ "- -f", false, "f ops=[-]" },
	{ "-ft", false, "f t ops=[]" },
	{ "-ftvv x", false, "f t v2 ops=[x]" },
	{ "-v --verbose -v", false, "v3 ops=[]" },
	{ "-nx", false, "n=x ops=[]" },
	{ "-n x", false, "n=x ops=[]" },
	{ "-n=x", false, "n=x ops=[]" },
	{ "--name=x", false, "n=x ops=[]" },
	{ "--name x", false, "n=x ops=[]" },
	{ "--name=", false, "n= ops=[]" },
	{ "--name --flag", false, "n=--flag ops=[]" },
	{ "--name -- a", false, "n=-- ops=[a]" },
	{ "--name a --name b", false, "n=b ops=[]" },
	{ "-ftnx y", false, "f t n=x ops=[y]" },
	{ "-ftn x y", false, "f t n=x ops=[y]" },
	{ "-e A=1 -eB=2 --env=C=3", false, "e=A=1 e=B=2 e=C=3 ops=[]" },
	{ "-e A=1 -e A=2", false, "e=A=2 ops=[]" },
	{ "-e UNSET_HERE", false, "ops=[]" },
	{ "-e SET_HERE", false, "e=SET_HERE=yes ops=[]" },
	{ "-m 64m", false, "m=67108864 ops=[]" },
	{ "--hidden", false, "f ops=[]" },
	{ "-h", false, "help ops=[]" },
	{ "a --help -n", false, "help ops=[a]" },
	{ "a -h", true, "ops=[a,-h]" },
	{ "--nmae x", false, NULL, "unknown option '--nmae'", "redock test --name NAME" },
	{ "--nam x", false, NULL, "unknown option '--nam'", "redock test --name NAME" },
	{ "--flags", false, NULL, "unknown option '--flags'", "redock test --flag" },
	{ "--xyzzy=1", false, NULL, "unknown option '--xyzzy'", "" },
	{ "--hiden", false, NULL, "unknown option '--hiden'", "" },
	{ "-x", false, NULL, "unknown option '-x'", "" },
	{ "-fx", false, NULL, "unknown option '-x'", "" },
	{ "-n", false, NULL, "option '-n' needs a value: NAME", "" },
	{ "--name", false, NULL, "option '--name' needs a value: NAME", "" },
	{ "--flag=maybe", false, NULL, "option '--flag' takes true or false, not 'maybe'", "" },
	{ "--verbose=1", false, NULL, "option '--verbose' takes no value", "" },
	{ "-m 1x", false, NULL, "option '-m': '1x' is no size",
		"a number and b, k, m or g, such as 512m or 1.5g" },
	{ "-e =x", false, NULL, "option '-e': '=x' has no name before the '='",
		"KEY=value, or KEY alone for your own value" },
	{ "--help=1", false, NULL, "unknown option '--help'", "" },
};

static void describe(const struct target *t, const struct command_line *line, struct str *s)
{
	if (t->flag)
		str_add(s, "f ");
	if (t->terminal)
		str_add(s, "t ");
	if (t->count)
		str_addf(s, "v%d ", t->count);
	if (t->text)
		str_addf(s, "n=%s ", t->text);
	for (size_t i = 0; i < t->list.n; i++)
		str_addf(s, "e=%s ", t->list.v[i]);
	if (t->size)
		str_addf(s, "m=%lld ", (long long)t->size);
	if (line->help)
		str_add(s, "help ");
	str_add(s, "ops=[");
	for (size_t i = 0; i < line->n_operands; i++)
		str_addf(s, "%s%s", i ? "," : "", line->operands[i]);
	str_add(s, "]");
}

static void split(const char *line, struct strv *args)
{
	for (const char *p = line; *p; p += strspn(p, " ")) {
		size_t n = strcspn(p, " ");
		strv_push_take(args, xstrndup(p, n));
		p += n;
	}
}

static void parses(void **state)
{
	char *none[] = { NULL };

	unsetenv("UNSET_HERE");
	setenv("SET_HERE", "yes", 1);
	for (size_t i = 0; i < ARRAY_SIZE(parse_cases); i++) {
		const struct parse_case *c = &parse_cases[i];
		auto_command_line line = { 0 };
		auto_str said = STR_INIT(4096);
		auto_strv args = { 0 };
		struct target t = { 0 };
		struct err e = { 0 };
		int r;

		split(c->line, &args);
		r = options_parse(
			table, c->stop, "redock test", args.v ? args.v : none, &t, &line, &e);
		if (c->expected) {
			assert_int_equal(r, 0);
			describe(&t, &line, &said);
			assert_string_equal(str_text(&said), c->expected);
			assert_null(line.operands[line.n_operands]);
		} else {
			assert_true(r < 0);
			assert_string_equal(e.text, c->error);
			assert_string_equal(e.hint, c->hint);
		}
		options_release(table, &t);
	}
}

/* -1: an error */
static const struct {
	int (*parse)(const char *, void *, struct err *);
	const char *text;
	int64_t expected;
} number_cases[] = {
	{ value_size, "0", 0 },
	{ value_size, "1", 1 },
	{ value_size, "1b", 1 },
	{ value_size, "1k", 1024 },
	{ value_size, "1K", 1024 },
	{ value_size, "64m", 64 << 20 },
	{ value_size, "64mb", 64 << 20 },
	{ value_size, "64MiB", 64 << 20 },
	{ value_size, "1.5g", 3LL << 29 },
	{ value_size, ".5k", 512 },
	{ value_size, "1t", 1LL << 40 },
	{ value_size, "9223372036854775807", INT64_MAX },
	{ value_size, "", -1 },
	{ value_size, ".", -1 },
	{ value_size, "m", -1 },
	{ value_size, "1mm", -1 },
	{ value_size, "1bb", -1 },
	{ value_size, "1x", -1 },
	{ value_size, "-1", -1 },
	{ value_size, "1 m", -1 },
	{ value_size, "1.2.3", -1 },
	{ value_size, "1e3", -1 },
	{ value_size, "9223372036854775808", -1 },
	{ value_size, "99999999999999g", -1 },
	{ value_size, "1m\n", -1 },
	{ value_cpus, "1", 1000000000 },
	{ value_cpus, "0.5", 500000000 },
	{ value_cpus, "1.25", 1250000000 },
	{ value_cpus, "0.000000001", 1 },
	{ value_cpus, "0.0000000001", -1 },
	{ value_cpus, "two", -1 },
	{ value_cpus, "1,5", -1 },
	{ value_cpus, "-1", -1 },
	{ value_cpus, "99999999999", -1 },
	{ value_limit, "100", 100 },
	{ value_limit, "ten", -1 },
	{ value_limit, "-2", -1 },
	{ value_limit, "99999999999", -1 },
	{ value_seconds, "30", 30000 },
	{ value_seconds, "0.25", 250 },
	{ value_seconds, "0", 0 },
	{ value_seconds, "soon", -1 },
	{ value_seconds, "1s", -1 },
	{ value_seconds, "9999999999", -1 },
	{ value_signal, "9", 9 },
	{ value_signal, "KILL", 9 },
	{ value_signal, "SIGKILL", 9 },
	{ value_signal, "sigterm", 15 },
	{ value_signal, "hup", 1 },
	{ value_signal, "SIG", -1 },
	{ value_signal, "0", -1 },
	{ value_signal, "65", -1 },
	{ value_signal, "NOSUCH", -1 },
	{ value_signal, "", -1 },
};

static void numbers(void **state)
{
	struct err e;
	int64_t n;

	for (size_t i = 0; i < ARRAY_SIZE(number_cases); i++) {
		union {
			int64_t wide;
			int narrow;
		} value = { .wide = 0 };
		int r = number_cases[i].parse(number_cases[i].text, &value, &e);

		if (number_cases[i].expected < 0) {
			assert_int_equal(r, -EINVAL);
			assert_true(e.hint[0] != '\0');
			continue;
		}
		assert_int_equal(r, 0);
		assert_int_equal(value.wide, number_cases[i].expected);
	}
	assert_int_equal(value_limit("-1", &n, &e), 0);
	assert_int_equal(n, -1);
	assert_int_equal(value_limit("0", &n, &e), 0); /* Docker's other way to say it */
	assert_int_equal(n, -1);
	assert_int_equal(value_signal("RTMIN+1", &n, &e), 0);
	assert_int_equal((int)n, SIGRTMIN + 1);
}

static const struct {
	int (*parse)(const char *, void *, struct err *);
	const char *text;
	bool fine;
} text_cases[] = {
	{ value_absolute_path, "/", true },
	{ value_absolute_path, "/a/../b", true },
	{ value_absolute_path, "a", false },
	{ value_absolute_path, "", false },
	{ value_container_name, "a", true },
	{ value_container_name, "A.b_c-9", true },
	{ value_container_name, "", false },
	{ value_container_name, "-a", false },
	{ value_container_name, "..", false },
	{ value_container_name, "a/b", false },
	{ value_container_name, "a:b", false },
	{ value_container_name, "a b", false },
	{ value_container_name, "a\n", false },
	{ value_container_name, "\303\244", false },
	{ value_hostname, "demo", true },
	{ value_hostname, "a.b-c.d", true },
	{ value_hostname, "9", true },
	{ value_hostname, "", false },
	{ value_hostname, "-a", false },
	{ value_hostname, "a-", false },
	{ value_hostname, "a..b", false },
	{ value_hostname, "a.-b", false },
	{ value_hostname, "a-.b", false },
	{ value_hostname, "a.", false },
	{ value_hostname, "a_b", false },
	{ value_hostname, "a\nb", false },
	{ value_line, "x y", true },
	{ value_line, "", false },
	{ value_line, "a\nb", false },
	{ value_line, "a\033b", false },
};

static void texts(void **state)
{
	struct err e;
	char *much;

	for (size_t i = 0; i < ARRAY_SIZE(text_cases); i++) {
		const char *value = NULL;
		int r = text_cases[i].parse(text_cases[i].text, &value, &e);

		assert_int_equal(r, text_cases[i].fine ? 0 : -EINVAL);
		if (text_cases[i].fine)
			assert_string_equal(value, text_cases[i].text);
	}
	much = xmalloc(200);
	memset(much, 'a', 199);
	much[199] = '\0';
	assert_int_equal(value_container_name(much, &(const char *){ NULL }, &e), -EINVAL);
	assert_int_equal(value_hostname(much, &(const char *){ NULL }, &e), -EINVAL);
	free(much);
}

static void suggestions(void **state)
{
	assert_int_equal(suggestion_distance("strat", "start"), 1);
	assert_int_equal(suggestion_distance("comit", "commit"), 1);
	assert_int_equal(suggestion_distance("imgaes", "images"), 1);
	assert_int_equal(suggestion_distance("com", "commit"), 1);
	assert_int_equal(suggestion_distance("xyzzy", "commit"), UINT_MAX);
	assert_int_equal(suggestion_distance("x", "ps"), UINT_MAX);
	assert_int_equal(suggestion_distance("", "ps"), UINT_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses),
		cmocka_unit_test(numbers),
		cmocka_unit_test(texts),
		cmocka_unit_test(suggestions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
