#include "base/str.h"
#include "cli/cli.h"
#include "cli/remove.h"
#include "cli/resolve.h"
#include "cli/values.h"
#include "cli/verbs.h"

#include <errno.h>
#include <signal.h>

#define KILL_TIMEOUT_MS 10000

struct kill_options {
	int signal; /* 0: none was asked for */
};

static const struct verb_option options[] = {
	{ OPTION_VALUE, 's', "signal", "SIGNAL", "send SIGNAL; a machine is not removed then",
		offsetof(struct kill_options, signal), value_signal },
	{ 0 },
};

/* As with Docker, whoever sent KILL may rely on it: `kill X && rm X` works. */
static int kill_container(
	struct engine *engine, const struct container_info *info, int signal_number, struct err *e)
{
	struct err ignored = { 0 };
	int r = engine_kill(engine, info->id, signal_number, e);

	if (r < 0 || signal_number != SIGKILL)
		return r;
	if (engine_wait(engine, info->id, WAIT_EXIT, KILL_TIMEOUT_MS, &ignored) == -ETIMEDOUT)
		return err_set(
			e, ETIMEDOUT, "it still runs after %d seconds", KILL_TIMEOUT_MS / 1000);
	return 0; /* ended; another error means that it was removed at once (--rm) */
}

static int kill_one(
	struct cli *c, struct engine *engine, void *opt, const char *operand, struct err *e)
{
	const struct kill_options *o = opt;
	auto_resolved found = { 0 };
	int r = resolve(engine, operand, &found, e);

	if (r < 0)
		return r;
	if (found.as == NAMED_MACHINE && !o->signal)
		return remove_machine(c, engine, &found.machine, e);
	if (found.as == NAMED_NOTHING) {
		if (o->signal)
			return -e->code;
		if (!found.machine.text[0])
			return machine_name_parse(operand, &found.machine, e);
		err_clear(e);
		return remove_machine(c, engine, &found.machine, e);
	}
	r = kill_container(engine, &found.info, o->signal ? o->signal : SIGKILL, e);
	if (r < 0)
		return err_wrap(e, "cannot kill '%s'", operand);
	printf("%s\n", operand);
	return 0;
}

static int kill_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	return cli_for_each(c, kill_one, opt, operands, n_operands, e);
}

static const struct verb_example examples[] = {
	{ "redock kill demo", "throw the machine USER:demo away; its image stays" },
	{ "redock kill -s HUP web", "send SIGHUP to the container or machine 'web'" },
	{ NULL },
};

const struct verb verb_kill = {
	.name = "kill",
	.group = GROUP_MACHINES,
	.operands = "NAME...",
	.summary = "Throw a machine away, and what was not committed",
	.description =
		"The machine is killed and removed, and so is its SSH access. Changes since the "
		"last commit are gone; it says how many files that were. A machine that does not "
		"exist is no error.\n"
		"\n"
		"A container that is not a machine, or a machine that is named by the id of its "
		"container, only gets the signal KILL, as in Docker; with --signal so does every "
		"machine, with that signal.",
	.options = options,
	.examples = examples,
	.options_size = sizeof(struct kill_options),
	.min_operands = 1,
	.max_operands = OPERANDS_ANY,
	.run = kill_run,
};
