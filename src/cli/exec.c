#include "base/mem.h"
#include "base/str.h"
#include "cli/attach.h"
#include "cli/cli.h"
#include "cli/create_options.h"
#include "cli/resolve.h"
#include "cli/terminal.h"
#include "cli/values.h"
#include "cli/verbs.h"

#include <errno.h>
#include <string.h>

struct exec_options {
	struct exec_config config;
	struct strv env, env_files;
	struct detach keys;
};

#define TARGET(member) offsetof(struct exec_options, member)
static const struct verb_option options[] = {
	{ OPTION_FLAG, 'd', "detach", NULL, "do not wait for it", TARGET(config.detach) },
	{ OPTION_FLAG, 'i', "interactive", NULL, "pass standard input on",
		TARGET(config.stdin_open) },
	{ OPTION_FLAG, 't', "tty", NULL, "give it a terminal", TARGET(config.tty) },
	{ OPTION_LIST, 'e', "env", "KEY[=VALUE]", "set KEY, or take your own value of it",
		TARGET(env), value_env },
	{ OPTION_LIST, 0, "env-file", "FILE", "the same from the lines of FILE",
		TARGET(env_files) },
	{ OPTION_OWNED, 'w', "workdir", "DIR", "begin in DIR [the container's]",
		TARGET(config.workdir), value_absolute_path },
	{ OPTION_OWNED, 'u', "user", "USER[:GROUP]", "names or numbers [the container's]",
		TARGET(config.user), value_line },
	{ OPTION_FLAG, 0, "privileged", NULL, "with all capabilities", TARGET(config.privileged) },
	{ OPTION_VALUE, 0, "detach-keys", "KEYS", "keys that leave it [ctrl-p,ctrl-q]",
		TARGET(keys), detach_parse },
	{ 0 },
};

static void exec_release(void *opt)
{
	exec_config_release(&((struct exec_options *)opt)->config);
}

static int attached(struct cli *c, struct engine *engine, const struct exec_options *o,
	const char *id, const char *operand, int *ret_exec_status, struct err *e)
{
	struct session *session = NULL;
	struct attach attach = {
		.cli = c,
		.engine = engine,
		.id = id,
		.name = operand,
		.stdin_open = o->config.stdin_open,
		.tty = o->config.tty,
		.no_signals = true, /* they would hit the container's own process */
		.guest = true,
		.detach = o->keys,
	};
	int signals = attach_signals(e), r;

	if (signals < 0)
		return signals;
	r = engine_exec(engine, id, &o->config, &session, ret_exec_status, e);
	if (r >= 0) {
		*ret_exec_status = 0;
		r = attach_run(&attach, session, signals, e);
	}
	attach_signals_end(&signals);
	return r;
}

/* Its monitor says whether it runs, so that the usual case is one look at a link. */
static int find(
	struct engine *engine, const char *operand, char ret_id[ENGINE_ID_SIZE], struct err *e)
{
	auto_container_info info = { 0 };
	struct err ignored;
	int r;

	if (engine_find(engine, operand, ret_id, &ignored) >= 0)
		return 0;
	r = resolve_container(engine, "exec", operand, &info, e);
	if (r >= 0)
		memcpy(ret_id, info.id, ENGINE_ID_SIZE);
	return r;
}

static int exec_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	struct exec_options *o = opt;
	char id[ENGINE_ID_SIZE];
	unsigned rows = 0, columns = 0;
	int exec_status = STATUS_SESSION, r;
	struct engine *engine;

	if (o->config.stdin_open && o->config.tty && !o->config.detach && !isatty(0)) {
		cli_usage(e, "the input device is not a TTY");
		err_hint(e, "leave out -t when standard input is a pipe or a file");
		return CLI_USAGE;
	}
	r = create_options_env(&o->env_files, &o->env, &o->config.env, e);
	if (r < 0 || (r = cli_engine(c, &engine, e)) < 0 ||
		(r = find(engine, operands[0], id, e)) < 0)
		return r;
	strv_extend(&o->config.args, operands + 1);
	if (o->config.tty && !terminal_size(1, &rows, &columns))
		terminal_size(0, &rows, &columns);
	o->config.console_rows = rows;
	o->config.console_columns = columns;
	if (o->config.detach)
		r = engine_exec(engine, id, &o->config, NULL, &exec_status, e);
	else
		r = attached(c, engine, o, id, operands[0], &exec_status, e);
	if (r >= 0 || (exec_status != 126 && exec_status != 127))
		return r;
	if (exec_status == 127 && *operands[1] == '-')
		err_hint(e, "options go before CONTAINER");
	cli_complain(e);
	return exec_status;
}

static const struct verb_example examples[] = {
	{ "redock exec -it web sh", "a shell in the running container 'web'" },
	{ "redock exec -u 0 -w /etc web cat passwd", "as root, in another directory" },
	{ "redock exec -i db psql <dump.sql", "as part of a pipeline" },
	{ NULL },
};

const struct verb verb_exec = {
	.name = "exec",
	.group = GROUP_INSIDE,
	.operands = "CONTAINER COMMAND [ARGUMENT]...",
	.summary = "Run a command in a running container",
	.description =
		"Options stand before CONTAINER; what follows belongs to COMMAND.\n"
		"\n"
		"Ends with the command's exit status; 125 when redock itself failed, 126 when the "
		"command cannot be executed, 127 when there is no such command, 128 + n when "
		"signal n killed it.\n"
		"\n"
		"--privileged leaves the container's seccomp filter and no-new-privileges as they "
		"are.",
	.options = options,
	.examples = examples,
	.options_size = sizeof(struct exec_options),
	.min_operands = 2,
	.max_operands = OPERANDS_ANY,
	.stop_at_operand = true,
	.session = verb_session_always,
	.release = exec_release,
	.run = exec_run,
};
