#pragma once
/* The options of a container's log: checked when it is created, obeyed by its monitor. */
#include "base/err.h"
#include "base/str.h"

#include <stdint.h>

enum log_driver { LOG_NONE, LOG_JSON_FILE, LOG_JOURNALD };

struct log_settings {
	enum log_driver driver;
	uint64_t max_size; /* bytes a file, 0: no limit */
	unsigned max_files;
	bool non_blocking;
	uint64_t buffer;   /* bytes, of the non-blocking mode */
	char *tag;         /* expanded, or NULL */
	struct strv attrs; /* KEY=value, sorted as they were asked for */
};
void log_settings_release(struct log_settings *);

/* Whom the log is of; for "tag", "labels" and "env". */
struct log_subject {
	const char *id, *name;
	const struct strv *annotations; /* "image=…" and the labels */
	const struct strv *env;
};
/* `driver` may be NULL for the default. EINVAL for what is no option or value of it. */
int log_settings_parse(const char *driver, const struct strv *options, const struct log_subject *,
	struct log_settings *ret, struct err *e);
