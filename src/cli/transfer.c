#include "cli/transfer.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/time.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/terminal.h"
#include "cli/text.h"

#include <string.h>

#define LAYERS_SHOWN 512
#define DRAW_EVERY   ((int64_t)50000000)
#define BAR_WIDTH    24

struct bar {
	char layer[13];
	char status[32];
	uint64_t current, total;
};

struct transfer_display {
	enum transfer_view view;
	bool live; /* bars that can be redrawn */
	struct bar *bars;
	size_t n;
	unsigned drawn; /* lines of them that stand on the screen */
	int64_t drawn_at;
};

enum transfer_view transfer_view(const struct cli *c, bool quiet, bool json)
{
	if (json)
		return TRANSFER_JSON;
	return quiet || c->quiet ? TRANSFER_SILENT : TRANSFER_SHOWN;
}

static bool is_dumb(void)
{
	const char *term = getenv("TERM");

	return !term || !*term || str_eq(term, "dumb");
}

struct transfer_display *transfer_begin(enum transfer_view view)
{
	struct transfer_display *d = xcalloc(1, sizeof *d);

	d->view = view;
	d->live = view == TRANSFER_SHOWN && isatty(2) && !is_dumb();
	d->bars = xcalloc(LAYERS_SHOWN, sizeof *d->bars);
	return d;
}

/* The layer's bar, a new one if need be; NULL when there are too many to show. */
static struct bar *find_bar(struct transfer_display *d, const char *layer)
{
	for (size_t i = 0; i < d->n; i++)
		if (str_eq(d->bars[i].layer, layer))
			return &d->bars[i];
	if (d->n == LAYERS_SHOWN)
		return NULL;
	snprintf(d->bars[d->n].layer, sizeof d->bars->layer, "%s", layer);
	return &d->bars[d->n++];
}

static void draw_bar(const struct bar *b, unsigned columns)
{
	auto_str line = STR_INIT(512);
	char current[16], total[16];
	bool moving = b->total && b->current < b->total && b->current;
	unsigned full = moving ? (unsigned)(b->current * BAR_WIDTH / b->total) : 0;

	str_addf(&line, "%-12s  %-20s", b->layer, b->status);
	if (moving) {
		text_size(b->current, current);
		text_size(b->total, total);
		str_add(&line, "  [");
		for (unsigned i = 0; i < BAR_WIDTH; i++)
			str_add_char(&line, i < full ? '=' : i == full ? '>' : ' ');
		str_addf(&line, "]  %s of %s", current, total);
	} else if (b->total) {
		text_size(b->total, total);
		str_addf(&line, "  %s", total);
	}
	if (columns > 1)
		text_ellipsis(&line, columns - 1);
	fprintf(stderr, "%s\033[K\n", str_text(&line));
}

/* Of more layers than the screen has lines, the last ones. */
static void draw(struct transfer_display *d)
{
	unsigned rows = 24, columns = 80;
	size_t from;

	if (!terminal_size(2, &rows, &columns) || rows < 4)
		rows = 24;
	from = d->n > rows - 2 ? d->n - (rows - 2) : 0;
	if (d->drawn)
		fprintf(stderr, "\033[%uA", d->drawn);
	for (size_t i = from; i < d->n; i++)
		draw_bar(&d->bars[i], columns);
	d->drawn = (unsigned)(d->n - from);
	d->drawn_at = time_monotonic();
}

static void show_note(struct transfer_display *d, const char *text)
{
	auto_str safe = STR_INIT(8192);

	text_add_escaped(&safe, text);
	progress_clear();
	if (d->drawn)
		fprintf(stderr, "\033[%uA\033[J", d->drawn);
	d->drawn = 0;
	fprintf(stderr, "%s\n", str_text(&safe));
	if (d->live)
		draw(d);
}

static void show_layer(struct transfer_display *d, const struct transfer_event *event)
{
	struct bar *b = find_bar(d, event->layer);
	bool changed = !b || !str_eq(b->status, event->status);

	if (b) {
		snprintf(b->status, sizeof b->status, "%s", event->status);
		b->current = event->current;
		b->total = event->total;
	}
	if (d->live && (changed || time_monotonic() - d->drawn_at >= DRAW_EVERY))
		draw(d);
	if (!d->live && changed)
		fprintf(stderr, "%.12s: %s\n", event->layer, event->status);
}

/* Docker's API has the same members in its stream of progress. */
static void print_json(const struct transfer_event *event)
{
	auto_json *j = json_object();
	auto_free char *text = NULL;

	json_object_set_new(j, "status", output_string(event->status));
	if (event->layer) {
		json_object_set_new(j, "id", output_string(event->layer));
		json_object_set_new(j, "progressDetail",
			json_pack("{s:I, s:I}", "current", (json_int_t)event->current, "total",
				(json_int_t)event->total));
	}
	text = json_text(j);
	printf("%s\n", text);
	fflush(stdout);
}

void transfer_show(void *display, const struct transfer_event *event)
{
	struct transfer_display *d = display;

	if (d->view == TRANSFER_JSON)
		print_json(event);
	else if (d->view == TRANSFER_SHOWN && event->layer)
		show_layer(d, event);
	else if (d->view == TRANSFER_SHOWN)
		show_note(d, event->status);
}

void transfer_end(struct transfer_display *d)
{
	if (!d)
		return;
	if (d->live && d->n)
		draw(d);
	free(d->bars);
	free(d);
}
