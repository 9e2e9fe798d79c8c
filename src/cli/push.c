#include "base/json.h"
#include "base/mem.h"
#include "cli/output.h"
#include "cli/suggest.h"
#include "cli/transfer.h"
#include "cli/verbs.h"

#include <inttypes.h>
#include <string.h>

struct push_options {
	bool all, quiet, json;
};

#define TARGET(member) offsetof(struct push_options, member)
static const struct verb_option options[] = {
	{ OPTION_FLAG, 'a', "all-tags", NULL, "every tag of the repository that is here",
		TARGET(all) },
	{ OPTION_FLAG, 'q', "quiet", NULL, "print the whole name alone", TARGET(quiet) },
	{ OPTION_FLAG, 0, "json", NULL, "print what happens as JSON objects, one a line",
		TARGET(json) },
	{ 0 },
};

static void print_result(const struct transferred *t, enum transfer_view view)
{
	const char *colon = strrchr(t->reference, ':');
	auto_free char *text = NULL;
	auto_json *j = NULL;

	if (view == TRANSFER_JSON) {
		j = json_pack("{s:s, s:o, s:o, s:o, s:I}", "status", "Pushed", "reference",
			output_string(t->reference), "digest", output_string(t->digest), "imageID",
			output_string(t->id), "size", (json_int_t)t->size);
		text = json_text(j);
		printf("%s\n", text);
		return;
	}
	if (view == TRANSFER_SHOWN)
		fprintf(stderr, "%s: digest: %s size: %" PRIu64 "\n",
			colon ? colon + 1 : t->reference, t->digest, t->size);
	fflush(stderr);
	printf("%s\n", t->reference);
}

static int push_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	const struct push_options *o = opt;
	enum transfer_view view = transfer_view(c, o->quiet, o->json);
	const char *last = strrchr(operands[0], '/');
	struct transfer how = { .all = o->all, .each = transfer_show };
	auto_transferred done = { 0 };
	struct engine *engine;
	int r;

	if (o->all && strpbrk(last ? last : operands[0], ":@"))
		return cli_usage(e, "option '--all-tags': '%s' names one already", operands[0]);
	r = cli_engine(c, &engine, e);
	if (r < 0)
		return r;
	how.arg = transfer_begin(view);
	r = engine_image_push(engine, operands[0], &how, &done, e);
	transfer_end(how.arg);
	if (r == -ENOENT && !e->hint[0] &&
		engine_image_inspect(engine, operands[0], NULL, e) == -ENOENT) {
		err_hint(e, "redock images");
		suggest_image(engine, "redock push", operands[0], e);
	}
	for (size_t i = 0; r == 0 && i < done.n; i++)
		print_result(&done.v[i], view);
	return r;
}

static const struct verb_example examples[] = {
	{ "redock push localhost:5000/team/app:v1", "to the registry that the name says" },
	{ "redock push -a localhost:5000/team/app", "all of its tags" },
	{ NULL },
};

const struct verb verb_push = {
	.name = "push",
	.group = GROUP_IMAGES,
	.operands = "NAME[:TAG]",
	.summary = "Send an image to a registry",
	.description =
		"The name says where to: HOST[:PORT]/NAME, or NAME for Docker Hub. The whole name "
		"is printed, progress goes to standard error.\n"
		"\n"
		"Layers go at the same time, those that the registry has already (in another of "
		"its "
		"repositories, too) do not go at all. Layers that were made here are compressed "
		"with "
		"gzip; what comes of it is remembered, so that a second push does not compress "
		"again. An image that was pulled has the same digest when it is pushed.",
	.options = options,
	.examples = examples,
	.options_size = sizeof(struct push_options),
	.min_operands = 1,
	.max_operands = 1,
	.run = push_run,
};
