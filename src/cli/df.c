#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/listing.h"
#include "cli/system.h"
#include "cli/text.h"
#include "cli/verbs.h"

#include <inttypes.h>

struct df_options {
	struct listing_options listing; /* format and json alone */
};

#define TARGET(member) offsetof(struct df_options, member)
static const struct verb_option options[] = {
	{ OPTION_TEXT, 0, "format", "TEMPLATE", "json, 'table ...' or '{{.Type}}'",
		TARGET(listing.format) },
	{ OPTION_FLAG, 0, "json", NULL, "print an array of objects", TARGET(listing.json) },
	{ 0 },
};

static const struct column columns[] = {
	{ "Type", "TYPE", true },
	{ "TotalCount", "TOTAL", true },
	{ "Active", "ACTIVE", true },
	{ "Size", "SIZE", true },
	{ "Reclaimable", "RECLAIMABLE", true },
	{ 0 },
};

static void add(struct listing *l, const char *type, uint64_t total, uint64_t active, uint64_t size,
	uint64_t reclaimable)
{
	json_t *row = json_object(), *object = json_object();
	char text[48], bytes[16];

	listing_set(row, "Type", type);
	snprintf(text, sizeof text, "%" PRIu64, total);
	listing_set(row, "TotalCount", text);
	snprintf(text, sizeof text, "%" PRIu64, active);
	listing_set(row, "Active", text);
	text_size(size, bytes);
	listing_set(row, "Size", bytes);
	text_size(reclaimable, bytes);
	snprintf(text, sizeof text, "%s (%" PRIu64 "%%)", bytes,
		size ? reclaimable * 100 / size : 0);
	listing_set(row, "Reclaimable", text);
	listing_set(object, "Type", type);
	json_object_set_new(object, "Total", json_integer((json_int_t)total));
	json_object_set_new(object, "Active", json_integer((json_int_t)active));
	json_object_set_new(object, "Size", json_integer((json_int_t)size));
	json_object_set_new(object, "Reclaimable", json_integer((json_int_t)reclaimable));
	listing_add(l, row, NULL, object);
}

static int df_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	const struct df_options *o = opt;
	struct engine_usage u = { 0 };
	auto_listing l = { 0 };
	struct engine *engine;
	int r = listing_check(&o->listing, (const char *const[]){ NULL }, e);

	if (r < 0 || (r = cli_engine(c, &engine, e)) < 0 || (r = engine_usage(engine, &u, e)) < 0)
		return r;
	listing_begin(&l, &o->listing, columns, "Type");
	add(&l, "Images", u.images, u.images_active, u.images_size, u.images_reclaimable);
	add(&l, "Containers", u.containers, u.containers_active, u.containers_size,
		u.containers_reclaimable);
	add(&l, "Local Volumes", u.volumes, u.volumes_active, u.volumes_size,
		u.volumes_reclaimable);
	return listing_print(&l, e);
}

#define DF_VERB(its_name, its_examples)                                                            \
	{                                                                                          \
		.name = its_name, .group = GROUP_SYSTEM, .operands = "",                           \
		.summary = "Tell how much room images, containers, volumes take",                  \
		.description = "ACTIVE ones are in use; RECLAIMABLE is what prune all -a "         \
			       "--volumes would "                                                  \
			       "give back. The objects of --json have the keys Type, Total, "      \
			       "Active, Size "                                                     \
			       "and Reclaimable (bytes).",                                         \
		.options = options, .examples = its_examples,                                      \
		.options_size = sizeof(struct df_options), .max_operands = 0, .run = df_run,       \
	}

static const struct verb_example examples[] = {
	{ "redock df", "how much room is taken, and what could be given back" },
	{ NULL },
};
const struct verb verb_df = DF_VERB("df", examples);

static const struct verb_example system_examples[] = {
	{ "redock system df", "the same as redock df" },
	{ NULL },
};
const struct verb verb_system_df = DF_VERB("system df", system_examples);
