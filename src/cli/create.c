#include "base/mem.h"
#include "base/fs.h"
#include "base/str.h"
#include "cli/create_options.h"
#include "cli/pull.h"
#include "cli/suggest.h"
#include "cli/terminal.h"
#include "cli/verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

/* Whole or not at all, and never over another one. */
static int write_cidfile(const char *path, const char *id, struct err *e)
{
	auto_free char *temporary = xasprintf("%s.%d", path, getpid());
	auto_close int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	int r = fd < 0 ? -errno : fs_write_all(fd, id, strlen(id));

	if (r == 0 && renameat2(AT_FDCWD, temporary, AT_FDCWD, path, RENAME_NOREPLACE) < 0)
		r = -errno;
	if (r == 0)
		return 0;
	if (fd >= 0)
		unlink(temporary);
	errno = -r;
	return err_errno(e, "cannot write the id to '%s'", path);
}

/* The likeliest reason for a missing image is a slip of the fingers. */
static void explain_missing_image(
	struct engine *engine, const char *command, const char *image, struct err *e)
{
	if (!e->hint[0])
		err_hint(
			e, "redock images, redock pull %s, or redock import FILE %s", image, image);
	suggest_image(engine, command, image, e);
}

/* Makes it; what it needs and is not here comes from a registry, and not if it is ours alone. */
static int pull_and_create(struct cli *c, struct engine *engine, const struct create_options *o,
	char ret_id[ENGINE_ID_SIZE], struct err *e)
{
	const struct container_config *config = &o->config;
	const char *when = o->pull ? o->pull : "missing";
	struct err missing, ignored = { 0 };
	int r;

	if (str_eq(when, "always") && (r = pull_image(c, engine, config->image, e)) < 0)
		return r;
	r = engine_create(engine, config, ret_id, e);
	if (r != -ENOENT || !str_eq(when, "missing") ||
		engine_image_inspect(engine, config->image, NULL, &ignored) != -ENOENT)
		return r;
	missing = *e;
	cli_note(c, "no image '%s' here: pulling it", config->image);
	r = pull_image(c, engine, config->image, e);
	if (r == -EINVAL) /* no registry can have an image of that name */
		*e = missing;
	return r < 0 ? -e->code : engine_create(engine, config, ret_id, e);
}

int create_container(struct cli *c, struct engine *engine, const char *command,
	struct create_options *o, char ret_id[ENGINE_ID_SIZE], struct err *e)
{
	struct container_config *config = &o->config;
	unsigned rows = 0, columns = 0;
	struct err ignored = { 0 };
	int r;

	/* from the first byte on: a resize that comes later would come too late for some */
	if (config->tty && !terminal_size(1, &rows, &columns))
		terminal_size(0, &rows, &columns);
	config->console_rows = rows;
	config->console_columns = columns;
	r = pull_and_create(c, engine, o, ret_id, e);
	if (r < 0 && engine_image_inspect(engine, config->image, NULL, &ignored) == -ENOENT)
		explain_missing_image(engine, command, config->image, e);
	if (r < 0 || !o->cidfile)
		return r;
	r = write_cidfile(o->cidfile, ret_id, e);
	if (r < 0)
		engine_remove(engine, ret_id, &(struct remove_options){ .force = true }, &ignored);
	return r;
}

struct create_verb_options {
	struct create_options create;
};

static const struct verb_option options[] = {
	{ OPTION_MORE, .more = create_options },
};

static int create_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	struct create_verb_options *o = opt;
	struct engine *engine;
	char id[ENGINE_ID_SIZE];
	int r = create_options_finish(&o->create, operands, n_operands, e);

	if (r < 0 || (r = cli_engine(c, &engine, e)) < 0 ||
		(r = create_container(c, engine, "redock create", &o->create, id, e)) < 0)
		return r;
	printf("%s\n", id);
	return 0;
}

static const struct verb_example examples[] = {
	{ "redock create --name web -p 8080:80 mine:v1", "make 'web'; start it with start" },
	{ NULL },
};

const struct verb verb_create = {
	.name = "create",
	.group = GROUP_LIFE,
	.operands = "IMAGE [COMMAND [ARGUMENT]...]",
	.summary = "Make a container without starting it",
	.description = "The same as run, with the same options, but nothing runs yet; the id is "
		       "printed. start NAME starts it, start -a NAME shows its output.",
	.options = options,
	.examples = examples,
	.options_size = sizeof(struct create_verb_options),
	.min_operands = 1,
	.max_operands = OPERANDS_ANY,
	.stop_at_operand = true,
	.session = verb_session_always,
	.release = create_options_release,
	.run = create_run,
};
