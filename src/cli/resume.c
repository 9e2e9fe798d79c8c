#include "cli/cli.h"
#include "cli/verbs.h"

static int resume_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	struct engine *engine;
	int r = cli_engine(c, &engine, e);

	return r < 0 ? r : engine_resume(engine, e);
}

static const struct verb_example examples[] = {
	{ "redock resume", "after a boot: start what its restart policy wants running" },
	{ NULL },
};

const struct verb verb_resume = {
	.name = "resume",
	.group = GROUP_SYSTEM,
	.operands = "",
	.summary = "Start what should run again after a boot",
	.description =
		"Containers and machines with the restart policy always, and those with "
		"unless-stopped that nobody had stopped. The systemd unit redock-resume.service "
		"calls it.",
	.examples = examples,
	.max_operands = 0,
	.run = resume_run,
};
