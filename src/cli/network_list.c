/* network ls and inspect. */
#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/inspect.h"
#include "cli/listing.h"
#include "cli/network.h"
#include "cli/output.h"
#include "cli/text.h"

#include <string.h>

struct ls_options {
	struct listing_options listing; /* first: its table follows ours */
};

static const struct verb_option ls_options[] = {
	{ OPTION_MORE, .more = listing_options },
};

static const struct column columns[] = {
	{ "ID", "NETWORK ID", true },
	{ "Name", "NAME", true },
	{ "Driver", "DRIVER", true },
	{ "Scope", "SCOPE", true },
	{ "Subnet", "SUBNET", true },
	{ "Internal", "INTERNAL", false },
	{ "IPv4", "IPV4", false },
	{ "IPv6", "IPV6", false },
	{ "Labels", "LABELS", false },
	{ "CreatedAt", "CREATED AT", false },
	{ 0 },
};

static json_t *row_of(const struct network_info *n, bool whole)
{
	auto_free char *labels = listing_labels_text(&n->labels);
	json_t *row = json_object();
	char id[13], created[TIME_TEXT_SIZE];

	text_short_id(n->id, id);
	text_docker_time(n->created, created);
	listing_set(row, "ID", whole ? n->id : id);
	listing_set(row, "Name", n->name);
	listing_set(row, "Driver", n->driver);
	listing_set(row, "Scope", "local");
	listing_set(row, "Subnet", n->subnet);
	listing_set(row, "Internal", n->internal ? "true" : "false");
	listing_set(row, "IPv4", n->subnet && *n->subnet ? "true" : "false");
	listing_set(row, "IPv6", "false");
	listing_set(row, "Labels", labels);
	listing_set(row, "CreatedAt", created);
	return row;
}

static json_t *object_of(const struct network_info *n)
{
	json_t *o = json_object();

	json_object_set_new(o, "ID", output_string(n->id));
	json_object_set_new(o, "Name", output_string(n->name));
	json_object_set_new(o, "Driver", output_string(n->driver));
	json_object_set_new(o, "Subnet", output_string(n->subnet ? n->subnet : ""));
	json_object_set_new(o, "Gateway", output_string(n->gateway ? n->gateway : ""));
	json_object_set_new(o, "Bridge", output_string(n->bridge ? n->bridge : ""));
	json_object_set_new(o, "Internal", json_boolean(n->internal));
	json_object_set_new(o, "Predefined", json_boolean(n->predefined));
	json_object_set_new(o, "Members", json_integer((json_int_t)n->n_members));
	json_object_set_new(o, "CreatedAt", output_time(n->created));
	json_object_set_new(o, "Labels", listing_labels_json(&n->labels));
	return o;
}

static bool id_matches(const void *id, const char *value)
{
	return str_starts(id, value);
}

static bool dangling_matches(const void *arg, const char *value)
{
	const struct network_info *n = arg;

	return (!n->predefined && !n->n_members) == (str_eq(value, "true") || str_eq(value, "1"));
}

static bool is_wanted(const struct listing_options *o, const struct network_info *n)
{
	return listing_filter(o, "id", id_matches, n->id) &&
	       listing_filter(o, "name", listing_part_of, n->name) &&
	       listing_filter(o, "driver", listing_equals, n->driver) &&
	       listing_filter(o, "scope", listing_equals, "local") &&
	       listing_filter(o, "type", listing_equals, n->predefined ? "builtin" : "custom") &&
	       listing_filter(o, "dangling", dangling_matches, n) &&
	       listing_filter_labels(o, &n->labels);
}

static int ls_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	static const char *const filters[] = { "id", "name", "driver", "scope", "type", "dangling",
		"label", NULL };
	const struct ls_options *o = opt;
	auto_network_list list = { 0 };
	auto_listing l = { 0 };
	struct engine *engine;
	int r = listing_check(&o->listing, filters, e);

	if (r < 0 || (r = cli_engine(c, &engine, e)) < 0 ||
		(r = engine_network_list(engine, &list, e)) < 0)
		return r;
	listing_begin(&l, &o->listing, columns, "ID");
	for (size_t i = 0; i < list.n; i++)
		if (is_wanted(&o->listing, &list.v[i]))
			listing_add(&l, row_of(&list.v[i], o->listing.no_trunc),
				listing_labels_json(&list.v[i].labels), object_of(&list.v[i]));
	return listing_print(&l, e);
}

static const struct verb_example ls_examples[] = {
	{ "redock network ls", "all networks" },
	{ "redock network ls -q --filter type=custom", "ids of those that you made" },
	{ NULL },
};

const struct verb verb_network_ls = {
	.name = "network ls",
	.alias = "list",
	.group = GROUP_RESOURCES,
	.operands = "",
	.summary = "List networks",
	.description =
		"Filters: id, name (parts of them), driver, scope, type=custom|builtin, "
		"dangling=true (nobody is on it), label=KEY[=VALUE]. Fields of --format: ID, Name, "
		"Driver, Scope, Subnet, Internal, IPv4, IPv6, Labels, CreatedAt.\n"
		"\n"
		"The objects of --json have the keys ID, Name, Driver, Subnet, Gateway, Bridge, "
		"Internal, Predefined, Members (running containers), CreatedAt and Labels.",
	.options = ls_options,
	.examples = ls_examples,
	.options_size = sizeof(struct ls_options),
	.max_operands = 0,
	.run = ls_run,
};

struct inspect_options {
	const char *format;
	bool verbose;
};

static const struct verb_option inspect_options[] = {
	{ OPTION_TEXT, 'f', "format", "TEMPLATE", "json or '{{.Subnet}}'",
		offsetof(struct inspect_options, format) },
	{ OPTION_FLAG, 'v', "verbose", NULL, NULL, offsetof(struct inspect_options, verbose) },
	{ 0 },
};

static int inspect_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	const struct inspect_options *o = opt;

	return inspect_all(c, "network", o->format, false, operands, n_operands, e);
}

static const struct verb_example inspect_examples[] = {
	{ "redock network inspect bridge", "its addresses and who is on it" },
	{ NULL },
};

const struct verb verb_network_inspect = {
	.name = "network inspect",
	.group = GROUP_RESOURCES,
	.operands = "NETWORK...",
	.summary = "Show all about networks, as JSON",
	.description = "See inspect.",
	.options = inspect_options,
	.examples = inspect_examples,
	.options_size = sizeof(struct inspect_options),
	.min_operands = 1,
	.max_operands = OPERANDS_ANY,
	.run = inspect_run,
};
