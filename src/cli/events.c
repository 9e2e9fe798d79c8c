#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/listing.h"
#include "cli/output.h"
#include "cli/template.h"
#include "cli/text.h"
#include "cli/values.h"
#include "cli/verbs.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

struct events_options {
	struct listing_options listing; /* filters and format alone */
	int64_t since, until;
};

#define TARGET(member) offsetof(struct events_options, member)
static const struct verb_option options[] = {
	{ OPTION_VALUE, 0, "since", "TIME", "what has happened since: 10m, or RFC 3339",
		TARGET(since), value_moment },
	{ OPTION_VALUE, 0, "until", "TIME", "and end there", TARGET(until), value_moment },
	{ OPTION_LIST, 'f', "filter", "KEY=VALUE", "only those that match",
		TARGET(listing.filters) },
	{ OPTION_TEXT, 0, "format", "TEMPLATE", "json or '{{.Action}}'", TARGET(listing.format) },
	{ OPTION_FLAG, 0, "json", NULL, "one object a line", TARGET(listing.json) },
	{ 0 },
};

struct watcher {
	const struct events_options *o;
	struct template *template;
	struct err *e;
};

/* Docker's Message of its events API. */
static json_t *event_json(const struct event *event)
{
	json_t *o = json_object(), *actor = json_object();

	json_object_set_new(o, "Type", output_string(event->type));
	json_object_set_new(o, "Action", output_string(event->action));
	json_object_set_new(actor, "ID", output_string(event->id));
	json_object_set_new(actor, "Attributes", listing_labels_json(&event->attributes));
	json_object_set_new(o, "Actor", actor);
	json_object_set_new(o, "scope", json_string("local"));
	json_object_set_new(o, "time", json_integer(event->time / 1000000000));
	json_object_set_new(o, "timeNano", json_integer(event->time));
	if (str_eq(event->type, "container")) {
		json_object_set_new(o, "status", output_string(event->action));
		json_object_set_new(o, "id", output_string(event->id));
		json_object_set_new(
			o, "from", output_string(strv_get_env(&event->attributes, "image")));
	}
	return o;
}

/* An id that begins with it, or the name. */
static bool is_called(const struct event *event, const char *value)
{
	const char *name = strv_get_env(&event->attributes, "name");

	return (strlen(value) >= 4 && str_starts(event->id, value)) || str_eq(event->id, value) ||
	       (name && str_eq(name, value));
}

static bool of_type(const struct event *event, const char *type, const char *value)
{
	return str_eq(event->type, type) && is_called(event, value);
}

static bool container_matches(const void *arg, const char *value)
{
	const char *container = strv_get_env(&((const struct event *)arg)->attributes, "container");

	return of_type(arg, "container", value) ||
	       (container && strlen(value) >= 4 && str_starts(container, value));
}

static bool network_matches(const void *arg, const char *value)
{
	return of_type(arg, "network", value);
}

static bool volume_matches(const void *arg, const char *value)
{
	return of_type(arg, "volume", value);
}

static bool image_matches(const void *arg, const char *value)
{
	const struct event *event = arg;
	const char *image = strv_get_env(&event->attributes, "image");

	return of_type(event, "image", value) || (image && str_eq(image, value));
}

/* "exec_start: sh" is an exec_start. */
static bool action_matches(const void *arg, const char *value)
{
	const char *action = ((const struct event *)arg)->action;
	size_t len = strlen(value);

	return str_eq(action, value) || (str_starts(action, value) && action[len] == ':');
}

static bool is_wanted(const struct listing_options *o, const struct event *event)
{
	return listing_filter(o, "type", listing_equals, event->type) &&
	       listing_filter(o, "event", action_matches, event) &&
	       listing_filter(o, "container", container_matches, event) &&
	       listing_filter(o, "image", image_matches, event) &&
	       listing_filter(o, "network", network_matches, event) &&
	       listing_filter(o, "volume", volume_matches, event) &&
	       listing_filter_labels(o, &event->attributes);
}

static void print_line(const struct event *event)
{
	auto_str line = STR_INIT(1 << 20);
	char time[TIME_TEXT_SIZE];

	time_format(event->time, time);
	str_addf(&line, "%s %s ", time, event->type);
	text_add_escaped(&line, event->action);
	str_add(&line, " ");
	text_add_escaped(&line, event->id);
	for (size_t i = 0; i < event->attributes.n; i++) {
		str_add(&line, i ? ", " : " (");
		text_add_escaped(&line, event->attributes.v[i]);
	}
	printf("%s%s\n", str_text(&line), event->attributes.n ? ")" : "");
}

static int print_template(const struct watcher *w, const struct event *event)
{
	auto_json *j = event_json(event);
	auto_str line = STR_INIT(1 << 20);
	struct template_data data = { .dot = j, .escape = isatty(1) };
	int r = template_run(w->template, &data, &line, w->e);

	if (r >= 0)
		printf("%s\n", str_text(&line));
	return r;
}

static int take_event(void *arg, const struct event *event)
{
	struct watcher *w = arg;
	int r = 0;

	if (!is_wanted(&w->o->listing, event))
		return 0;
	if (w->template) {
		r = print_template(w, event);
	} else if (w->o->listing.json || w->o->listing.format) {
		auto_json *j = event_json(event);
		auto_free char *line = json_dumps(j, JSON_COMPACT | JSON_ENSURE_ASCII);
		printf("%s\n", line ? line : "");
	} else {
		print_line(event);
	}
	if (r >= 0 && (fflush(stdout) != 0 || ferror(stdout)))
		return -EPIPE;
	return r;
}

static int events_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	static const char *const filters[] = { "type", "event", "container", "image", "network",
		"volume", "label", NULL };
	const struct events_options *o = opt;
	auto_template *template = NULL;
	struct engine *engine;
	int r = listing_check(&o->listing, filters, e);

	if (r < 0)
		return r;
	if (o->listing.format && !str_eq(o->listing.format, "json") &&
		(r = template_parse(o->listing.format, &template, e)) < 0)
		return r;
	if ((r = cli_engine(c, &engine, e)) < 0)
		return r;
	struct watcher watcher = { o, template, e };
	/* with --until alone: what has happened so far */
	r = engine_events(engine,
		o->since   ? o->since
		: o->until ? 1
			   : 0,
		o->until, take_event, &watcher, e);
	return r == -EPIPE && !e->code ? STATUS_FAILED : r;
}

static const struct verb_example examples[] = {
	{ "redock events", "what happens from now on, until ^C" },
	{ "redock events --since 1h --until 0s", "what has happened in the last hour" },
	{ "redock events -f event=die --format '{{.Actor.Attributes.name}}'", "who ends" },
	{ NULL },
};

const struct verb verb_events = {
	.name = "events",
	.group = GROUP_WATCHING,
	.operands = "",
	.summary = "Tell what happens to containers and the like",
	.description =
		"One event a line: its time, the kind of object, what happened, the id and more. "
		"Filters: type=container|image|network|volume, event=ACTION, container, image, "
		"network, volume (NAME or id), label=KEY[=VALUE].\n"
		"\n"
		"The objects of --json have the keys Type, Action, Actor.ID, Actor.Attributes, "
		"time, timeNano, scope, and for containers status, id and from.",
	.options = options,
	.examples = examples,
	.options_size = sizeof(struct events_options),
	.max_operands = 0,
	.run = events_run,
};
