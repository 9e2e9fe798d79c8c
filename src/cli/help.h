#pragma once
/* Everything about the verbs that is printed, derived from their tables. */
#include "base/str.h"
#include "cli/verb.h"

#include <stdbool.h>
#include <stdio.h>

/* A few words and three examples: `redock` alone. */
void help_short(FILE *f);
/* All verbs by group, on one screen of 24 x 80: `redock help`; `all`: with a line each. */
void help_overview(FILE *f, bool all, bool colour);
void help_verb(FILE *f, const struct verb *verb, bool colour);

/* "-m, --memory SIZE" into `ret`. */
void help_option_text(const struct verb_option *o, struct str *ret);

/* The man page of a verb, and the generated first part of redock(1), for scdoc(5). */
void manual_verb(FILE *f, const struct verb *verb);
void manual_overview(FILE *f);
