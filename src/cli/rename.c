#include "cli/cli.h"
#include "cli/resolve.h"
#include "cli/values.h"
#include "cli/verbs.h"

#include <errno.h>

static int rename_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	auto_container_info info = { 0 };
	struct engine *engine;
	const char *name;
	int r = cli_engine(c, &engine, e);

	if (r < 0 || (r = resolve_container(engine, "rename", operands[0], &info, e)) < 0)
		return r;
	if (info.config.machine) {
		err_set(e, ENOTSUP,
			"'%s' is a machine, whose name is also its image's and its SSH "
			"alias",
			operands[0]);
		return err_hint(e, "redock commit %s; redock start NEW --from %s", operands[0],
			info.config.machine);
	}
	if (value_container_name(operands[1], &name, e) < 0)
		return -e->code;
	r = engine_rename(engine, info.id, name, e);
	return r < 0 ? err_wrap(e, "cannot rename '%s'", operands[0]) : 0;
}

static const struct verb_example examples[] = {
	{ "redock rename web old-web", "call it 'old-web' from now on" },
	{ NULL },
};

const struct verb verb_rename = {
	.name = "rename",
	.group = GROUP_LIFE,
	.operands = "CONTAINER NAME",
	.summary = "Give a container another name",
	.description = "It may run. The name must be free.",
	.examples = examples,
	.min_operands = 2,
	.max_operands = 2,
	.run = rename_run,
};
