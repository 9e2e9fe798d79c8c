#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/resolve.h"
#include "cli/values.h"
#include "cli/verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

struct export_options {
	const char *output;
};

static const struct verb_option options[] = {
	{ OPTION_TEXT, 'o', "output", "FILE", "write to FILE [standard output]",
		offsetof(struct export_options, output), value_line },
	{ 0 },
};

/* FILE is there whole or not at all. */
static int export_to_file(struct engine *engine, const char *id, const char *path, struct err *e)
{
	auto_free char *temporary = xasprintf("%s.%d.part", path, getpid());
	auto_close int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int r;

	if (fd < 0)
		return err_errno(e, "cannot create '%s'", path);
	r = engine_export(engine, id, fd, e);
	if (r >= 0 && rename(temporary, path) < 0)
		r = err_errno(e, "cannot write '%s'", path);
	if (r < 0)
		unlink(temporary);
	return r;
}

static int export_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	const struct export_options *o = opt;
	auto_container_info info = { 0 };
	struct engine *engine;
	int r;

	if (!o->output && isatty(1)) {
		cli_usage(e, "a terminal is no place for an archive");
		err_hint(e, "redock export -o %s.tar %s", operands[0], operands[0]);
		return CLI_USAGE;
	}
	r = cli_engine(c, &engine, e);
	if (r < 0 || (r = resolve_container(engine, "export", operands[0], &info, e)) < 0)
		return r;
	if (o->output && !str_eq(o->output, "-"))
		r = export_to_file(engine, info.id, o->output, e);
	else
		r = engine_export(engine, info.id, 1, e);
	return r < 0 ? err_wrap(e, "cannot export '%s'", operands[0]) : 0;
}

static const struct verb_example examples[] = {
	{ "redock export -o web.tar web", "all files of 'web', without volumes" },
	{ "redock export web | redock import - web:flat", "an image of one layer from them" },
	{ NULL },
};

const struct verb verb_export = {
	.name = "export",
	.group = GROUP_INSIDE,
	.operands = "CONTAINER",
	.summary = "Write a container's file system as a tar archive",
	.description = "What is mounted in it (volumes, directories of the host) is left out.",
	.options = options,
	.examples = examples,
	.options_size = sizeof(struct export_options),
	.min_operands = 1,
	.max_operands = 1,
	.run = export_run,
};
