#include "base/mem.h"
#include "base/str.h"
#include "cli/attach.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/terminal.h"
#include "cli/values.h"
#include "cli/verbs.h"

#include <errno.h>

struct run_options {
	struct strv env;
	const char *name, *hostname, *workdir, *user, *network;
	int64_t memory, nano_cpus, pids_limit;
	bool auto_remove, detach, interactive, tty;
};

#define TARGET(member) offsetof(struct run_options, member)
static const struct verb_option options[] = {
	{ OPTION_FLAG, 0, "rm", NULL, "remove the container when it ends", TARGET(auto_remove) },
	{ OPTION_FLAG, 'd', "detach", NULL, "print the id and leave it running", TARGET(detach) },
	{ OPTION_FLAG, 'i', "interactive", NULL, "pass standard input on", TARGET(interactive) },
	{ OPTION_FLAG, 't', "tty", NULL, "give it a terminal", TARGET(tty) },
	{ OPTION_TEXT, 0, "name", "NAME", "name of the container [made up]", TARGET(name),
		value_container_name },
	{ OPTION_TEXT, 'h', "hostname", "HOST", "host name inside [the id]", TARGET(hostname),
		value_hostname },
	{ OPTION_LIST, 'e', "env", "KEY[=VALUE]", "set KEY, or take your own value of it",
		TARGET(env), value_env },
	{ OPTION_TEXT, 'w', "workdir", "DIR", "begin in DIR [the image's]", TARGET(workdir),
		value_absolute_path },
	{ OPTION_TEXT, 'u', "user", "USER[:GROUP]", "names or numbers [the image's]", TARGET(user),
		value_line },
	{ OPTION_VALUE, 'm', "memory", "SIZE", "limit of memory: 512m, 1.5g", TARGET(memory),
		value_size },
	{ OPTION_VALUE, 0, "cpus", "NUMBER", "limit of CPU time: 0.5, 2", TARGET(nano_cpus),
		value_cpus },
	{ OPTION_VALUE, 0, "pids-limit", "NUMBER", "limit of processes, -1: none [2048]",
		TARGET(pids_limit), value_limit },
	{ OPTION_TEXT, 0, "network", "NETWORK", "bridge, none or host [bridge]", TARGET(network),
		value_network },
	{ 0 },
};

/* The likeliest reason for a missing image is a slip of the fingers. */
static void explain_missing_image(struct engine *engine, const char *image, struct err *e)
{
	auto_image_list list = { 0 };
	struct err ignored = { 0 };
	const char *best = NULL;
	unsigned least = UINT_MAX;

	if (engine_image_list(engine, &list, &ignored) < 0)
		return;
	for (size_t i = 0; i < list.n; i++) {
		const char *reference = list.v[i].reference;
		auto_free char *bare =
			str_ends(reference, ":latest")
				? xstrndup(reference, strlen(reference) - strlen(":latest"))
				: xstrdup(reference);
		unsigned far = suggestion_distance(image, bare);

		if (far < least) {
			least = far;
			best = reference;
		}
	}
	if (best)
		err_hint(e, "redock run %s", best);
	else
		err_hint(e, "redock images, or redock import FILE %s", image);
}

static char *copy(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

static int create(struct engine *engine, const struct run_options *o, char **operands,
	size_t n_operands, char ret_id[ENGINE_ID_SIZE], struct err *e)
{
	auto_container_config config = {
		.name = copy(o->name),
		.image = xstrdup(operands[0]),
		.hostname = copy(o->hostname),
		.workdir = copy(o->workdir),
		.user = copy(o->user),
		.network = copy(o->network),
		.tty = o->tty,
		.stdin_open = o->interactive,
		.auto_remove = o->auto_remove,
		.resources = { .memory = o->memory,
			.nano_cpus = o->nano_cpus,
			.pids_limit = o->pids_limit },
	};
	unsigned rows = 0, columns = 0;
	struct err ignored = { 0 };
	int r;

	strv_extend(&config.cmd, operands + 1);
	strv_extend(&config.env, o->env.v);

	/* from the first byte on: a resize that comes later would come too late for some */
	if (o->tty && !terminal_size(1, &rows, &columns))
		terminal_size(0, &rows, &columns);
	config.console_rows = rows;
	config.console_columns = columns;
	r = engine_create(engine, &config, ret_id, e);

	if (r == -ENOENT && !e->hint[0] &&
		engine_image_inspect(engine, operands[0], NULL, &ignored) == -ENOENT)
		explain_missing_image(engine, operands[0], e);
	return r;
}

/* A container that could not be started: its program's fault has Docker's own exit codes. */
static int start_failed(struct engine *engine, const struct run_options *o, const char *id,
	int exec_status, struct err *e)
{
	struct err ignored = { 0 };

	if (o->auto_remove)
		engine_remove(engine, id, &(struct remove_options){ .force = true }, &ignored);
	cli_complain(e);
	return exec_status == 126 || exec_status == 127 ? exec_status : STATUS_SESSION;
}

static int run_attached(struct cli *c, struct engine *engine, const struct run_options *o,
	const char *id, struct err *e)
{
	struct session *session = NULL;
	struct attach attach = {
		.cli = c,
		.engine = engine,
		.id = id,
		.name = o->name ? o->name : id,
		.stdin_open = o->interactive,
		.tty = o->tty,
	};
	int exec_status = STATUS_SESSION, signals = attach_signals(e), r;

	if (signals < 0)
		return signals;
	r = engine_start(engine, id, &session, &exec_status, e);
	if (r < 0)
		r = start_failed(engine, o, id, exec_status, e);
	else
		r = attach_run(&attach, session, signals, e);
	attach_signals_end(&signals);
	return r;
}

static int run_detached(
	struct engine *engine, const struct run_options *o, const char *id, struct err *e)
{
	int exec_status = STATUS_SESSION;

	if (engine_start(engine, id, NULL, &exec_status, e) < 0)
		return start_failed(engine, o, id, exec_status, e);
	printf("%s\n", id);
	return 0;
}

static int run_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	struct run_options *o = opt;
	struct engine *engine;
	char id[ENGINE_ID_SIZE];
	int r;

	if (o->interactive && o->tty && !o->detach && !isatty(0)) {
		cli_usage(e, "the input device is not a TTY");
		err_hint(e, "leave out -t when standard input is a pipe or a file");
		return CLI_USAGE;
	}
	r = cli_engine(c, &engine, e);
	if (r < 0 || (r = create(engine, o, operands, n_operands, id, e)) < 0)
		return r;
	return o->detach ? run_detached(engine, o, id, e) : run_attached(c, engine, o, id, e);
}

static const struct verb_example examples[] = {
	{ "redock run --rm -it alpine sh", "a shell in a container that is gone afterwards" },
	{ "redock run -d --name web -m 256m mine:v1", "in the background, with a limit of memory" },
	{ "tar -c . | redock run --rm -i alpine tar -t", "a container as part of a pipeline" },
	{ NULL },
};

const struct verb verb_run = {
	.name = "run",
	.group = GROUP_CONTAINERS,
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
	.run = run_run,
};
