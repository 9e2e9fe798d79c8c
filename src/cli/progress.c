#include "cli/progress.h"
#include "base/str.h"
#include "base/time.h"
#include "cli/terminal.h"
#include "cli/text.h"
#include "engine/engine.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct {
	int verbose;
	bool live; /* a status line can be redrawn */
	volatile sig_atomic_t shown;
	int64_t since; /* when the first line was said */
} progress;

static bool is_dumb(void)
{
	const char *term = getenv("TERM");

	return !term || !*term || str_eq(term, "dumb");
}

void progress_init(int verbose)
{
	progress.verbose = verbose;
}

void progress_clear(void)
{
	if (progress.shown)
		fputs("\r\033[K", stderr);
	progress.shown = 0;
}

void progress_abandon(void)
{
	if (progress.shown && write(2, "\n", 1) < 0)
		return; /* there is nobody to tell */
}

static void redraw(const struct str *text)
{
	auto_str line = STR_INIT(16384);
	unsigned rows, columns;
	long long seconds = (time_monotonic() - progress.since) / 1000000000;

	str_add_data(&line, str_text(text), text->len);
	if (seconds > 0)
		str_addf(&line, " (%lld s)", seconds);
	if (terminal_size(2, &rows, &columns) && columns > 1)
		text_ellipsis(&line, columns - 1);
	fprintf(stderr, "\r%s\033[K", str_text(&line));
	progress.shown = 1;
}

void progress_say(void *arg, int level, const char *text)
{
	auto_str safe = STR_INIT(8192);

	if (level != ENGINE_WARNING && (level > progress.verbose || progress.verbose < 0))
		return;
	text_add_escaped(&safe, text);
	if (level == ENGINE_WARNING) {
		progress_clear();
		fprintf(stderr, "redock: warning: %s\n", str_text(&safe));
		return;
	}
	if (!progress.since) {
		progress.since = time_monotonic();
		progress.live = isatty(2) && !is_dumb();
		if (progress.live)
			terminal_catch_signals();
	}
	if ((level == 0 || level == ENGINE_MOMENT) && progress.live) {
		redraw(&safe);
		return;
	}
	if (level == ENGINE_MOMENT)
		return;
	progress_clear();
	fprintf(stderr, "%s\n", str_text(&safe));
}

bool progress_colour(int fd)
{
	const char *force = getenv("CLICOLOR_FORCE"), *none = getenv("NO_COLOR");

	if (none && *none)
		return false;
	if (force && *force && !str_eq(force, "0"))
		return true;
	return !is_dumb() && isatty(fd);
}
