#pragma once
/* What every verb gets: the global options, the engine (opened when first asked for), and the
 * voices in which redock speaks. Data goes to stdout, everything else to stderr. */
#include "base/err.h"
#include "cli/verb.h"
#include "engine/engine.h"

#include <limits.h>
#include <stdbool.h>

#define CLI_USAGE INT_MIN /* a verb's way to say that it was called wrongly */

enum {
	STATUS_FAILED = 1,
	STATUS_USAGE = 2,
	STATUS_SESSION = 125, /* redock itself failed where the status may be a program's */
};

struct cli {
	const char *root, *run_root, *bridge, *subnet;
	int verbose;
	bool quiet, version;
	struct engine *engine;
};

/* The program, as main() calls it; returns the exit status. */
int cli_main(int argc, char **argv);

/* The engine, opened at the first call; cli_main() closes it. */
int cli_engine(struct cli *, struct engine **ret, struct err *e);

/* One line on stderr for the person who waits; not with -q. */
void cli_note(const struct cli *, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Prints the error and its hint, and goes on. */
void cli_complain(const struct err *e);
/* Sets a usage error; returns CLI_USAGE. */
int cli_usage(struct err *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Calls `each` for every operand, complains about failures and goes on; returns the status. */
typedef int cli_each(
	struct cli *, struct engine *, void *options, const char *operand, struct err *e);
int cli_for_each(
	struct cli *, cli_each *each, void *options, char **operands, size_t n, struct err *e);

/* The options before the verb. */
extern const struct verb_option cli_options[];
