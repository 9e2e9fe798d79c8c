#include "cli/attach.h"
#include "cli/cli.h"
#include "cli/resolve.h"
#include "cli/verbs.h"

#include <errno.h>
#include <unistd.h>

struct attach_verb_options {
	struct detach keys;
	bool no_stdin, no_signals;
};

#define TARGET(member) offsetof(struct attach_verb_options, member)
static const struct verb_option options[] = {
	{ OPTION_VALUE, 0, "detach-keys", "KEYS", "keys that leave it [ctrl-p,ctrl-q]",
		TARGET(keys), detach_parse },
	{ OPTION_FLAG, 0, "no-stdin", NULL, "do not pass standard input on", TARGET(no_stdin) },
	{ OPTION_OFF, 0, "sig-proxy", NULL, "=false: signals end redock, not the container",
		TARGET(no_signals) },
	{ 0 },
};

static int attach_verb_run(
	struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	const struct attach_verb_options *o = opt;
	auto_container_info info = { 0 };
	struct session *session = NULL;
	struct engine *engine;
	int signals, r = cli_engine(c, &engine, e);

	if (r < 0 || (r = resolve_container(engine, "attach", operands[0], &info, e)) < 0)
		return r;
	if (info.state == CONTAINER_PAUSED) {
		err_set(e, EBUSY, "container '%s' is paused", operands[0]);
		return err_hint(e, "redock unpause %s", operands[0]);
	}
	if (info.state != CONTAINER_RUNNING) {
		err_set(e, ESRCH, "container '%s' does not run", operands[0]);
		return err_hint(e, "redock start -a %s", operands[0]);
	}
	struct attach attach = {
		.cli = c,
		.engine = engine,
		.id = info.id,
		.name = operands[0],
		.stdin_open = info.config.stdin_open && !o->no_stdin,
		.tty = info.config.tty,
		.no_signals = o->no_signals,
		.guest = true,
		.detach = o->keys,
	};
	if (attach.tty && attach.stdin_open && !isatty(0)) {
		err_set(e, ENOTTY, "the container has a terminal, but standard input is none");
		return err_hint(e, "redock attach --no-stdin %s", operands[0]);
	}
	signals = attach_signals(e);
	if (signals < 0)
		return signals;
	r = engine_attach(engine, info.id,
		&(struct attach_options){ .stdin_open = attach.stdin_open }, &session, e);
	if (r >= 0)
		r = attach_run(&attach, session, signals, e);
	attach_signals_end(&signals);
	return r;
}

static const struct verb_example examples[] = {
	{ "redock attach web", "see what it prints from now on; ctrl-p ctrl-q leaves it" },
	{ NULL },
};

const struct verb verb_attach = {
	.name = "attach",
	.group = GROUP_INSIDE,
	.operands = "CONTAINER",
	.summary = "Take over the terminal or pipes of a container",
	.description =
		"Passes its output on from now on, and your input to it if it was made with -i. "
		"Signals go to it too; with a terminal they are keys like any other, and ctrl-p "
		"ctrl-q leaves the container running. Ends with the container's exit status.",
	.options = options,
	.examples = examples,
	.options_size = sizeof(struct attach_verb_options),
	.min_operands = 1,
	.max_operands = 1,
	.session = verb_session_always,
	.run = attach_verb_run,
};
