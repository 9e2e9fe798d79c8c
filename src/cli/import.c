#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/values.h"
#include "cli/verbs.h"

#include <fcntl.h>

struct import_verb_options {
	const char *message;
	struct strv changes;
};

static const struct verb_option options[] = {
	{ OPTION_TEXT, 'm', "message", "TEXT", "a note that goes with the image",
		offsetof(struct import_verb_options, message) },
	{ OPTION_LIST, 'c', "change", "INSTRUCTION", "such as 'CMD [\"sh\"]', 'ENV A=b'",
		offsetof(struct import_verb_options, changes), value_line_push },
	{ 0 },
};

static int import_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	const struct import_verb_options *o = opt;
	struct import_options how = { .message = o->message, .changes = o->changes.v };
	auto_close int file = -1;
	bool standard_input = str_eq(operands[0], "-");
	struct engine *engine;
	char id[72];
	int r;

	if (standard_input && isatty(0))
		return cli_usage(
			e, "'-' reads an archive from standard input, which is a terminal");
	if (!standard_input) {
		file = open(operands[0], O_RDONLY | O_CLOEXEC);
		if (file < 0)
			return err_errno(e, "cannot open '%s'", operands[0]);
	}
	r = cli_engine(c, &engine, e);
	if (r < 0)
		return r;
	r = engine_image_import(engine, standard_input ? 0 : file, operands[1], &how, id, e);
	if (r < 0)
		return err_wrap(e, "cannot import '%s'", operands[0]);
	printf("%s\n", id);
	return 0;
}

static const struct verb_example examples[] = {
	{ "redock import rootfs.tar.gz mine:v1", "an image of a root file system's archive" },
	{ "redock import -c 'CMD [\"sh\"]' rootfs.tar mine", "one that says what to run" },
	{ "tar -C tree -c . | redock import - mine", "the same from a pipe, as mine:latest" },
	{ NULL },
};

const struct verb verb_import = {
	.name = "import",
	.group = GROUP_IMAGES,
	.operands = "FILE|- NAME",
	.summary = "Make an image of a tar archive",
	.description = "The archive may be plain or compressed with gzip, zstd, xz or bzip2; '-' "
		       "is standard input. NAME is REPOSITORY[:TAG]; the tag is 'latest' unless "
		       "given. --change sets what the image says of itself by Dockerfile "
		       "instructions, as commit's does: CMD, ENTRYPOINT, ENV, EXPOSE, "
		       "HEALTHCHECK, LABEL, SHELL, STOPSIGNAL, USER, VOLUME, WORKDIR. Prints "
		       "the image's id.",
	.options = options,
	.examples = examples,
	.options_size = sizeof(struct import_verb_options),
	.min_operands = 2,
	.max_operands = 2,
	.run = import_run,
};
