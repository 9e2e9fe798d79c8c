#include "base/mem.h"
#include "cli/attach.h"
#include "cli/cli.h"
#include "cli/create_options.h"
#include "cli/ports.h"
#include "cli/verbs.h"

#include <errno.h>
#include <unistd.h>

struct run_options {
	struct create_options create; /* first: its table follows ours */
	struct detach keys;
	bool detach, no_signals;
};

#define TARGET(member) offsetof(struct run_options, member)
static const struct verb_option options[] = {
	{ OPTION_FLAG, 'd', "detach", NULL, "print the id and leave it running", TARGET(detach) },
	{ OPTION_VALUE, 0, "detach-keys", "KEYS", "keys that leave it [ctrl-p,ctrl-q]",
		TARGET(keys), detach_parse },
	{ OPTION_OFF, 0, "sig-proxy", NULL, "=false: signals end redock, not the command",
		TARGET(no_signals) },
	{ OPTION_MORE, .more = create_options },
};

/* A container that could not be started: its program's fault has Docker's own exit codes. */
static int start_failed(struct engine *engine, const struct run_options *o, const char *id,
	int exec_status, struct err *e)
{
	struct err ignored = { 0 };

	if (o->create.config.auto_remove)
		engine_remove(engine, id, &(struct remove_options){ .force = true }, &ignored);
	if (exec_status == 127 && o->create.config.cmd.n && *o->create.config.cmd.v[0] == '-')
		err_hint(e, "options go before IMAGE");
	cli_complain(e);
	return exec_status == 126 || exec_status == 127 ? exec_status : STATUS_SESSION;
}

static void announce(
	struct cli *c, struct engine *engine, const struct run_options *o, const char *id)
{
	if (o->create.config.n_ports || o->create.config.publish_all)
		ports_announce_started(c, engine, id);
}

static int run_attached(struct cli *c, struct engine *engine, const struct run_options *o,
	const char *id, struct err *e)
{
	struct session *session = NULL;
	const struct container_config *config = &o->create.config;
	int streams = o->create.attach;
	auto_free char *name = config->name ? xstrdup(config->name) : xasprintf("%.12s", id);
	struct attach attach = {
		.cli = c,
		.engine = engine,
		.id = id,
		.name = name,
		.stdin_open = config->stdin_open && (!streams || streams & ATTACH_STDIN),
		.tty = config->tty,
		.streams = streams ? streams >> 1 | ATTACH_STDERR : 0, /* never 0: that is all */
		.no_signals = o->no_signals,
		.detach = o->keys,
	};
	int exec_status = STATUS_SESSION, signals = attach_signals(e), r;

	if (signals < 0)
		return signals;
	r = engine_start(engine, id, &session, &exec_status, e);
	if (r < 0)
		r = start_failed(engine, o, id, exec_status, e);
	else {
		announce(c, engine, o, id);
		r = attach_run(&attach, session, signals, e);
	}
	attach_signals_end(&signals);
	return r;
}

static int run_detached(struct cli *c, struct engine *engine, const struct run_options *o,
	const char *id, struct err *e)
{
	int exec_status = STATUS_SESSION;

	if (engine_start(engine, id, NULL, &exec_status, e) < 0)
		return start_failed(engine, o, id, exec_status, e);
	printf("%s\n", id);
	fflush(stdout);
	announce(c, engine, o, id);
	return 0;
}

static int run_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	struct run_options *o = opt;
	struct engine *engine;
	char id[ENGINE_ID_SIZE];
	int r;

	if (o->create.config.stdin_open && o->create.config.tty && !o->detach && !isatty(0)) {
		cli_usage(e, "the input device is not a TTY");
		err_hint(e, "leave out -t when standard input is a pipe or a file");
		return CLI_USAGE;
	}
	if (o->detach && o->create.attach)
		return cli_usage(e, "options '--attach' and '--detach' exclude each other");
	r = create_options_finish(&o->create, operands, n_operands, e);
	if (r < 0 || (r = cli_engine(c, &engine, e)) < 0 ||
		(r = engine_check_ports(engine, &o->create.config, e)) < 0 ||
		(r = create_container(c, engine, "redock run", &o->create, id, e)) < 0)
		return r;
	return o->detach ? run_detached(c, engine, o, id, e) : run_attached(c, engine, o, id, e);
}

static const struct verb_example examples[] = {
	{ "redock run --rm -it redock:base bash",
		"a shell in a container that is gone afterwards" },
	{ "redock run -d --name web -m 256m mine:v1", "in the background, with a limit of memory" },
	{ "tar -c . | redock run --rm -i redock:base tar -t", "a container as part of a pipeline" },
	{ NULL },
};

const struct verb verb_run = {
	.name = "run",
	.group = GROUP_LIFE,
	.operands = "IMAGE [COMMAND [ARGUMENT]...]",
	.summary = "Run a command in a new container",
	.description =
		"Makes a container from IMAGE, runs COMMAND (or the image's own) in it and passes "
		"its output on. Options stand before IMAGE; what follows belongs to COMMAND.\n"
		"\n"
		"Signals that reach redock (INT, TERM, HUP, QUIT) go to the command. With -it they "
		"are keys like any other, and ctrl-p ctrl-q leaves the container running. When "
		"nobody reads the output any more, the command gets SIGPIPE, as in a pipeline.\n"
		"\n"
		"Ends with the command's exit status; 125 when redock itself failed, 126 when the "
		"command cannot be executed, 127 when there is no such command, 128 + n when "
		"signal n killed it.",
	.options = options,
	.examples = examples,
	.options_size = sizeof(struct run_options),
	.min_operands = 1,
	.max_operands = OPERANDS_ANY,
	.stop_at_operand = true,
	.session = verb_session_always,
	.release = create_options_release,
	.run = run_run,
};
