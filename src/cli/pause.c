#include "cli/cli.h"
#include "cli/resolve.h"
#include "cli/verbs.h"

#include <errno.h>

static int pause_one(struct cli *c, struct engine *engine, void *opt, const char *operand,
	const struct container_info *info, struct err *e)
{
	int r = engine_pause(engine, info->id, e);

	if (r < 0) {
		if (r == -EALREADY)
			err_hint(e, "redock unpause %s", operand);
		return err_wrap(e, "cannot pause '%s'", operand);
	}
	printf("%s\n", operand);
	return 0;
}

static int unpause_one(struct cli *c, struct engine *engine, void *opt, const char *operand,
	const struct container_info *info, struct err *e)
{
	if (engine_unpause(engine, info->id, e) < 0)
		return err_wrap(e, "cannot unpause '%s'", operand);
	printf("%s\n", operand);
	return 0;
}

static int pause_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	return resolve_for_each(c, "pause", pause_one, opt, operands, n_operands, e);
}

static int unpause_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	return resolve_for_each(c, "unpause", unpause_one, opt, operands, n_operands, e);
}

static const struct verb_example pause_examples[] = {
	{ "redock pause web", "its processes stand still; unpause lets them go on" },
	{ NULL },
};

const struct verb verb_pause = {
	.name = "pause",
	.group = GROUP_LIFE,
	.operands = "CONTAINER...",
	.summary = "Freeze all processes of containers",
	.description = "They notice nothing of it but the time that has passed.",
	.examples = pause_examples,
	.min_operands = 1,
	.max_operands = OPERANDS_ANY,
	.run = pause_run,
};

static const struct verb_example unpause_examples[] = {
	{ "redock unpause web", "let 'web' go on" },
	{ NULL },
};

const struct verb verb_unpause = {
	.name = "unpause",
	.group = GROUP_LIFE,
	.operands = "CONTAINER...",
	.summary = "Let paused containers go on",
	.description = "The other way round of pause.",
	.examples = unpause_examples,
	.min_operands = 1,
	.max_operands = OPERANDS_ANY,
	.run = unpause_run,
};
