#include "base/mem.h"
#include "base/str.h"
#include "cli/archive_file.h"
#include "cli/cli.h"
#include "cli/suggest.h"
#include "cli/values.h"
#include "cli/verbs.h"

#include <errno.h>

struct save_options {
	const char *output;
	enum image_archive format;
};

static int value_format(const char *text, void *target, struct err *e)
{
	enum image_archive *format = target;

	if (str_eq(text, "docker") || str_eq(text, "docker-archive"))
		*format = ARCHIVE_DOCKER;
	else if (str_eq(text, "oci") || str_eq(text, "oci-archive"))
		*format = ARCHIVE_OCI;
	else {
		err_set(e, EINVAL, "'%s' is no kind of archive", text);
		return err_hint(e, "docker or oci");
	}
	return 0;
}

static const struct verb_option options[] = {
	{ OPTION_TEXT, 'o', "output", "FILE", "write to FILE [standard output]",
		offsetof(struct save_options, output), value_line },
	{ OPTION_VALUE, 0, "format", "KIND", "docker or oci, an image layout [docker]",
		offsetof(struct save_options, format), value_format },
	{ 0 },
};

static int save_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	const struct save_options *o = opt;
	struct archive_file to;
	struct engine *engine;
	int r;

	if ((!o->output || str_eq(o->output, "-")) && isatty(1)) {
		cli_usage(e, "a terminal is no place for an archive");
		err_hint(e, "redock save -o image.tar %s", operands[0]);
		return CLI_USAGE;
	}
	r = cli_engine(c, &engine, e);
	if (r < 0 || (r = archive_file_open(o->output, &to, e)) < 0)
		return r;
	r = engine_image_save(engine, operands, n_operands, o->format, to.fd, e);
	r = archive_file_end(&to, r, e);
	if (r == -ENOENT && n_operands == 1)
		suggest_image(engine, "redock save", operands[0], e);
	return r < 0 ? err_wrap(e, "cannot save") : 0;
}

static const struct verb_example examples[] = {
	{ "redock save -o mine.tar mine:v1", "an archive that docker load, podman load take, too" },
	{ "redock save mine:v1 | ssh host redock load", "to another host" },
	{ "redock save --format oci -o all.tar a b", "an OCI image layout of several" },
	{ NULL },
};

const struct verb verb_save = {
	.name = "save",
	.group = GROUP_IMAGES,
	.operands = "IMAGE...",
	.summary = "Write images to an archive",
	.description =
		"IMAGE is a name, an id or its start. A repository without a tag is all of its "
		"tags, as in Docker.\n"
		"\n"
		"The archive is a docker archive (manifest.json, with the layers' directories of "
		"older Dockers), or with --format oci an OCI image layout. Layers that came "
		"compressed stay so. The same images give the same archive, byte for byte.",
	.options = options,
	.examples = examples,
	.options_size = sizeof(struct save_options),
	.min_operands = 1,
	.max_operands = OPERANDS_ANY,
	.run = save_run,
};
