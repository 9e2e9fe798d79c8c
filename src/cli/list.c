#include "base/str.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/output.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/verbs.h"
#include "machine/machine.h"

struct list_options {
	bool json;
};

static const struct verb_option options[] = {
	{ OPTION_FLAG, 0, "json", NULL, "print an array of objects",
		offsetof(struct list_options, json) },
	{ 0 },
};

static void print_table(const struct machine_list *list)
{
	static const char *const header[] = { "NAME", "STATE", "SINCE", "ADDRESS", "SSH", "IMAGE",
		NULL };
	auto_table table = { 0 };
	int64_t now = time_now();

	table_init(&table, header);
	for (size_t i = 0; i < list->n; i++) {
		const struct machine_info *m = &list->v[i];
		bool starting = m->state == CONTAINER_RUNNING && !m->ready;
		char since[48];

		text_ago(m->since, now, since);
		table_cell(&table, m->name);
		table_cell(&table, starting ? "starting" : container_state_text(m->state));
		table_cell(&table, since);
		table_cell(&table, m->address && *m->address ? m->address : "-");
		table_cell(&table, m->alias);
		table_cell(&table, m->image);
	}
	table_print(&table, stdout);
}

static void print_json(const struct machine_list *list)
{
	auto_json *array = json_array();

	for (size_t i = 0; i < list->n; i++) {
		const struct machine_info *m = &list->v[i];
		json_t *o = json_object();

		json_object_set_new(o, "Name", output_string(m->name));
		json_object_set_new(o, "State", output_string(container_state_text(m->state)));
		json_object_set_new(o, "Ready", json_boolean(m->ready));
		json_object_set_new(o, "Since", output_time(m->since));
		json_object_set_new(o, "Address", output_string(m->address ? m->address : ""));
		json_object_set_new(o, "Alias", output_string(m->alias));
		json_object_set_new(o, "Image", output_string(m->image));
		json_array_append_new(array, o);
	}
	output_json(array);
}

static int list_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	const struct list_options *o = opt;
	auto_machine_list list = { 0 };
	struct engine *engine;
	int r = cli_engine(c, &engine, e);

	if (r < 0 || (r = machine_list(engine, &list, e)) < 0)
		return r;
	if (o->json)
		print_json(&list);
	else if (list.n)
		print_table(&list);
	else
		cli_note(c, "no machines yet; make one: redock start demo");
	return 0;
}

static const struct verb_example examples[] = {
	{ "redock list", "all machines, running or stopped" },
	{ "redock list --json | jq -r '.[].Alias'", "their SSH aliases" },
	{ NULL },
};

const struct verb verb_list = {
	.name = "list",
	.group = GROUP_MACHINES,
	.operands = "",
	.summary = "List machines: state, address, SSH alias, image",
	.description =
		"STATE is created, starting (the SSH server does not answer yet), running, paused "
		"or exited; SINCE is when it was started or ended. Without machines nothing is "
		"printed on standard output.\n"
		"\n"
		"The objects of --json have the keys Name, State, Ready, Since (RFC 3339 or null), "
		"Address, Alias and Image.",
	.options = options,
	.examples = examples,
	.options_size = sizeof(struct list_options),
	.max_operands = 0,
	.run = list_run,
};
