#include "base/str.h"
#include "cli/cli.h"
#include "cli/output.h"
#include "cli/text.h"
#include "cli/verbs.h"

struct doctor_options {
	bool json, quiet;
};

static const struct verb_option options[] = {
	{ OPTION_FLAG, 0, "json", NULL, "print an array of objects",
		offsetof(struct doctor_options, json) },
	{ OPTION_FLAG, 'q', "quiet", NULL, "print only what is wrong",
		offsetof(struct doctor_options, quiet) },
	{ 0 },
};

static const char *const results[] = {
	[CHECK_GOOD] = "good",
	[CHECK_NOTE] = "note",
	[CHECK_BAD] = "bad",
};

static void print_json(const struct check_list *list)
{
	auto_json *array = json_array();

	for (size_t i = 0; i < list->n; i++) {
		const struct check *c = &list->v[i];
		json_t *o = json_object();
		json_object_set_new(o, "Result", output_string(results[c->result]));
		json_object_set_new(o, "Group", output_string(c->group));
		json_object_set_new(o, "Name", output_string(c->name));
		json_object_set_new(o, "Found", output_string(c->found));
		json_object_set_new(o, "Means", output_string(c->means));
		json_object_set_new(o, "Try", output_string(c->mend));
		json_array_append_new(array, o);
	}
	output_json(array);
}

static void print_check(const struct check *c)
{
	static const char *const signs[] = {
		[CHECK_GOOD] = "  ",
		[CHECK_NOTE] = "! ",
		[CHECK_BAD] = "X ",
	};

	printf("%s%s: %s\n", signs[c->result], c->name, c->found);
	if (c->means)
		printf("      %s\n", c->means);
	if (c->mend)
		printf("      try: %s\n", c->mend);
}

/* `works`: the engine could be opened, so that there is a verdict. */
static void print_text(const struct check_list *list, bool quiet, bool works)
{
	const char *group = "";
	size_t notes = 0, bad = 0;

	for (size_t i = 0; i < list->n; i++) {
		const struct check *c = &list->v[i];
		notes += c->result == CHECK_NOTE;
		bad += c->result == CHECK_BAD;
		if (quiet && c->result == CHECK_GOOD)
			continue;
		if (!str_eq(group, c->group))
			printf("%s\n", c->group);
		group = c->group;
		print_check(c);
	}
	if (!works)
		return;
	if (bad)
		printf("%zu of %zu things keep redock from working\n", bad, list->n);
	else if (notes)
		printf("redock works here; %zu of %zu things could be better\n", notes, list->n);
	else
		printf("all is well\n");
}

static int doctor_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	const struct doctor_options *o = opt;
	struct engine *engine = NULL;
	struct check_list list;
	struct err why = { 0 };
	int r, status = 0;

	/* an engine that cannot be opened is what a doctor is called for */
	if (cli_engine(c, &engine, &why) < 0)
		engine = NULL;
	r = engine_doctor(engine, &list, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < list.n; i++)
		if (list.v[i].result == CHECK_BAD)
			status = STATUS_FAILED;
	if (o->json)
		print_json(&list);
	else
		print_text(&list, o->quiet, engine != NULL);
	check_list_release(&list);
	if (!engine) {
		cli_complain(&why);
		return STATUS_FAILED;
	}
	return status;
}

static const struct verb_example examples[] = {
	{ "redock doctor", "what is here, what is not, and what that means" },
	{ "redock doctor --json | jq '.[] | select(.Result != \"good\")'",
		"what is wrong, as data" },
	{ NULL },
};

const struct verb verb_doctor = {
	.name = "doctor",
	.group = GROUP_SYSTEM,
	.operands = "",
	.summary = "Look for what redock needs of this host",
	.description =
		"Goes through the kernel's features, the permissions, the programs and the disk "
		"that redock uses, and says of each whether it is here. What is marked with '!' "
		"makes something work less well; with 'X', something cannot work. Below stand what "
		"it means and the one command that mends it. Ports that every host can reach are "
		"listed, too. Nothing is changed.\n"
		"\n"
		"Ends with 1 when something cannot work. The objects of --json have the keys "
		"Result ('good', 'note' or 'bad'), Group, Name, Found, Means and Try (or null).",
	.options = options,
	.examples = examples,
	.options_size = sizeof(struct doctor_options),
	.max_operands = 0,
	.run = doctor_run,
};
