#pragma once
/*
 * What redock is doing, on stderr: on a terminal one status line that is redrawn when there is
 * news, plain lines elsewhere. This is the process's one display, hence without a handle.
 */
#include <stdbool.h>

/* -1: silent; 0: progress; n: lines of level 1 to n as well. */
void progress_init(int verbose);
/* An engine_say: level 0 is the status line, the others are lines that stay. */
void progress_say(void *arg, int level, const char *text);
/* Removes the status line, before anything else is printed. */
void progress_clear(void);
/* Whether to colour what goes to `fd`: not with NO_COLOR (no-color.org), always with
 * CLICOLOR_FORCE, else on a terminal that is not TERM=dumb. */
bool progress_colour(int fd);
/* Async-signal-safe: leaves the status line behind. */
void progress_abandon(void);
