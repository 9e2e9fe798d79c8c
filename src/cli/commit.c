#include "base/str.h"
#include "cli/cli.h"
#include "cli/resolve.h"
#include "cli/values.h"
#include "cli/verbs.h"

#include <errno.h>

struct commit_verb_options {
	const char *message, *author;
	struct strv changes;
	bool no_pause;
};

#define TARGET(member) offsetof(struct commit_verb_options, member)
static const struct verb_option options[] = {
	{ OPTION_TEXT, 'm', "message", "TEXT", "a note that goes with the image", TARGET(message) },
	{ OPTION_TEXT, 'a', "author", "AUTHOR", "who made it", TARGET(author), value_line },
	{ OPTION_LIST, 'c', "change", "INSTRUCTION", "such as 'CMD [\"sh\"]', 'ENV A=b'",
		TARGET(changes), value_line_push },
	{ OPTION_OFF, 'p', "pause", NULL, "=false: do not freeze it meanwhile", TARGET(no_pause) },
	{ 0 },
};

static struct commit_options how_of(const struct commit_verb_options *o)
{
	return (struct commit_options){
		.message = o->message,
		.author = o->author,
		.changes = o->changes.v,
		.no_pause = o->no_pause,
	};
}

static int commit_container(struct cli *c, struct engine *engine,
	const struct commit_verb_options *o, const struct container_info *info, char **operands,
	size_t n_operands, struct err *e)
{
	struct commit_options how = how_of(o);
	char id[72];
	int r;

	if (n_operands > 2) {
		cli_usage(e, "'%s' is a container: its commit takes the name of one image",
			operands[0]);
		err_hint(e, "redock commit %s IMAGE", operands[0]);
		return CLI_USAGE;
	}
	r = engine_commit(engine, info->id, n_operands == 2 ? operands[1] : NULL, &how, id, e);
	if (r < 0)
		return err_wrap(e, "cannot commit '%s'", operands[0]);
	printf("%s\n", id);
	return 0;
}

static int commit_machine(
	struct cli *c, struct engine *engine, void *opt, const char *operand, struct err *e)
{
	const struct commit_verb_options *o = opt;
	struct commit_options how = how_of(o);
	struct machine_name name;
	int r = resolve_machine(engine, "commit", operand, &name, e);

	if (r < 0 || (r = machine_commit(engine, &name, &how, e)) < 0)
		return r;
	cli_note(c, "committed %s", name.text);
	return 0;
}

/* A machine first, then all are machines; a container first, then an image. */
static int commit_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	auto_resolved first = { 0 };
	struct engine *engine;
	int r = cli_engine(c, &engine, e);

	if (r < 0 || (r = resolve(engine, operands[0], &first, e)) < 0)
		return r;
	if (first.as == NAMED_CONTAINER)
		return commit_container(c, engine, opt, &first.info, operands, n_operands, e);
	if (first.as == NAMED_NOTHING && n_operands == 2) {
		/* `commit CONTAINER IMAGE` with a wrong container: one error, not one for the image
		 */
		err_set(e, ENOENT, "no machine or container '%s'", operands[0]);
		return err_hint(e, "redock ps -a");
	}
	if (n_operands == 2) { /* Docker's `commit CONTAINER IMAGE`, typed for a machine? */
		auto_resolved second = { 0 };
		r = resolve(engine, operands[1], &second, e);
		if (r < 0)
			return r;
		if (second.as == NAMED_NOTHING) {
			err_set(e, ENOENT, "no machine '%s', so nothing was committed",
				operands[1]);
			return err_hint(e,
				"a machine becomes the image of its own name: redock commit %s",
				operands[0]);
		}
	}
	return cli_for_each(c, commit_machine, opt, operands, n_operands, e);
}

static const struct verb_example examples[] = {
	{ "redock commit demo -m 'nginx set up'",
		"keep the machine's state as the image USER:demo" },
	{ "redock commit 3f2a9c mine:v2", "make an image of any container" },
	{ "redock commit -c 'CMD [\"nginx\"]' web web:v1", "with another command" },
	{ NULL },
};

const struct verb verb_commit = {
	.name = "commit",
	.group = GROUP_MACHINES,
	.operands = "NAME...",
	.summary = "Keep a machine's file system as the image of its name",
	.description =
		"The machine is frozen while it is read; when the command returns the image is on "
		"disk. The next start of a machine of this name, after kill, begins from it. A "
		"stopped machine can be committed too.\n"
		"\n"
		"As in Docker, a container that is not a machine (or one that is named by its "
		"id) is committed with the name of the image after it, if it is to have one; the "
		"image's id is printed:\n"
		"\n"
		"  redock commit CONTAINER [IMAGE]\n"
		"\n"
		"INSTRUCTION is a line of a Dockerfile: CMD, ENTRYPOINT, ENV, EXPOSE, "
		"HEALTHCHECK, LABEL, SHELL, STOPSIGNAL, USER, VOLUME, WORKDIR.",
	.options = options,
	.examples = examples,
	.options_size = sizeof(struct commit_verb_options),
	.min_operands = 1,
	.max_operands = OPERANDS_ANY,
	.run = commit_run,
};
