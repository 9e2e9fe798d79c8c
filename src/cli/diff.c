#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/output.h"
#include "cli/resolve.h"
#include "cli/text.h"
#include "cli/verbs.h"

#include <errno.h>

struct diff_options {
	bool json;
};

static const struct verb_option options[] = {
	{ OPTION_FLAG, 0, "json", NULL, "print an array of objects",
		offsetof(struct diff_options, json) },
	{ 0 },
};

static void print_json(const struct change_list *list)
{
	auto_json *array = json_array();

	for (size_t i = 0; i < list->n; i++) {
		json_t *o = json_object();
		json_object_set_new(o, "Path", output_string(list->v[i].path));
		json_object_set_new(o, "Kind", json_integer(list->v[i].kind));
		json_array_append_new(array, o);
	}
	output_json(array);
}

static int diff_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	static const char letters[] = {
		[CHANGE_MODIFIED] = 'C', [CHANGE_ADDED] = 'A', [CHANGE_DELETED] = 'D'
	};
	const struct diff_options *o = opt;
	auto_container_info info = { 0 };
	struct change_list list = { 0 };
	struct engine *engine;
	int r = cli_engine(c, &engine, e);

	if (r < 0 || (r = resolve_container(engine, "diff", operands[0], &info, e)) < 0)
		return r;
	r = engine_diff(engine, info.id, &list, e);
	if (r < 0)
		return err_wrap(e, "cannot compare '%s' with its image", operands[0]);
	if (o->json)
		print_json(&list);
	for (size_t i = 0; i < list.n && !o->json; i++) {
		auto_str path = STR_INIT(1 << 20);

		text_add_escaped(&path, list.v[i].path);
		printf("%c %s\n", letters[list.v[i].kind], str_text(&path));
	}
	change_list_release(&list);
	return 0;
}

static const struct verb_example examples[] = {
	{ "redock diff web", "what has been changed in 'web' since it was made" },
	{ NULL },
};

const struct verb verb_diff = {
	.name = "diff",
	.group = GROUP_INSIDE,
	.operands = "CONTAINER",
	.summary = "List what differs from the image",
	.description =
		"One path a line, after A (added), C (changed) or D (deleted). The objects of "
		"--json have the keys Path and Kind: 0 changed, 1 added, 2 deleted.",
	.options = options,
	.examples = examples,
	.options_size = sizeof(struct diff_options),
	.min_operands = 1,
	.max_operands = 1,
	.run = diff_run,
};
