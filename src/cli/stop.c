#include "cli/cli.h"
#include "cli/resolve.h"
#include "cli/values.h"
#include "cli/verbs.h"

#include <errno.h>

struct stop_options {
	int64_t timeout;
	bool given;
};

static int parse_timeout(const char *text, void *target, struct err *e)
{
	struct stop_options *o = target;

	o->given = true;
	if (str_eq(text, "-1")) {
		o->timeout = -1;
		return 0;
	}
	return value_count(text, &o->timeout, e);
}

static const struct verb_option options[] = {
	{ OPTION_VALUE, 't', "time", "SECONDS", "then kill it [10, or as made]; -1: wait", 0,
		parse_timeout },
	{ OPTION_VALUE, 0, "timeout", "SECONDS", NULL, 0, parse_timeout },
	{ 0 },
};

static int timeout_of(const struct stop_options *o)
{
	return o->given ? (int)o->timeout : STOP_DEFAULT;
}

static int stop_one(struct cli *c, struct engine *engine, void *opt, const char *operand,
	const struct container_info *info, struct err *e)
{
	if (engine_stop(engine, info->id, timeout_of(opt), e) < 0)
		return err_wrap(e, "cannot stop '%s'", operand);
	printf("%s\n", operand);
	fflush(stdout); /* the next one may take its time */
	return 0;
}

static int stop_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	return resolve_for_each(c, "stop", stop_one, opt, operands, n_operands, e);
}

/* A machine must be reachable again when this ends. */
static int start_again(struct engine *engine, const struct container_info *info, struct err *e)
{
	struct machine_start how = { .timeout_ms = 30000 };
	struct machine_started ignored = { 0 };
	struct machine_name name;
	int exec_status = 0;

	if (!info->config.machine)
		return engine_start(engine, info->id, NULL, &exec_status, e);
	if (machine_name_parse(info->config.machine, &name, e) < 0)
		return -e->code;
	return machine_start(engine, &name, &how, &ignored, e);
}

static int restart_one(struct cli *c, struct engine *engine, void *opt, const char *operand,
	const struct container_info *info, struct err *e)
{
	int r = engine_stop(engine, info->id, timeout_of(opt), e);

	if (r < 0 || (r = start_again(engine, info, e)) < 0)
		return err_wrap(e, "cannot restart '%s'", operand);
	printf("%s\n", operand);
	fflush(stdout);
	return 0;
}

static int restart_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	return resolve_for_each(c, "restart", restart_one, opt, operands, n_operands, e);
}

static const struct verb_example stop_examples[] = {
	{ "redock stop web", "ask 'web' to end, and wait until it has" },
	{ "redock stop -t 60 db web", "give each a minute before it is killed" },
	{ NULL },
};

const struct verb verb_stop = {
	.name = "stop",
	.group = GROUP_LIFE,
	.operands = "CONTAINER...",
	.summary = "Stop containers or machines",
	.description =
		"Each gets its stop signal (TERM unless it was made with another) and, if "
		"it has not ended by then, KILL. What it wrote stays; start runs it again. A "
		"machine keeps its name and its SSH access. A container that does not run is "
		"no error.",
	.options = options,
	.examples = stop_examples,
	.options_size = sizeof(struct stop_options),
	.min_operands = 1,
	.max_operands = OPERANDS_ANY,
	.run = stop_run,
};

static const struct verb_example restart_examples[] = {
	{ "redock restart web", "stop 'web' and start it again" },
	{ NULL },
};

const struct verb verb_restart = {
	.name = "restart",
	.group = GROUP_LIFE,
	.operands = "CONTAINER...",
	.summary = "Stop containers or machines and start them again",
	.description = "As stop and start do it. One that does not run is started.",
	.options = options,
	.examples = restart_examples,
	.options_size = sizeof(struct stop_options),
	.min_operands = 1,
	.max_operands = OPERANDS_ANY,
	.run = restart_run,
};
