#pragma once
/*
 * The journal of what happens: <run>/events, one JSON object a line, written by commands and
 * monitors alike and read by `events`.  A line is one write(2) with O_APPEND, so that lines of
 * several writers do not mix; the file is bounded by one rotation, to `events.1`.  It is lost at a
 * reboot, and never synced.
 */
#define JOURNAL     "events"
#define JOURNAL_OLD "events.1"
#define JOURNAL_MAX (4 << 20)

/* `run` is the run root; `attributes` KEY=value, NULL-terminated, or NULL. An event that cannot be
 * written is lost: nothing depends on it. */
void journal_add(
	int run, const char *type, const char *action, const char *id, char *const *attributes);
/* Several of the same, in one write(2); `actions` ends with NULL. */
void journal_add_all(int run, const char *type, const char *const *actions, const char *id,
	char *const *attributes);
