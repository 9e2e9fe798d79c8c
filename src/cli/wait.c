#include "cli/cli.h"
#include "cli/resolve.h"
#include "cli/verbs.h"

#include <errno.h>

static int wait_one(struct cli *c, struct engine *engine, void *opt, const char *operand,
	const struct container_info *info, struct err *e)
{
	int r = engine_wait(engine, info->id, WAIT_EXIT, -1, e);

	if (r < 0)
		return err_wrap(e, "cannot wait for '%s'", operand);
	printf("%d\n", r);
	fflush(stdout); /* the next one may take its time */
	return 0;
}

static int wait_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	return resolve_for_each(c, "wait", wait_one, opt, operands, n_operands, e);
}

static const struct verb_example examples[] = {
	{ "redock wait job", "until 'job' has ended; prints its exit status" },
	{ NULL },
};

const struct verb verb_wait = {
	.name = "wait",
	.group = GROUP_LIFE,
	.operands = "CONTAINER...",
	.summary = "Wait until containers have ended",
	.description =
		"Prints the exit status of each, one a line: that of its process, or 128 + n "
		"when signal n killed it. One that has ended already is no error.",
	.examples = examples,
	.min_operands = 1,
	.max_operands = OPERANDS_ANY,
	.run = wait_run,
};
