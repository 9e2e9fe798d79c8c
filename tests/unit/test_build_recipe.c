#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "build/recipe.h"

#include <string.h>

struct parsed {
	struct dockerfile d;
	struct recipe r;
	struct strv args, warnings;
	struct place place;
	struct err e;
};

static int parse(struct parsed *p, const char *text)
{
	const struct recipe_options o = { &p->args, "linux/arm/v7", "linux/amd64" };
	int r = dockerfile_parse(text, strlen(text), "Dockerfile", &p->d, &p->place, &p->e);

	return r < 0 ? r : recipe_parse(&p->d, &o, &p->r, &p->warnings, &p->place, &p->e);
}

static void parsed_release(struct parsed *p)
{
	recipe_release(&p->r);
	dockerfile_release(&p->d);
	strv_release(&p->args);
	strv_release(&p->warnings);
}
#define auto_parsed __attribute__((cleanup(parsed_release))) struct parsed

static void stages(void **state)
{
	auto_parsed p = { 0 };
	size_t target;

	strv_push(&p.args, "VERSION=12");
	strv_push(&p.args, "http_proxy=x");
	strv_push(&p.args, "NOBODY=asks");
	if (parse(&p, "ARG VERSION=11 SUITE=slim\n"
		      "ARG FULL=${VERSION}-$SUITE\n"
		      "FROM --platform=$BUILDPLATFORM debian:$FULL AS Base\n"
		      "ARG LATER\n"
		      "RUN true\n"
		      "FROM base\n"
		      "COPY --from=0 a b\n"
		      "from scratch as last\n"
		      "ONBUILD COPY --from=other . .\n"
		      "FROM $TARGETARCH/x:$NONE\n") < 0)
		fail_msg("%s", p.e.text);
	assert_int_equal(p.r.n, 4);
	assert_string_equal(p.r.stages[0].name, "base");
	assert_string_equal(p.r.stages[0].base, "debian:12-slim");
	assert_string_equal(p.r.stages[0].platform, "linux/amd64");
	assert_int_equal(p.r.stages[0].from, 2);
	assert_int_equal(p.r.stages[0].end, 5);
	assert_int_equal(p.r.stages[1].base_stage, 0);
	assert_null(p.r.stages[1].base);
	assert_null(p.r.stages[1].name);
	assert_string_equal(p.r.stages[2].base, "scratch");
	assert_string_equal(p.r.stages[3].base, "arm/x:");
	assert_int_equal(p.warnings.n, 2);
	assert_non_null(strstr(p.warnings.v[0], "NONE"));
	assert_non_null(strstr(p.warnings.v[1], "NOBODY"));
	assert_int_equal(recipe_target(&p.r, NULL, &target, &p.e), 0);
	assert_int_equal(target, 3);
	assert_int_equal(recipe_target(&p.r, "LAST", &target, &p.e), 0);
	assert_int_equal(target, 2);
	assert_int_equal(recipe_target(&p.r, "1", &target, &p.e), 0);
	assert_int_equal(target, 1);
	assert_int_equal(recipe_target(&p.r, "nosuch", &target, &p.e), -ENOENT);
	assert_string_equal(p.e.hint, "one of: base last");
}

static void needed(void **state)
{
	auto_parsed p = { 0 };
	bool is[6];

	if (parse(&p, "FROM a AS one\n"
		      "FROM b AS two\n"
		      "FROM c AS three\nCOPY --from=one /x /x\n"
		      "FROM d AS four\nRUN --mount=type=bind,from=two,target=/t true\n"
		      "FROM three\nCOPY --from=elsewhere/image:1 /y /y\n"
		      "FROM four\n") < 0)
		fail_msg("%s", p.e.text);
	recipe_needed(&p.r, 4, is);
	assert_true(is[4] && is[2] && is[0]);
	assert_false(is[1] || is[3] || is[5]);
	recipe_needed(&p.r, 5, is);
	assert_true(is[5] && is[3] && is[1]);
	assert_false(is[0] || is[2] || is[4]);
}

static void refused(void **state)
{
	static const struct {
		const char *text, *says;
		unsigned line, column;
	} cases[] = {
		{ "RUN true\n", "before the first FROM", 1, 0 },
		{ "ARG A\n", "no FROM", 1, 0 },
		{ "FROM x\n  RUNN true\n", "'RUNN'", 2, 3 },
		{ "FROM x\nCOPY --form=a b c\n", "'--form'", 2, 6 },
		{ "FROM x\nENV --from=a b\n", "'--from'", 2, 5 },
		{ "FROM x\nRUN --= a\n", "has no option", 2, 5 },
		{ "FROM x\nRUN\n", "needs something", 2, 0 },
		{ "FROM\n", "needs something", 1, 0 },
		{ "FROM a b\n", "IMAGE AS NAME", 1, 0 },
		{ "FROM a AS 1st\n", "'1st'", 1, 11 },
		{ "FROM a AS a/b\n", "'a/b'", 1, 11 },
		{ "FROM $NONE\n", "names no image", 1, 6 },
		{ "FROM ${NONE\n", "not closed", 1, 6 },
		{ "ARG =x\nFROM a\n", "no name", 1, 5 },
		{ "FROM a\nONBUILD ONBUILD RUN x\n", "for later", 2, 0 },
		{ "FROM a\nONBUILD FROM x\n", "for later", 2, 0 },
		{ "FROM a\nONBUILD NOTHING x\n", "'NOTHING'", 2, 9 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_parsed p = { 0 };
		if (parse(&p, cases[i].text) == 0)
			fail_msg("accepted: %s", cases[i].text);
		if (!strstr(p.e.text, cases[i].says))
			fail_msg("%s: %s", cases[i].text, p.e.text);
		if (p.place.line != cases[i].line || p.place.column != cases[i].column)
			fail_msg("%s: %u:%u", cases[i].text, p.place.line, p.place.column);
	}
}

static void fields(void **state)
{
	auto_free char *from = mount_field("type=cache,From=a,target=/x", "from"),
		       *target = mount_field("type=cache,target=/x", "target"),
		       *none = mount_field("type=cache,ro", "ro");

	assert_string_equal(from, "a");
	assert_string_equal(target, "/x");
	assert_null(none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stages),
		cmocka_unit_test(needed),
		cmocka_unit_test(refused),
		cmocka_unit_test(fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
