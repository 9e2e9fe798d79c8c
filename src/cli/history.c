#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/listing.h"
#include "cli/output.h"
#include "cli/suggest.h"
#include "cli/text.h"
#include "cli/verbs.h"

#include <errno.h>
#include <inttypes.h>

struct history_options {
	const char *format;
	bool json, quiet, no_trunc, exact;
};

#define TARGET(member) offsetof(struct history_options, member)
static const struct verb_option options[] = {
	{ OPTION_TEXT, 0, "format", "TEMPLATE", "json, 'table ...' or '{{.CreatedBy}}'",
		TARGET(format) },
	{ OPTION_OFF, 'H', "human", NULL, "=false: sizes in bytes, times in full", TARGET(exact) },
	{ OPTION_FLAG, 0, "json", NULL, "print an array of objects", TARGET(json) },
	{ OPTION_FLAG, 0, "no-trunc", NULL, "show ids and commands in full", TARGET(no_trunc) },
	{ OPTION_FLAG, 'q', "quiet", NULL, "show ids alone", TARGET(quiet) },
	{ 0 },
};

static const struct column columns[] = {
	{ "ID", "IMAGE", true },
	{ "CreatedSince", "CREATED", true },
	{ "CreatedAt", "CREATED AT", false },
	{ "CreatedBy", "CREATED BY", true },
	{ "Size", "SIZE", true },
	{ "Comment", "COMMENT", true },
	{ 0 },
};

#define CREATED_BY_COLUMNS 45 /* as Docker */

/* The newest step is the image; those before it have no id that anybody could use. */
static json_t *step_row(
	const struct history_options *o, const struct image_history *h, size_t i, int64_t now)
{
	const struct image_step *step = &h->v[i];
	char id[13], ago[48], size[24], created[TIME_TEXT_SIZE];
	auto_str by = STR_INIT(1 << 20);
	json_t *row = json_object();

	text_short_id(h->id, id);
	text_ago(step->created, now, ago);
	time_format(step->created, created);
	text_size(step->size, size);
	if (o->exact)
		snprintf(size, sizeof size, "%" PRIu64, step->size);
	text_add_escaped(&by, step->created_by);
	if (!o->no_trunc)
		text_ellipsis(&by, CREATED_BY_COLUMNS);
	listing_set(row, "ID", i ? "<missing>" : o->no_trunc ? h->id : id);
	listing_set(row, "CreatedSince", o->exact ? created : step->created ? ago : "N/A");
	listing_set(row, "CreatedAt", created);
	listing_set(row, "CreatedBy", str_text(&by));
	listing_set(row, "Size", size);
	listing_set(row, "Comment", step->comment);
	return row;
}

static json_t *step_json(const struct image_history *h, size_t i)
{
	const struct image_step *step = &h->v[i];
	json_t *o = json_object();

	json_object_set_new(o, "Id", output_string(i ? "<missing>" : h->id));
	json_object_set_new(o, "Created", output_time(step->created));
	json_object_set_new(o, "CreatedBy", output_string(step->created_by));
	json_object_set_new(o, "Size", json_integer((json_int_t)step->size));
	json_object_set_new(o, "Comment", output_string(step->comment));
	json_object_set_new(o, "EmptyLayer", json_boolean(!step->has_layer));
	json_object_set_new(o, "Tags", i ? json_array() : json_from_strv(&h->names));
	return o;
}

static int history_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	const struct history_options *o = opt;
	const struct listing_options how = {
		.format = o->format, .json = o->json, .quiet = o->quiet, .no_trunc = o->no_trunc
	};
	struct image_history h = { 0 };
	auto_listing l = { 0 };
	struct engine *engine;
	int64_t now = time_now();
	int r = listing_check(&how, (const char *const[]){ NULL }, e);

	if (r < 0 || (r = cli_engine(c, &engine, e)) < 0)
		return r;
	r = engine_image_history(engine, operands[0], &h, e);
	if (r < 0) {
		if (r == -ENOENT)
			suggest_image(engine, "redock history", operands[0], e);
		return r;
	}
	listing_begin(&l, &how, columns, "ID");
	for (size_t i = 0; i < h.n; i++)
		listing_add(&l, step_row(o, &h, i, now), NULL, step_json(&h, i));
	image_history_release(&h);
	return listing_print(&l, e);
}

static const struct verb_example examples[] = {
	{ "redock history web", "what made each of its layers, the newest first" },
	{ "redock history --no-trunc --format '{{.CreatedBy}}' web", "the commands in full" },
	{ NULL },
};

const struct verb verb_history = {
	.name = "history",
	.group = GROUP_IMAGES,
	.operands = "IMAGE",
	.summary = "Show how an image was made",
	.description =
		"Each step of the image's own account, the newest first, with what its layer "
		"holds. Steps before the last have no id of their own: <missing>, as in Docker.\n"
		"\n"
		"Fields of --format: ID, CreatedSince, CreatedAt, CreatedBy, Size, Comment. The "
		"objects of --json have the keys Id, Created (RFC 3339), CreatedBy, Size (bytes), "
		"Comment, EmptyLayer and Tags.",
	.options = options,
	.examples = examples,
	.options_size = sizeof(struct history_options),
	.min_operands = 1,
	.max_operands = 1,
	.run = history_run,
};
