#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "build/dockerfile.h"

#include <string.h>

static void parse(const char *text, struct dockerfile *ret)
{
	struct place p;
	struct err e = { 0 };

	if (dockerfile_parse(text, strlen(text), "Dockerfile", ret, &p, &e) < 0)
		fail_msg("line %u: %s", p.line, e.text);
}

static void lines(void **state)
{
	auto_dockerfile d = { 0 };

	parse("\xef\xbb\xbf# a comment\r\n"
	      "from debian \r\n"
	      "\n"
	      "RUN echo one \\\n"
	      "# not a part of it\n"
	      "   two \\  \n"
	      "\n"
	      "  three\n"
	      "  Env A=b\\\\\n"
	      "CMD [\"x\"]",
		&d);
	assert_int_equal(d.n, 4);
	assert_string_equal(d.v[0].name, "FROM");
	assert_string_equal(d.v[0].text, "debian");
	assert_string_equal(d.v[0].original, "from debian");
	assert_string_equal(d.v[1].text, "echo one    two   three");
	assert_int_equal(d.v[1].first_line, 4);
	assert_int_equal(d.v[1].last_line, 8);
	assert_string_equal(d.v[2].name, "ENV");
	assert_string_equal(d.v[2].text, "A=b\\\\");
	assert_string_equal(d.v[3].text, "[\"x\"]");
	assert_int_equal(d.warnings.n, 1);
	assert_non_null(strstr(d.warnings.v[0], "line 4"));
}

static void directives(void **state)
{
	auto_dockerfile d = { 0 }, late = { 0 };

	parse("#syntax=docker/dockerfile:1\n# Escape = `\n# check=skip=all\nFROM x\n"
	      "RUN dir C:\\ `\n  /s\n",
		&d);
	assert_int_equal(d.escape, '`');
	assert_string_equal(d.syntax, "docker/dockerfile:1");
	assert_string_equal(d.check, "skip=all");
	assert_string_equal(d.v[1].text, "dir C:\\   /s");
	/* behind a comment it is one, too */
	parse("# hello\n# escape=`\nFROM x\n", &late);
	assert_int_equal(late.escape, '\\');
}

static void flags(void **state)
{
	auto_dockerfile d = { 0 };

	parse("FROM x\n"
	      "COPY --from=a --chown=\"b c\" --link src /dst\n"
	      "RUN --mount=type=cache,target=/c -- --not-an-option\n"
	      "RUN \\\n  --network=none \\\n  true --x\n",
		&d);
	assert_int_equal(d.v[1].flags.n, 3);
	assert_string_equal(d.v[1].flags.v[0], "--from=a");
	assert_string_equal(d.v[1].flags.v[1], "--chown=b c");
	assert_string_equal(d.v[1].text, "src /dst");
	assert_int_equal(d.v[2].flags.n, 1);
	assert_string_equal(d.v[2].text, "--not-an-option");
	assert_string_equal(d.v[3].flags.v[0], "--network=none");
	assert_string_equal(d.v[3].text, "true --x");
}

static void here_documents(void **state)
{
	auto_dockerfile d = { 0 };

	parse("FROM x\n"
	      "RUN <<EOF\n"
	      "echo \\\n"
	      "# no comment\n"
	      "\n"
	      "EOF\n"
	      "COPY <<-\"A B\" <<two /dst/\n"
	      "\t\tone\n"
	      "\tA B\n"
	      "\t2\n"
	      "two\n"
	      "RUN 3<<'E' cat << F >/x; echo \"<<NO\" $((1<<2))\n"
	      "e\n"
	      "E\n"
	      "F\n"
	      "CMD <<NOT\n",
		&d);
	assert_int_equal(d.n, 5);
	assert_int_equal(d.v[1].n_heredocs, 1);
	assert_string_equal(d.v[1].text, "<<EOF");
	assert_string_equal(d.v[1].heredocs[0].name, "EOF");
	assert_string_equal(d.v[1].heredocs[0].content, "echo \\\n# no comment\n\n");
	assert_true(d.v[1].heredocs[0].expand);
	assert_int_equal(d.v[1].last_line, 6);
	assert_int_equal(d.v[2].n_heredocs, 2);
	assert_string_equal(d.v[2].heredocs[0].name, "A B");
	assert_string_equal(d.v[2].heredocs[0].content, "one\n");
	assert_false(d.v[2].heredocs[0].expand);
	assert_string_equal(d.v[2].heredocs[1].content, "\t2\n");
	assert_int_equal(d.v[3].n_heredocs, 2);
	assert_int_equal(d.v[3].heredocs[0].fd, 3);
	assert_string_equal(d.v[3].heredocs[0].content, "e\n");
	assert_string_equal(d.v[3].heredocs[1].name, "F");
	assert_string_equal(d.v[3].heredocs[1].content, "");
	assert_int_equal(d.v[4].n_heredocs, 0);
}

static void refused(void **state)
{
	static const struct {
		const char *text;
		unsigned line;
	} cases[] = {
		{ "", 1 },
		{ "# only this\n", 1 },
		{ "FROM x\nRUN <<EOF\nx\n", 2 },
		{ "# escape=x\nFROM x\n", 1 },
		{ "# escape=`\n# escape=\\\nFROM x\n", 2 },
		{ "# syntax=a\n# syntax=b\nFROM x\n", 2 },
		{ "FROM x\n\nCOPY --from=\"a b /c\n", 3 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_dockerfile d = { 0 };
		struct place p;
		struct err e = { 0 };
		if (dockerfile_parse(cases[i].text, strlen(cases[i].text), "D", &d, &p, &e) == 0)
			fail_msg("accepted: %s", cases[i].text);
		assert_int_equal(e.code, EINVAL);
		if (p.line != cases[i].line)
			fail_msg("line %u, not %u: %s", p.line, cases[i].line, cases[i].text);
	}
}

static void binary(void **state)
{
	auto_dockerfile d = { 0 };
	struct place p;
	struct err e = { 0 };

	assert_int_equal(dockerfile_parse("FROM x\nRUN \0\n", 13, "D", &d, &p, &e), -EINVAL);
	assert_int_equal(p.line, 2);
}

static void shown(void **state)
{
	auto_dockerfile d = { 0 };
	auto_str s = STR_INIT(1000), whole = STR_INIT(1000);
	struct place p;

	parse("FROM x\nCOPY --from=nowhere \\\n\t--link a\033 b\n", &d);
	p = dockerfile_find(&d, &d.v[1], "--link");
	assert_int_equal(p.line, 3);
	assert_int_equal(p.column, 2);
	dockerfile_show(&d, &p, &s);
	assert_string_equal(str_text(&s), "Dockerfile:3:2\n"
					  "    3 |  --link a? b\n"
					  "      |  ^~~~~~\n");
	p = dockerfile_find(&d, &d.v[1], "nothing of it");
	assert_int_equal(p.line, 2);
	assert_int_equal(p.column, 0);
	dockerfile_show(&d, &p, &whole);
	assert_string_equal(str_text(&whole), "Dockerfile:2\n"
					      "    2 | COPY --from=nowhere \\\n"
					      "      | ^~~~~~~~~~~~~~~~~~~~~\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(directives),
		cmocka_unit_test(flags),
		cmocka_unit_test(here_documents),
		cmocka_unit_test(refused),
		cmocka_unit_test(binary),
		cmocka_unit_test(shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
