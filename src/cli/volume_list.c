/* volume ls and inspect. */
#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/inspect.h"
#include "cli/listing.h"
#include "cli/output.h"
#include "cli/text.h"
#include "cli/volume.h"

#include <inttypes.h>
#include <string.h>

struct ls_options {
	struct listing_options listing; /* first: its table follows ours */
	bool size;
};

static const struct verb_option ls_options[] = {
	{ OPTION_FLAG, 's', "size", NULL, "count what is in them",
		offsetof(struct ls_options, size) },
	{ OPTION_MORE, .more = listing_options },
};

static const struct column columns[] = {
	{ "Driver", "DRIVER", true },
	{ "Name", "VOLUME NAME", true },
	{ "Mountpoint", "MOUNTPOINT", false },
	{ "Scope", "SCOPE", false },
	{ "Labels", "LABELS", false },
	{ "Links", "LINKS", false },
	{ "Size", "SIZE", false },
	{ 0 },
};
static const struct column columns_with_size[] = {
	{ "Driver", "DRIVER", true },
	{ "Name", "VOLUME NAME", true },
	{ "Links", "LINKS", true },
	{ "Size", "SIZE", true },
	{ "Mountpoint", "MOUNTPOINT", false },
	{ "Scope", "SCOPE", false },
	{ "Labels", "LABELS", false },
	{ 0 },
};

static json_t *row_of(const struct volume_info *v)
{
	auto_free char *labels = listing_labels_text(&v->labels);
	json_t *row = json_object();
	char size[16] = "N/A", links[24];

	if (v->size >= 0)
		text_size((uint64_t)v->size, size);
	snprintf(links, sizeof links, "%" PRIu64, v->users);
	listing_set(row, "Driver", v->driver);
	listing_set(row, "Name", v->name);
	listing_set(row, "Mountpoint", v->mountpoint);
	listing_set(row, "Scope", "local");
	listing_set(row, "Labels", labels);
	listing_set(row, "Links", links);
	listing_set(row, "Size", size);
	return row;
}

static json_t *object_of(const struct volume_info *v)
{
	json_t *o = json_object();

	json_object_set_new(o, "Name", output_string(v->name));
	json_object_set_new(o, "Driver", output_string(v->driver));
	json_object_set_new(o, "Mountpoint", output_string(v->mountpoint));
	json_object_set_new(o, "Anonymous", json_boolean(v->anonymous));
	json_object_set_new(o, "CreatedAt", output_time(v->created));
	json_object_set_new(o, "Users", json_integer((json_int_t)v->users));
	json_object_set_new(o, "Size", v->size < 0 ? json_null() : json_integer(v->size));
	json_object_set_new(o, "Labels", listing_labels_json(&v->labels));
	json_object_set_new(o, "Options", listing_labels_json(&v->options));
	return o;
}

static bool dangling_matches(const void *arg, const char *value)
{
	const struct volume_info *v = arg;

	return !v->users == (str_eq(value, "true") || str_eq(value, "1"));
}

static bool is_wanted(const struct listing_options *o, const struct volume_info *v)
{
	return listing_filter(o, "name", listing_part_of, v->name) &&
	       listing_filter(o, "driver", listing_equals, v->driver) &&
	       listing_filter(o, "dangling", dangling_matches, v) &&
	       listing_filter_labels(o, &v->labels);
}

static int ls_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	static const char *const filters[] = { "name", "driver", "dangling", "label", NULL };
	const struct ls_options *o = opt;
	auto_volume_list list = { 0 };
	auto_listing l = { 0 };
	struct engine *engine;
	int r = listing_check(&o->listing, filters, e);

	if (r < 0 || (r = cli_engine(c, &engine, e)) < 0 ||
		(r = engine_volume_list(engine, o->size, &list, e)) < 0)
		return r;
	listing_begin(&l, &o->listing, o->size ? columns_with_size : columns, "Name");
	for (size_t i = 0; i < list.n; i++)
		if (is_wanted(&o->listing, &list.v[i]))
			listing_add(&l, row_of(&list.v[i]), listing_labels_json(&list.v[i].labels),
				object_of(&list.v[i]));
	return listing_print(&l, e);
}

static const struct verb_example ls_examples[] = {
	{ "redock volume ls", "all volumes" },
	{ "redock volume ls -q --filter dangling=true", "those that no container mounts" },
	{ NULL },
};

const struct verb verb_volume_ls = {
	.name = "volume ls",
	.alias = "list",
	.group = GROUP_RESOURCES,
	.operands = "",
	.summary = "List volumes",
	.description =
		"Filters: name (a part of it), driver, dangling=true (no container mounts it), "
		"label=KEY[=VALUE]. Fields of --format: Driver, Name, Mountpoint, Scope, Labels, "
		"Links, Size.\n"
		"\n"
		"The objects of --json have the keys Name, Driver, Mountpoint, Anonymous, "
		"CreatedAt, Users, Size (bytes, null without --size), Labels and Options.",
	.options = ls_options,
	.examples = ls_examples,
	.options_size = sizeof(struct ls_options),
	.max_operands = 0,
	.run = ls_run,
};

struct inspect_options {
	const char *format;
};

static const struct verb_option inspect_options[] = {
	{ OPTION_TEXT, 'f', "format", "TEMPLATE", "json or '{{.Mountpoint}}'",
		offsetof(struct inspect_options, format) },
	{ 0 },
};

static int inspect_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	const struct inspect_options *o = opt;

	return inspect_all(c, "volume", o->format, false, operands, n_operands, e);
}

static const struct verb_example inspect_examples[] = {
	{ "redock volume inspect -f '{{.Mountpoint}}' data", "where its files are on the host" },
	{ NULL },
};

const struct verb verb_volume_inspect = {
	.name = "volume inspect",
	.group = GROUP_RESOURCES,
	.operands = "VOLUME...",
	.summary = "Show all about volumes, as JSON",
	.description = "See inspect.",
	.options = inspect_options,
	.examples = inspect_examples,
	.options_size = sizeof(struct inspect_options),
	.min_operands = 1,
	.max_operands = OPERANDS_ANY,
	.run = inspect_run,
};
