#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/progress.h"
#include "cli/values.h"
#include "cli/verbs.h"

#include <fcntl.h>

struct load_options {
	const char *input;
	bool quiet;
};

static const struct verb_option options[] = {
	{ OPTION_TEXT, 'i', "input", "FILE", "read FILE, or a directory [standard input]",
		offsetof(struct load_options, input), value_line },
	{ OPTION_FLAG, 'q', "quiet", NULL, "say nothing but what was loaded",
		offsetof(struct load_options, quiet) },
	{ 0 },
};

static void print(const struct loaded_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct loaded_image *im = &list->v[i];
		for (size_t k = 0; k < im->names.n; k++)
			printf("Loaded image: %s\n", im->names.v[k]);
		if (!im->names.n)
			printf("Loaded image ID: %s\n", im->id);
	}
}

static int load_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	const struct load_options *o = opt;
	bool file = o->input && !str_eq(o->input, "-");
	struct loaded_list list = { 0 };
	struct engine *engine;
	auto_close int fd = -1;
	int r;

	if (!file && isatty(0)) {
		cli_usage(e, "an archive is read from standard input, which is a terminal");
		err_hint(e, "redock load -i FILE");
		return CLI_USAGE;
	}
	if (file && (fd = open(o->input, O_RDONLY | O_CLOEXEC | O_NOCTTY)) < 0)
		return err_errno(e, "cannot open '%s'", o->input);
	if (o->quiet)
		progress_init(-1);
	r = cli_engine(c, &engine, e);
	if (r < 0)
		return r;
	r = engine_image_load(engine, file ? fd : 0, &list, e);
	print(&list);
	loaded_list_release(&list);
	return r < 0 ? err_wrap(e, "cannot load '%s'", file ? o->input : "standard input") : 0;
}

static const struct verb_example examples[] = {
	{ "redock load -i mine.tar", "what redock save, docker save or podman save wrote" },
	{ "docker save web | redock load", "from another engine, through a pipe" },
	{ "redock load -i layout/", "a directory that skopeo or umoci wrote" },
	{ NULL },
};

const struct verb verb_load = {
	.name = "load",
	.group = GROUP_IMAGES,
	.operands = "",
	.summary = "Take images from an archive",
	.description =
		"A docker archive or an OCI image layout, as a tar archive, plain or compressed "
		"with gzip, zstd, xz or bzip2; a layout may be a directory, too. Of images for "
		"several platforms the one for this machine is taken. Names move to the images "
		"that the archive gives them; one without a name is known by its id.\n"
		"\n"
		"All is verified before it gets a name. Of several images those before a bad one "
		"stay.",
	.options = options,
	.examples = examples,
	.options_size = sizeof(struct load_options),
	.max_operands = 0,
	.run = load_run,
};
