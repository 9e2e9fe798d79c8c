#pragma once
/*
 * The parser of command lines: GNU's conventions (getopt_long(3)) driven by tables.
 *
 * Short options may be clustered (-it), values are attached or follow (-m64m, -m 64m, -m=64m,
 * --memory=64m, --memory 64m), options and operands may be mixed, "--" ends the options.
 * Long names are never abbreviated: an abbreviation would freeze the name space.
 */
#include "base/err.h"
#include "cli/verb.h"

#include <limits.h>

struct command_line {
	char **operands; /* pointers into the argument list; NULL-terminated */
	size_t n_operands;
	bool help; /* -h (unless the table has one) or --help was met: nothing else counts */
};
void command_line_release(struct command_line *);
#define auto_command_line __attribute__((cleanup(command_line_release))) struct command_line

/* Parses the NULL-terminated `args` by `table` (NULL: no options) into `target`. On failure *ret
 * still tells the operands met so far; a wrong option's error suggests the nearest one, after
 * `command` ("redock run"). */
int options_parse(const struct verb_option *table, bool stop_at_operand, const char *command,
	char *const *args, void *target, struct command_line *ret, struct err *e);
/* Frees what options_parse() stored. */
void options_release(const struct verb_option *table, void *target);

/* How far what was typed is from a candidate; UINT_MAX when too far to be suggested. */
unsigned suggestion_distance(const char *typed, const char *candidate);
