#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/limit_options.h"
#include "cli/resolve.h"
#include "cli/values.h"
#include "cli/verbs.h"

#include <errno.h>
#include <string.h>

struct update_options {
	struct resources resources;
	struct container_config config; /* what --restart writes to */
	bool set_restart;
};

static int parse_restart(const char *text, void *target, struct err *e)
{
	struct update_options *o = target;

	o->set_restart = true;
	return value_restart(text, &o->config, e);
}

#define RESOURCE(member) offsetof(struct update_options, resources.member)
static const struct verb_option options[] = {
	LIMIT_OPTIONS(RESOURCE, value_positive_size, "", ""),
	{ OPTION_VALUE, 0, "restart", "POLICY", "no, on-failure[:N], always, unless-stopped", 0,
		parse_restart },
	{ 0 },
};

static int update_one(struct cli *c, struct engine *engine, void *opt, const char *operand,
	const struct container_info *info, struct err *e)
{
	const struct update_options *o = opt;
	struct update_config what = {
		.resources = o->resources,
		.set_restart = o->set_restart,
		.restart = o->config.restart,
		.restart_max = o->config.restart_max,
	};

	if (info->config.auto_remove && o->set_restart && what.restart != RESTART_NO) {
		err_set(e, EINVAL, "container '%s' is removed when it ends (--rm)", operand);
		return -EINVAL;
	}
	if (engine_update(engine, info->id, &what, e) < 0)
		return err_wrap(e, "cannot update '%s'", operand);
	printf("%s\n", operand);
	return 0;
}

static int update_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	static const struct resources none;
	struct update_options *o = opt;

	if (!o->set_restart && memcmp(&o->resources, &none, sizeof none) == 0) {
		cli_usage(e, "no option says what to change");
		err_hint(e, "redock update -m 1g %s", operands[0]);
		return CLI_USAGE;
	}
	if (o->resources.nano_cpus && (o->resources.cpu_period || o->resources.cpu_quota))
		return cli_usage(e, "options '--cpus' and '--cpu-quota' exclude each other");
	return resolve_for_each(c, "update", update_one, opt, operands, n_operands, e);
}

static const struct verb_example examples[] = {
	{ "redock update -m 1g --cpus 2 web", "other limits, while it runs" },
	{ "redock update --restart unless-stopped db", "another policy" },
	{ NULL },
};

const struct verb verb_update = {
	.name = "update",
	.group = GROUP_LIFE,
	.operands = "CONTAINER...",
	.summary = "Change limits and the restart policy of containers",
	.description =
		"What is not named stays as it is. A running container has its new limits at "
		"once; what the kernel refuses (less memory than is in use, say) changes "
		"nothing.",
	.options = options,
	.examples = examples,
	.options_size = sizeof(struct update_options),
	.min_operands = 1,
	.max_operands = OPERANDS_ANY,
	.run = update_run,
};
