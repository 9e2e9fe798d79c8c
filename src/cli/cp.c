#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/progress.h"
#include "cli/resolve.h"
#include "cli/values.h"
#include "cli/verbs.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

struct cp_options {
	bool archive, follow_link, quiet;
};

#define TARGET(member) offsetof(struct cp_options, member)
static const struct verb_option options[] = {
	{ OPTION_FLAG, 'a', "archive", NULL, "keep owners and set-user-ID bits", TARGET(archive) },
	{ OPTION_FLAG, 'L', "follow-link", NULL, "copy what a symbolic link leads to",
		TARGET(follow_link) },
	{ OPTION_FLAG, 'q', "quiet", NULL, "do not tell what is done", TARGET(quiet) },
	{ 0 },
};

/* The path after "CONTAINER:", or NULL. As in Docker, what begins with '/' or '.' is a file here.
 */
static const char *container_path(const char *operand, char **ret_container)
{
	const char *colon = strchr(operand, ':');

	if (!colon || colon == operand || strchr("/.", operand[0]))
		return NULL;
	*ret_container = xstrndup(operand, (size_t)(colon - operand));
	return colon + 1;
}

/* "a:b:/path" is in the machine a:b, if there is one, and not in container 'a'. */
static const char *machine_path(
	struct engine *engine, const char *operand, struct container_info *ret)
{
	const char *first = strchr(operand, ':'), *second = first ? strchr(first + 1, ':') : NULL;
	struct err ignored = { 0 };

	if (!second || strchr("/.", operand[0]))
		return NULL;
	auto_free char *name = xstrndup(operand, (size_t)(second - operand));
	return engine_inspect_machine(engine, name, ret, &ignored) >= 0 ? second + 1 : NULL;
}

/* 1 when `operand` is a container's path, which *ret_path is then; 0 when it is one of ours. */
static int resolve_side(struct engine *engine, const char *operand, struct container_info *ret,
	const char **ret_path, struct err *e)
{
	auto_free char *name = NULL;
	const char *path = machine_path(engine, operand, ret);
	int r;

	if (!path) {
		path = container_path(operand, &name);
		if (!path)
			return 0;
		r = resolve_container(engine, "cp", name, ret, e);
		if (r < 0)
			return r;
	}
	*ret_path = *path ? path : "/";
	return 1;
}

/* A colon that was forgotten is the likeliest reason, where one of both is a container's name. */
static int refuse_sides(struct engine *engine, bool inside, char **operands, struct err *e)
{
	const char *from = operands[0], *to = operands[1];
	char id[ENGINE_ID_SIZE];
	struct err ignored;

	cli_usage(e, inside ? "copying between two containers goes by way of this host"
			    : "neither side is in a container");
	if (inside)
		err_hint(e, "redock cp %s - | redock cp - %s", from, to);
	else if (engine_find(engine, to, id, &ignored) >= 0)
		err_hint(e, "redock cp %s %s:/ (a container's path has a colon before it)", from,
			to);
	else if (engine_find(engine, from, id, &ignored) >= 0)
		err_hint(e, "redock cp %s:PATH %s (a container's path has a colon before it)", from,
			to);
	else
		err_hint(e, "redock cp CONTAINER:%s %s", from, to);
	return CLI_USAGE;
}

static int download(struct engine *engine, const struct cp_options *o,
	const struct container_info *info, const char *path, const char *local, struct err *e)
{
	struct transfer_options how = { .follow_link = o->follow_link, .keep_owner = o->archive };

	if (!str_eq(local, "-"))
		return engine_download(engine, info->id, path, local, &how, e);
	if (isatty(1)) {
		cli_usage(e, "a terminal is no place for an archive");
		err_hint(e, "redock cp ... - | tar -t");
		return CLI_USAGE;
	}
	return engine_copy_from(engine, info->id, path, o->follow_link, 1, e);
}

static int upload(struct engine *engine, const struct cp_options *o,
	const struct container_info *info, const char *local, const char *path, struct err *e)
{
	struct transfer_options how = { .follow_link = o->follow_link, .keep_owner = o->archive };
	/* an archive says whose its files are; Docker keeps that too */
	struct copy_to_options archive = { .keep_owner = true };

	return str_eq(local, "-") ? engine_copy_to(engine, info->id, path, &archive, 0, e)
				  : engine_upload(engine, info->id, local, path, &how, e);
}

static int cp_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	const struct cp_options *o = opt;
	auto_container_info from = { 0 }, to = { 0 };
	const char *from_path = NULL, *to_path = NULL;
	struct engine *engine;
	int r = cli_engine(c, &engine, e), source, target;

	if (r < 0 || (source = r = resolve_side(engine, operands[0], &from, &from_path, e)) < 0 ||
		(target = r = resolve_side(engine, operands[1], &to, &to_path, e)) < 0)
		return r;
	if (source == target)
		return refuse_sides(engine, source, operands, e);
	/* an archive's other end may be on the same terminal */
	if (o->quiet || str_eq(operands[0], "-") || str_eq(operands[1], "-"))
		progress_init(-1);
	r = source ? download(engine, o, &from, from_path, operands[1], e)
		   : upload(engine, o, &to, operands[0], to_path, e);
	if (r < 0)
		return r == CLI_USAGE ? r : err_wrap(e, "cannot copy '%s'", operands[0]);
	if (!o->quiet && isatty(2))
		cli_note(c, "copied %s to %s", operands[0], operands[1]);
	return 0;
}

static const struct verb_example examples[] = {
	{ "redock cp web:/etc/hosts .", "a file of 'web' to here" },
	{ "redock cp site/. web:/srv/www", "what is in 'site' into a directory of 'web'" },
	{ "redock cp 'web:/var/log/*.log' logs/", "all that match" },
	{ "redock cp web:/etc - | tar -t", "as a tar archive" },
	{ NULL },
};

const struct verb verb_cp = {
	.name = "cp",
	.group = GROUP_INSIDE,
	.operands = "CONTAINER:PATH|FILE|- CONTAINER:PATH|FILE|-",
	.summary = "Copy files out of or into a container",
	.description =
		"One side is CONTAINER:PATH, the other a file or directory of this host, or - for "
		"a tar archive on standard output or input. A destination that is a directory gets "
		"the source below it; '/.' at the end of a source means what is in the directory. "
		"PATH of a source may have patterns: * ? [...].\n"
		"\n"
		"The container may run or not. Nothing in its files, neither a link nor a name "
		"with '..', leads a copy out of the destination. Files arrive as root's in "
		"the container and as yours on the host, unless --archive is given.",
	.options = options,
	.examples = examples,
	.options_size = sizeof(struct cp_options),
	.min_operands = 2,
	.max_operands = 2,
	.run = cp_run,
};
