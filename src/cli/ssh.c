#include "cli/cli.h"
#include "cli/resolve.h"
#include "cli/session.h"
#include "cli/verbs.h"

static int ssh_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	struct engine *engine;
	struct machine_name name;
	int r = cli_engine(c, &engine, e);

	if (r < 0 || (r = resolve_machine(engine, "ssh", operands[0], &name, e)) < 0)
		return r;
	return session_ssh(engine, &name, n_operands > 1 ? operands + 1 : NULL, e);
}

static const struct verb_example examples[] = {
	{ "redock ssh demo", "a login shell in the machine USER:demo" },
	{ "redock ssh demo uptime -p", "one command, with its exit status" },
	{ NULL },
};

const struct verb verb_ssh = {
	.name = "ssh",
	.group = GROUP_MACHINES,
	.operands = "NAME [COMMAND [ARGUMENT]...]",
	.summary = "Open a session in a running machine, or run a command",
	.description = "The same session that start opens. With COMMAND, runs it in the machine "
		       "and ends with its exit status; 255 is ssh's own failure. As with ssh(1), "
		       "the words of COMMAND are joined by blanks and read by the shell inside.\n"
		       "\n"
		       "Plain ssh, scp, sftp, rsync and Ansible work as well, with the alias that "
		       "start and list show.",
	.examples = examples,
	.min_operands = 1,
	.max_operands = OPERANDS_ANY,
	.stop_at_operand = true,
	.session = verb_session_always,
	.run = ssh_run,
};
