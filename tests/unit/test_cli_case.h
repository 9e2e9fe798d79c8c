#pragma once
/* Tables of command lines for the tests of the verbs. */
#include "test_cli_fake.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* A line and what must come of it. `out` and `log` are exact ("" is nothing), `err` a part. */
struct verb_case {
	const char *line;
	int status;
	const char *out, *err, *log;
};
#define OPEN "open root=- run_root=- bridge=- subnet=-\n"

static void check(const struct verb_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct verb_case *c = &cases[i];
		auto_free char *line = xasprintf("redock %s", c->line);
		auto_ran ran = run_cli(line, NULL);
		const char *log = str_starts(ran.log, OPEN) ? ran.log + strlen(OPEN) : ran.log;

		if (ran.status != c->status)
			print_error("'%s': %s\n", line, ran.err);
		assert_int_equal(ran.status, c->status);
		if (c->out)
			assert_string_equal(ran.out, c->out);
		if (!strstr(ran.err, c->err ? c->err : "") || (c->err && !*c->err && *ran.err))
			fail_msg("'%s' says '%s', not '%s'", line, ran.err, c->err);
		if (c->log)
			assert_string_equal(log, c->log);
	}
}
