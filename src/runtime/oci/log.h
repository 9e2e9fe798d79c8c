#pragma once
/* Where the program says what went wrong: standard error, and a log file in the form that the
 * program above it reads (--log, --log-format). */
#include "base/err.h"

#include <stdbool.h>
#include <stdio.h>

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };
struct log {
	FILE *file; /* NULL: none */
	bool json;
	enum log_level level;
};
/* "error", "warning" ("warn"), "info", "debug"; -EINVAL. */
int log_level_parse(const char *text, enum log_level *ret, struct err *e);
int log_open(struct log *, const char *path, struct err *e);
/* Errors and warnings go to standard error, too. */
void log_say(const struct log *, enum log_level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void log_err(const struct log *, enum log_level, const struct err *);
