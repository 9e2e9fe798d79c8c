#pragma once
/*
 * The non-blocking mode of a container's log: lines wait here, up to a number of bytes, for a
 * process of its own that writes them, and that a slow disk or a full journal may hold up. A line
 * that finds no room is lost and counted; the next one that does tells the writer how many.
 */
#include "base/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RING_LINE_MAX 16384u

struct ring_line {
	uint64_t lost; /* lines before this one */
	uint32_t len, stream;
	char now[TIME_TEXT_SIZE];
};
/* In the writer's process: one line, or, with `line` NULL, the end of several. */
typedef void ring_write(void *arg, const struct ring_line *line, const char *data);

struct ring;
/* `dir` is the one descriptor, beside the standard ones, that the writer needs. */
struct ring *ring_new(size_t max, int dir, ring_write *write, void *arg);
void ring_free(struct ring *); /* NULL is fine; the writer ends when it has written what it has */
/* `len` is at most RING_LINE_MAX; line->lost is not looked at. Never waits. */
void ring_add(struct ring *, const struct ring_line *line, const char *data);
/* Gives the writer what it can take; call it after some ring_add(), and when ring_fd() is readable.
 * Never waits. */
void ring_turn(struct ring *);
int ring_fd(const struct ring *); /* -1: nothing to wait for */
/* Waits until all is written, at most so long; what is not is lost, and counted. */
void ring_drain(struct ring *, int wait_ms);
