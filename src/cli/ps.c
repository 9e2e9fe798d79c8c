#include "base/str.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/output.h"
#include "cli/ps.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/verbs.h"

struct ps_options {
	bool all, json, quiet;
};

#define TARGET(member) offsetof(struct ps_options, member)
static const struct verb_option options[] = {
	{ OPTION_FLAG, 'a', "all", NULL, "those that do not run too", TARGET(all) },
	{ OPTION_FLAG, 'q', "quiet", NULL, "print ids only", TARGET(quiet) },
	{ OPTION_FLAG, 0, "json", NULL, "print an array of objects", TARGET(json) },
	{ 0 },
};

void ps_status(const struct container_info *info, int64_t now, char ret[80])
{
	char when[48];

	switch (info->state) {
	case CONTAINER_RUNNING:
	case CONTAINER_PAUSED:
		time_words(info->started && now > info->started ? now - info->started : 0, when);
		snprintf(ret, 80, "Up %s%s", when,
			info->state == CONTAINER_PAUSED ? " (Paused)" : "");
		break;
	case CONTAINER_EXITED:
		text_ago(info->finished, now, when);
		if (info->exit_code < 0)
			snprintf(ret, 80, "Exited (unknown) %s", when);
		else
			snprintf(ret, 80, "Exited (%d) %s", info->exit_code, when);
		break;
	default:
		snprintf(ret, 80, "Created");
	}
}

static void add_row(struct table *table, const struct container_info *info, int64_t now)
{
	auto_str command = STR_INIT(8192), quoted = STR_INIT(8192);
	char id[13], created[48], status[80];

	text_short_id(info->id, id);
	text_ago(info->created, now, created);
	ps_status(info, now, status);
	str_add(&command, info->command ? info->command : "");
	text_ellipsis(&command, 20);
	str_addf(&quoted, "\"%s\"", str_text(&command));
	table_cell(table, id);
	table_cell(table, info->config.image);
	table_cell(table, str_text(&quoted));
	table_cell(table, created);
	table_cell(table, status);
	table_cell(table, info->config.machine ? info->config.machine : info->config.name);
}

static void print_table(const struct container_list *list)
{
	static const char *const header[] = { "CONTAINER ID", "IMAGE", "COMMAND", "CREATED",
		"STATUS", "NAMES", NULL };
	auto_table table = { 0 };
	int64_t now = time_now();

	table_init(&table, header);
	for (size_t i = 0; i < list->n; i++)
		add_row(&table, &list->v[i], now);
	table_print(&table, stdout);
}

static json_t *labels_json(const struct strv *labels)
{
	json_t *object = json_object();

	for (size_t i = 0; i < labels->n; i++) {
		size_t key = strcspn(labels->v[i], "=");
		char *name = strndup(labels->v[i], key);

		/* refuses a key that is not UTF-8, which no tool could name anyway */
		if (name)
			json_object_set_new(object, name,
				output_string(labels->v[i] + key + (labels->v[i][key] == '=')));
		free(name);
	}
	return object;
}

static json_t *container_json(const struct container_info *info, int64_t now)
{
	bool exited = info->state == CONTAINER_EXITED;
	json_t *o = json_object();
	char status[80];

	ps_status(info, now, status);
	json_object_set_new(o, "ID", output_string(info->id));
	json_object_set_new(o, "Names", output_string(info->config.name));
	json_object_set_new(o, "Machine", output_string(info->config.machine));
	json_object_set_new(o, "Image", output_string(info->config.image));
	json_object_set_new(o, "ImageID", output_string(info->image_id));
	json_object_set_new(o, "Command", output_string(info->command));
	json_object_set_new(o, "State", output_string(container_state_text(info->state)));
	json_object_set_new(o, "Status", output_string(status));
	json_object_set_new(o, "ExitCode",
		exited && info->exit_code >= 0 ? json_integer(info->exit_code) : json_null());
	json_object_set_new(o, "OOMKilled", json_boolean(info->oom_killed));
	json_object_set_new(o, "Pid", json_integer(info->pid));
	json_object_set_new(o, "CreatedAt", output_time(info->created));
	json_object_set_new(o, "StartedAt", output_time(info->started));
	json_object_set_new(o, "FinishedAt", output_time(info->finished));
	json_object_set_new(o, "Hostname", output_string(info->config.hostname));
	json_object_set_new(o, "Network", output_string(info->config.network));
	json_object_set_new(o, "Address", output_string(container_info_address(info)));
	json_object_set_new(o, "Labels", labels_json(&info->config.labels));
	return o;
}

static void print_json(const struct container_list *list)
{
	auto_json *array = json_array();
	int64_t now = time_now();

	for (size_t i = 0; i < list->n; i++)
		json_array_append_new(array, container_json(&list->v[i], now));
	output_json(array);
}

static int ps_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	const struct ps_options *o = opt;
	auto_container_list list = { 0 };
	struct engine *engine;
	int r;

	if (o->json && o->quiet)
		return cli_usage(e, "options '--json' and '--quiet' exclude each other");
	r = cli_engine(c, &engine, e);
	if (r < 0 || (r = engine_list(engine, o->all, &list, e)) < 0)
		return r;
	if (o->json) {
		print_json(&list);
	} else if (o->quiet) {
		for (size_t i = 0; i < list.n; i++)
			printf("%.12s\n", list.v[i].id);
	} else {
		print_table(&list);
	}
	return 0;
}

static const struct verb_example examples[] = {
	{ "redock ps -a", "all containers, machines among them, newest first" },
	{ "redock ps --json | jq -r '.[].Names'", "the names of those that run" },
	{ NULL },
};

const struct verb verb_ps = {
	.name = "ps",
	.group = GROUP_WATCHING,
	.operands = "",
	.summary = "List containers",
	.description =
		"Those that run, newest first; a machine is shown by its own name. STATUS tells "
		"since when it runs, or the exit code ('unknown' when nobody was there to see "
		"it).\n"
		"\n"
		"The objects of --json have the keys ID, Names, Machine (or null), Image, ImageID, "
		"Command, State, Status, ExitCode (or null), OOMKilled, Pid (0 unless it runs), "
		"CreatedAt, StartedAt, FinishedAt (RFC 3339 or null), Hostname, Network, Address "
		"and Labels.",
	.options = options,
	.examples = examples,
	.options_size = sizeof(struct ps_options),
	.max_operands = 0,
	.run = ps_run,
};
