#include "cli/cli.h"
#include "cli/remove.h"
#include "cli/resolve.h"
#include "cli/suggest.h"
#include "cli/verbs.h"

#include <errno.h>

struct rm_options {
	bool force, volumes;
};

static const struct verb_option options[] = {
	{ OPTION_FLAG, 'f', "force", NULL, "kill it first if it runs; none is fine",
		offsetof(struct rm_options, force) },
	{ OPTION_FLAG, 'v', "volumes", NULL, "its anonymous volumes too",
		offsetof(struct rm_options, volumes) },
	{ 0 },
};

static int rm_one(
	struct cli *c, struct engine *engine, void *opt, const char *operand, struct err *e)
{
	const struct rm_options *o = opt;
	auto_resolved found = { 0 };
	struct err ignored;
	int r = resolve(engine, operand, &found, e);

	if (r < 0) {
		/* damaged by a crash, say; still it must be possible to get rid of it */
		if (!o->force || engine_remove(engine, operand,
					 &(struct remove_options){ .force = true }, &ignored) < 0)
			return r;
		printf("%s\n", operand);
		return 0;
	}
	if (found.as == NAMED_NOTHING) {
		if (!o->force)
			return suggest_container(engine, "redock rm", operand, e);
		cli_note(c, "no container '%s': nothing to do", operand);
		return 0;
	}
	if (found.as == NAMED_MACHINE)
		return remove_machine(c, engine, &found.machine, e);
	if (found.info.config.machine) {
		/* by id or container name: still the whole machine, with its SSH access, must go */
		bool runs = found.info.state == CONTAINER_RUNNING ||
			    found.info.state == CONTAINER_PAUSED;
		if (runs && !o->force) {
			err_set(e, EBUSY, "machine '%s' runs", found.info.config.machine);
			return err_hint(e, "redock kill %s", found.info.config.machine);
		}
		if (machine_name_parse(found.info.config.machine, &found.machine, e) < 0)
			return -e->code;
		return remove_machine(c, engine, &found.machine, e);
	}
	struct remove_options how = { .force = o->force, .volumes = o->volumes };
	r = engine_remove(engine, found.info.id, &how, e);
	if (r == -ENOENT && o->force) { /* another command was faster */
		cli_note(c, "no container '%s': nothing to do", operand);
		return 0;
	}
	if (r < 0) {
		err_wrap(e, "cannot remove '%s'", operand);
		if (r == -EBUSY && !e->hint[0])
			err_hint(e, "redock rm -f %s", operand);
		return r;
	}
	printf("%s\n", operand);
	return 0;
}

static int rm_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	return cli_for_each(c, rm_one, opt, operands, n_operands, e);
}

static const struct verb_example examples[] = {
	{ "redock rm web", "remove the container 'web', which has ended" },
	{ "redock rm -f 3f2a9c", "the same, even if it runs" },
	{ NULL },
};

const struct verb verb_rm = {
	.name = "rm",
	.group = GROUP_LIFE,
	.operands = "CONTAINER...",
	.summary = "Remove containers",
	.description = "CONTAINER is a name or the beginning of an id, at least four digits. A "
		       "running one is refused without --force. For the name of a machine this is "
		       "the same as kill.",
	.options = options,
	.examples = examples,
	.options_size = sizeof(struct rm_options),
	.min_operands = 1,
	.max_operands = OPERANDS_ANY,
	.run = rm_run,
};
