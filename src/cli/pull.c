#include "cli/pull.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/output.h"
#include "cli/transfer.h"
#include "cli/values.h"
#include "cli/verbs.h"

#include <string.h>

struct pull_options {
	const char *platform;
	bool all, quiet, json;
};

#define TARGET(member) offsetof(struct pull_options, member)
static const struct verb_option options[] = {
	{ OPTION_FLAG, 'a', "all-tags", NULL, "every tag of the repository", TARGET(all) },
	{ OPTION_TEXT, 0, "platform", "OS/ARCH[/VARIANT]", "of an image for several [this host's]",
		TARGET(platform), value_line },
	{ OPTION_FLAG, 'q', "quiet", NULL, "print the whole name alone", TARGET(quiet) },
	{ OPTION_FLAG, 0, "json", NULL, "print what happens as JSON objects, one a line",
		TARGET(json) },
	{ 0 },
};

static void print_status(const struct transferred *t, const char *operand)
{
	fprintf(stderr, "Digest: %s\nStatus: %s for %s\n", t->digest,
		t->is_new ? "Downloaded newer image" : "Image is up to date", operand);
}

static void print_result(const struct transferred *t, const char *operand, enum transfer_view view)
{
	auto_free char *text = NULL;
	auto_json *j = NULL;

	if (view == TRANSFER_JSON) {
		j = json_pack("{s:s, s:o, s:o, s:o}", "status",
			t->is_new ? "Downloaded" : "Up to date", "reference",
			output_string(t->reference), "digest", output_string(t->digest), "imageID",
			output_string(t->id));
		text = json_text(j);
		printf("%s\n", text);
		return;
	}
	if (view == TRANSFER_SHOWN)
		print_status(t, operand);
	fflush(stderr);
	printf("%s\n", t->reference);
}

static int pull_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	const struct pull_options *o = opt;
	enum transfer_view view = transfer_view(c, o->quiet, o->json);
	const char *last = strrchr(operands[0], '/');
	struct transfer how = { .platform = o->platform, .all = o->all, .each = transfer_show };
	auto_transferred done = { 0 };
	struct engine *engine;
	int r;

	if (o->all && strpbrk(last ? last : operands[0], ":@"))
		return cli_usage(e, "option '--all-tags': '%s' names one already", operands[0]);
	r = cli_engine(c, &engine, e);
	if (r < 0)
		return r;
	how.arg = transfer_begin(view);
	r = engine_image_pull(engine, operands[0], &how, &done, e);
	transfer_end(how.arg);
	for (size_t i = 0; r == 0 && i < done.n; i++)
		print_result(&done.v[i], operands[0], view);
	return r;
}

int pull_image(struct cli *c, struct engine *engine, const char *image, struct err *e)
{
	enum transfer_view view = transfer_view(c, false, false);
	struct transfer how = { .each = transfer_show, .arg = transfer_begin(view) };
	auto_transferred done = { 0 };
	int r = engine_image_pull(engine, image, &how, &done, e);

	transfer_end(how.arg);
	if (r == 0 && done.n && view == TRANSFER_SHOWN)
		print_status(&done.v[0], image);
	return r;
}

static const struct verb_example examples[] = {
	{ "redock pull debian:12", "the image debian:12 of Docker Hub" },
	{ "redock pull localhost:5000/team/app", "of another registry" },
	{ "redock pull --platform linux/arm64 debian", "for another kind of machine" },
	{ NULL },
};

const struct verb verb_pull = {
	.name = "pull",
	.group = GROUP_IMAGES,
	.operands = "NAME[:TAG|@DIGEST]",
	.summary = "Get an image from a registry",
	.description =
		"A NAME without a registry's host is one of Docker Hub, as with docker; the tag is "
		"'latest' unless given. The whole name is printed, progress goes to standard "
		"error.\n"
		"\n"
		"Layers come at the same time and are verified and unpacked meanwhile; nothing has "
		"a name before all of it is verified. What an interrupted pull has got is kept, "
		"and "
		"the next one goes on there.\n"
		"\n"
		"Credentials come from redock login, $REGISTRY_AUTH_FILE or Docker's config.json "
		"with its helpers. Mirrors, certificates and hosts without TLS: redock.conf(5).",
	.options = options,
	.examples = examples,
	.options_size = sizeof(struct pull_options),
	.min_operands = 1,
	.max_operands = 1,
	.run = pull_run,
};
