#include "base/str.h"
#include "cli/attach.h"
#include "cli/cli.h"
#include "cli/ports.h"
#include "cli/resolve.h"
#include "cli/session.h"
#include "cli/values.h"
#include "cli/verbs.h"

#include <errno.h>
#include <string.h>

struct start_options {
	const char *hostname, *from, *mirror;
	struct detach keys;
	int timeout_ms;
	bool timeout_given, attach, interactive;
	bool several; /* names were given */
};

static int parse_timeout(const char *text, void *target, struct err *e)
{
	struct start_options *o = target;

	o->timeout_given = true;
	return value_seconds(text, &o->timeout_ms, e);
}

#define TARGET(member) offsetof(struct start_options, member)
static const struct verb_option options[] = {
	{ OPTION_TEXT, 'n', "hostname", "HOST", "host name of the machine [its tag]",
		TARGET(hostname), value_line },
	{ OPTION_TEXT, 0, "from", "IMAGE", "make a new machine from IMAGE [redock:base]",
		TARGET(from), value_line },
	{ OPTION_TEXT, 0, "mirror", "URL", "package source for the base image [the host's]",
		TARGET(mirror), value_line },
	{ OPTION_VALUE, 0, "timeout", "SECONDS", "wait so long for the SSH server [30]", 0,
		parse_timeout },
	{ OPTION_FLAG, 'a', "attach", NULL, "show the output of a container", TARGET(attach) },
	{ OPTION_FLAG, 'i', "interactive", NULL, "and pass standard input on",
		TARGET(interactive) },
	{ OPTION_VALUE, 0, "detach-keys", "KEYS", "keys that leave it [ctrl-p,ctrl-q]",
		TARGET(keys), detach_parse },
	{ 0 },
};

/* A container that is no machine, as `docker start` has it. */
static int start_container(struct cli *c, struct engine *engine, const char *operand,
	const struct container_info *info, struct err *e)
{
	int exec_status = 0;
	int r = engine_start(engine, info->id, NULL, &exec_status, e);

	if (r < 0 && r != -EALREADY) /* running is what was asked for */
		return err_wrap(e, "cannot start '%s'", operand);
	printf("%s\n", operand);
	if (info->config.n_ports || info->config.publish_all)
		ports_announce_started(c, engine, info->id);
	return 0;
}

/* As ids are printed, short or whole: nobody means a new machine of that name. */
static bool looks_like_id(const char *text)
{
	size_t n = strlen(text);

	return (n == 12 || n == 64) && !text[strspn(text, "0123456789abcdef")];
}

/* Which machine to start or create; -EEXIST when it is a container that is none. */
static int find_machine(struct engine *engine, const char *operand, struct resolved *found,
	struct machine_name *ret, struct err *e)
{
	int r = resolve(engine, operand, found, e);

	if (r < 0)
		return r;
	if (found->as == NAMED_CONTAINER && !found->info.config.machine)
		return -EEXIST;
	if (found->as == NAMED_CONTAINER)
		return machine_name_parse(found->info.config.machine, ret, e);
	if (found->as == NAMED_NOTHING && looks_like_id(operand)) {
		err_set(e, ENOENT, "no container has the id '%s'", operand);
		return err_hint(e, "redock ps -a");
	}
	return machine_name_parse(operand, ret, e);
}

/* What `operand` turned out to be, started. */
struct started {
	bool is_machine;
	struct machine_name name;
	char alias[sizeof((struct machine_started *)0)->alias];
};

static int start_named(struct cli *c, struct engine *engine, const struct start_options *o,
	const char *operand, struct started *ret, struct err *e)
{
	struct machine_start how = {
		.hostname = o->hostname,
		.from = o->from,
		.mirror = o->mirror,
		.timeout_ms = o->timeout_ms,
	};
	struct machine_started done = { 0 };
	auto_resolved found = { 0 };
	int r = find_machine(engine, operand, &found, &ret->name, e);

	ret->is_machine = r != -EEXIST;
	if (!ret->is_machine)
		return start_container(c, engine, operand, &found.info, e);
	if (r < 0 || (r = machine_start(engine, &ret->name, &how, &done, e)) < 0)
		return r;
	if (done.created && o->several) /* a slip in a list is easily missed */
		cli_note(c,
			"created %s, which was not there; if that was not meant: redock kill %s",
			ret->name.text, ret->name.text);
	else if (done.created || done.restarted)
		cli_note(c, "%s %s", done.created ? "created" : "started", ret->name.text);
	else
		cli_note(c, "%s is running", ret->name.text);
	memcpy(ret->alias, done.alias, sizeof ret->alias);
	return 0;
}

