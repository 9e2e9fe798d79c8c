#include "cli/cli.h"
#include "cli/suggest.h"
#include "cli/verbs.h"

#include <errno.h>

static int tag_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	struct engine *engine;
	int r = cli_engine(c, &engine, e);

	if (r < 0)
		return r;
	r = engine_image_tag(engine, operands[0], operands[1], e);
	if (r == -ENOENT) {
		err_hint(e, "redock images");
		suggest_image(engine, "redock tag", operands[0], e);
	}
	return r < 0 ? err_wrap(e, "cannot tag '%s'", operands[0]) : 0;
}

static const struct verb_example examples[] = {
	{ "redock tag web:v2 web", "web:latest is the same image as web:v2" },
	{ "redock tag web:v2 registry.example:5000/team/web:v2", "the name to push it under" },
	{ "redock tag 3f2a9c4b web:old", "a name for an image that is known by its id" },
	{ NULL },
};

const struct verb verb_tag = {
	.name = "tag",
	.group = GROUP_IMAGES,
	.operands = "IMAGE NAME",
	.summary = "Give an image one more name",
	.description = "IMAGE is a name, or the start of an id. NAME is REPOSITORY[:TAG], with "
		       "'latest' as the tag unless given; if another image has it, the name "
		       "moves.",
	.examples = examples,
	.min_operands = 2,
	.max_operands = 2,
	.run = tag_run,
};
