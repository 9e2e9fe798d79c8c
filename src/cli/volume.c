/* volume create and rm; see volume_list.c for ls and inspect, prune.c for prune. */
#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/suggest.h"
#include "cli/values.h"
#include "cli/volume.h"

#include <errno.h>

struct create_volume_options {
	const char *driver, *name;
	struct strv labels, options;
};

#define TARGET(member) offsetof(struct create_volume_options, member)
static const struct verb_option create_volume_options[] = {
	{ OPTION_TEXT, 'd', "driver", "DRIVER", "local", TARGET(driver), value_line },
	{ OPTION_TEXT, 0, "name", "NAME", NULL, TARGET(name), value_container_name },
	{ OPTION_LIST, 'o', "opt", "KEY=VALUE",
		"of mount(8): type=tmpfs, device=, o=", TARGET(options), value_setting_push },
	{ OPTION_LIST, 0, "label", "KEY[=VALUE]", "a note to find it by", TARGET(labels),
		value_label_push },
	{ 0 },
};

static int create_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	const struct create_volume_options *o = opt;
	struct volume_config config = {
		.name = o->name,
		.driver = o->driver,
		.labels = o->labels.v,
		.options = o->options.v,
	};
	auto_volume_info info = { 0 };
	struct engine *engine;
	int r;

	if (n_operands && o->name)
		return cli_usage(e, "the name is given twice: '%s' and '%s'", o->name, operands[0]);
	if (n_operands && value_container_name(operands[0], &config.name, e) < 0)
		return -e->code;
	r = cli_engine(c, &engine, e);
	if (r < 0)
		return r;
	r = engine_volume_create(engine, &config, &info, e);
	if (r < 0)
		return err_wrap(e, "cannot create volume '%s'", config.name ? config.name : "");
	printf("%s\n", info.name);
	return 0;
}

static const struct verb_example create_examples[] = {
	{ "redock volume create data", "an empty volume; run -v data:/var/lib/x uses it" },
	{ "redock volume create -o type=tmpfs -o device=tmpfs -o o=size=64m fast", "in memory" },
	{ NULL },
};

const struct verb verb_volume_create = {
	.name = "volume create",
	.group = GROUP_RESOURCES,
	.operands = "[NAME]",
	.summary = "Make a volume",
	.description =
		"Prints its name; without NAME one is made up. One that exists with the same "
		"driver and options is no error.",
	.options = create_volume_options,
	.examples = create_examples,
	.options_size = sizeof(struct create_volume_options),
	.max_operands = 1,
	.run = create_run,
};

struct rm_volume_options {
	bool force;
};

static const struct verb_option rm_options[] = {
	{ OPTION_FLAG, 'f', "force", NULL, "none is fine",
		offsetof(struct rm_volume_options, force) },
	{ 0 },
};

static int rm_one(
	struct cli *c, struct engine *engine, void *opt, const char *operand, struct err *e)
{
	const struct rm_volume_options *o = opt;
	int r = engine_volume_remove(engine, operand, e);

	if (r == -ENOENT && o->force) {
		cli_note(c, "no volume '%s': nothing to do", operand);
		return 0;
	}
	if (r == -ENOENT && !e->hint[0])
		suggest_volume(engine, "redock volume rm", operand, e);
	if (r < 0)
		return err_wrap(e, "cannot remove volume '%s'", operand);
	printf("%s\n", operand);
	return 0;
}

static int rm_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	return cli_for_each(c, rm_one, opt, operands, n_operands, e);
}

static const struct verb_example rm_examples[] = {
	{ "redock volume rm data", "remove the volume 'data' and all that is in it" },
	{ NULL },
};

const struct verb verb_volume_rm = {
	.name = "volume rm",
	.alias = "remove",
	.group = GROUP_RESOURCES,
	.operands = "VOLUME...",
	.summary = "Remove volumes and what is in them",
	.description = "Refused while a container, running or not, mounts it.",
	.options = rm_options,
	.examples = rm_examples,
	.options_size = sizeof(struct rm_volume_options),
	.min_operands = 1,
	.max_operands = OPERANDS_ANY,
	.run = rm_run,
};