static int start_one(
	struct cli *c, struct engine *engine, void *opt, const char *operand, struct err *e)
{
	struct started started;
	int r = start_named(c, engine, opt, operand, &started, e);

	if (r < 0)
		return r;
	if (started.is_machine)
		printf("ssh %s\n", started.alias);
	fflush(stdout); /* the next one may take its time */
	return 0;
}

static bool opens_session(size_t n_operands)
{
	return n_operands <= 1 && session_has_terminal();
}

/* One machine and a terminal: whoever starts it wants to be in it. */
static int start_and_enter(
	struct cli *c, const struct start_options *o, const char *operand, struct err *e)
{
	struct started started;
	struct engine *engine;
	int r = cli_engine(c, &engine, e);

	if (r < 0 || (r = start_named(c, engine, o, operand, &started, e)) < 0)
		return r;
	return started.is_machine ? session_ssh(engine, &started.name, NULL, e) : 0;
}

/* docker start -a: the container's output here, its exit status ours. */
static int start_attached(
	struct cli *c, const struct start_options *o, const char *operand, struct err *e)
{
	auto_container_info info = { 0 };
	struct session *session = NULL;
	struct engine *engine;
	int exec_status = STATUS_SESSION, signals, r = cli_engine(c, &engine, e);

	if (r < 0 || (r = resolve_container(engine, "start -a", operand, &info, e)) < 0)
		return r;
	struct attach attach = {
		.cli = c,
		.engine = engine,
		.id = info.id,
		.name = operand,
		.stdin_open = o->interactive && info.config.stdin_open,
		.tty = info.config.tty,
		.detach = o->keys,
	};
	signals = attach_signals(e);
	if (signals < 0)
		return signals;
	r = engine_start(engine, info.id, &session, &exec_status, e);
	if (r == -EALREADY) { /* running is what was asked for */
		err_clear(e);
		r = engine_attach(engine, info.id,
			&(struct attach_options){ .stdin_open = attach.stdin_open }, &session, e);
	}
	if (r >= 0) {
		r = attach_run(&attach, session, signals, e);
	} else if (exec_status == 126 || exec_status == 127) {
		cli_complain(e);
		r = exec_status;
	}
	attach_signals_end(&signals);
	return r;
}

static int start_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	struct start_options *o = opt;
	int r;

	if (o->hostname && n_operands > 1)
		return cli_usage(
			e, "option '--hostname' is for one machine, not for %zu", n_operands);
	if (!o->timeout_given)
		o->timeout_ms = 30000;
	o->several = n_operands > 1;
	if (o->attach || o->interactive) {
		if (n_operands > 1)
			return cli_usage(e, "option '%s' is for one container, not for %zu",
				o->attach ? "--attach" : "--interactive", n_operands);
		r = start_attached(c, o, operands[0], e);
		if (r >= 0)
			return r;
		cli_complain(e); /* the status of a session is the program's */
		return STATUS_SESSION;
	}
	if (opens_session(n_operands))
		return start_and_enter(c, o, operands[0], e);
	return cli_for_each(c, start_one, o, operands, n_operands, e);
}

static const struct verb_example examples[] = {
	{ "redock start demo", "make the machine USER:demo, start it, log in" },
	{ "redock start web db </dev/null", "two machines; prints how to reach each" },
	{ "redock start test --from $USER:demo", "a new machine from what 'demo' committed" },
	{ NULL },
};

const struct verb verb_start = {
	.name = "start",
	.group = GROUP_MACHINES,
	.operands = "NAME...",
	.summary = "Make sure that a machine exists and runs; log in",
	.description =
		"A machine is a Linux system of its own with a name, REPOSITORY:TAG (without a "
		"colon: your user name and TAG), that you reach by SSH as TAG-container.\n"
		"\n"
		"A running machine is left as it is, a stopped one is started again with its "
		"changes, and one that does not exist is created: from the image NAME if there is "
		"one (see commit), else from --from, else from Debian's base system, which the "
		"first start downloads and keeps.\n"
		"\n"
		"With one NAME and a terminal this opens an SSH session and ends with its status. "
		"Otherwise it prints the command to use, one line for each machine:\n"
		"\n"
		"  ssh demo-container\n"
		"\n"
		"The name or id of a container that is not a machine starts that container; with "
		"--attach or --interactive never anything is created, and this ends with the "
		"container's exit status.",
	.options = options,
	.examples = examples,
	.options_size = sizeof(struct start_options),
	.min_operands = 1,
	.max_operands = OPERANDS_ANY,
	.session = opens_session,
	.run = start_run,
};
