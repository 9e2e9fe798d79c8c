#pragma once
/*
 * A container's log: Docker's json-file format, one object a line, bounded by rotation; or the
 * journal of the host, or nothing.
 */
#include "base/str.h"
#include "base/time.h"
#include "engine/local/monitor/logopts.h"
#include "engine/local/monitor/ring.h"

#include <stddef.h>
#include <stdint.h>

#define LOG_FILE_SIZE (10u << 20)
#define LOG_FILES     3
#define LOG_FILES_MAX 100
#define LOG_LINE_MAX  16384u /* longer lines are split, as Docker splits them */

struct log {
	struct log_settings settings;
	char *attrs;         /* ",\"attrs\":{...}" of each entry, or NULL */
	char *id, *name;     /* of the container; journald */
	struct ring *ring;   /* of the non-blocking mode, else NULL */
	int dir;             /* the container's directory; borrowed */
	int fd;              /* opened with the first line */
	uint64_t size, lost; /* bytes in the file; lines that could not be written */
	struct str batch;    /* entries of one log_add(), written at once */
	uint64_t batched;    /* their number */
	char now[TIME_TEXT_SIZE];
	struct log_line {
		char *data; /* begun and not ended yet; NULL when empty */
		size_t len;
	} line[2]; /* stdout, stderr */
};
/* Takes the settings. A struct log that is all zero keeps nothing. */
void log_open(
	struct log *, int container_dir, struct log_settings *, const char *id, const char *name);
/* The default driver and limits. */
void log_init(struct log *, int container_dir);
/* Adds output of stream 1 (stdout) or 2 (stderr). In the non-blocking mode it never waits. A log
 * that cannot be written (disk full) never stops the container: the loss is counted and said in the
 * log when there is room again. */
void log_add(struct log *, int stream, const char *data, size_t len);
/* Readable when log_turn() has something to do; -1: nothing to wait for. */
int log_wait_fd(const struct log *);
void log_turn(struct log *);
/* Writes lines that have no end yet. In the non-blocking mode, too, the container has ended: a
 * moment is waited for what has not been written, and the rest is counted as lost. */
void log_finish(struct log *);
void log_close(struct log *);
