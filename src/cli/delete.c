#include "cli/cli.h"
#include "cli/verbs.h"
#include "machine/machine.h"

struct delete_options {
	bool force;
};

static const struct verb_option options[] = {
	{ OPTION_FLAG, 'f', "force", NULL, "even if a machine was made from it",
		offsetof(struct delete_options, force) },
	{ 0 },
};

static int delete_one(
	struct cli *c, struct engine *engine, void *opt, const char *operand, struct err *e)
{
	const struct delete_options *o = opt;
	struct machine_name name;
	int r = machine_name_parse(operand, &name, e);

	if (r < 0 || (r = machine_delete(engine, &name, o->force, e)) < 0)
		return r;
	cli_note(c, "deleted the image %s", name.text);
	return 0;
}

static int delete_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	return cli_for_each(c, delete_one, opt, operands, n_operands, e);
}

static const struct verb_example examples[] = {
	{ "redock delete demo", "forget what was committed as USER:demo" },
	{ "redock delete -f redock:base", "let the next start make the base system anew" },
	{ NULL },
};

const struct verb verb_delete = {
	.name = "delete",
	.group = GROUP_MACHINES,
	.operands = "NAME...",
	.summary = "Delete the image that commit made of a machine",
	.description =
		"Refused while a machine, running or stopped, was made from the image; --force "
		"takes the name away all the same, and what the machine uses stays until it is "
		"gone. The machine itself is thrown away by kill. For other images there is rmi.",
	.options = options,
	.examples = examples,
	.options_size = sizeof(struct delete_options),
	.min_operands = 1,
	.max_operands = OPERANDS_ANY,
	.run = delete_run,
};
