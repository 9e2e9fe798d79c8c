#include "cli/cli.h"
#include "cli/suggest.h"
#include "cli/verbs.h"

#include <errno.h>

struct rmi_options {
	bool force;
};

static const struct verb_option options[] = {
	{ OPTION_FLAG, 'f', "force", NULL, "even if a container was made from it; none is fine",
		offsetof(struct rmi_options, force) },
	{ 0 },
};

static int rmi_one(
	struct cli *c, struct engine *engine, void *opt, const char *operand, struct err *e)
{
	const struct rmi_options *o = opt;
	struct image_info image = { 0 };
	int r = engine_image_inspect(engine, operand, &image, e);

	if (r == -ENOENT && o->force) {
		cli_note(c, "no image '%s': nothing to do", operand);
		return 0;
	}
	if (r >= 0 && str_eq(image.reference, "redock:base") && !o->force)
		r = err_set(e, EBUSY, "new machines are made from it");
	if (r >= 0)
		r = engine_image_remove(engine, operand, o->force, e);
	if (r < 0) {
		image_info_release(&image);
		if (!e->hint[0])
			err_hint(e, r == -EBUSY ? "redock rmi -f %s" : "redock images", operand);
		if (r == -ENOENT)
			suggest_image(engine, "redock rmi", operand, e);
		err_wrap(e, "cannot remove image '%s'", operand);
		return r;
	}
	printf("Untagged: %s\n", image.reference);
	image_info_release(&image);
	return 0;
}

static int rmi_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	return cli_for_each(c, rmi_one, opt, operands, n_operands, e);
}

static const struct verb_example examples[] = {
	{ "redock rmi mine:v1", "remove the image mine:v1" },
	{ NULL },
};

const struct verb verb_rmi = {
	.name = "rmi",
	.alias = "rm", /* of image: rm itself comes before */
	.group = GROUP_IMAGES,
	.operands = "IMAGE...",
	.summary = "Remove images",
	.description = "IMAGE is REPOSITORY[:TAG], with 'latest' as the tag unless given, the "
		       "start of an "
		       "image's id, or a digest (REPOSITORY@sha256:...). Layers that "
		       "nothing else uses go too. Refused while a container was made from it; "
		       "--force takes the name away all the same, and is "
		       "needed for redock:base.",
	.options = options,
	.examples = examples,
	.options_size = sizeof(struct rmi_options),
	.min_operands = 1,
	.max_operands = OPERANDS_ANY,
	.run = rmi_run,
};
