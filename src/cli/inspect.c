#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/image.h"
#include "cli/inspect.h"
#include "cli/listing.h"
#include "cli/output.h"
#include "cli/resolve.h"
#include "cli/suggest.h"
#include "cli/verbs.h"
#include "engine/inspect_json.h"

#include <errno.h>

struct inspect_options {
	const char *format, *type;
	bool size, json;
};

static int value_type(const char *text, void *ret_text, struct err *e)
{
	static const char *const types[] = { "container", "machine", "image", "volume", "network" };

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (str_eq(text, types[i])) {
			*(const char **)ret_text = text;
			return 0;
		}
	err_set(e, EINVAL, "'%s' is no kind of object", text);
	return err_hint(e, "container, image, volume or network");
}

#define TARGET(member) offsetof(struct inspect_options, member)
static const struct verb_option options[] = {
	{ OPTION_TEXT, 'f', "format", "TEMPLATE", "json or '{{.State.Status}}'", TARGET(format) },
	{ OPTION_TEXT, 0, "type", "KIND", "container, image, volume or network", TARGET(type),
		value_type },
	{ OPTION_FLAG, 's', "size", NULL, "with SizeRw and SizeRootFs of containers",
		TARGET(size) },
	{ OPTION_FLAG, 0, "json", NULL, NULL, TARGET(json) }, /* it is JSON anyway */
	{ 0 },
};

static int inspect_container(
	struct engine *engine, const char *name, bool size, json_t **ret, struct err *e)
{
	auto_resolved found = { 0 };
	auto_container_info whole = { 0 };
	uint64_t own, all;
	int r = resolve(engine, name, &found, e);

	if (r < 0)
		return r;
	if (found.as == NAMED_NOTHING)
		return -ENOENT;
	r = engine_inspect(engine, found.info.id, &whole, e); /* with its probes */
	if (r < 0)
		return r;
	*ret = inspect_container_json(&whole);
	if (!size)
		return 0;
	r = engine_container_size(engine, whole.id, &own, &all, e);
	if (r < 0)
		return r;
	json_object_set_new(*ret, "SizeRw", json_integer((json_int_t)own));
	json_object_set_new(*ret, "SizeRootFs", json_integer((json_int_t)all));
	return 0;
}

static int inspect_image(struct engine *engine, const char *name, json_t **ret, struct err *e)
{
	struct image_info info = { 0 };
	int r = engine_image_inspect(engine, name, &info, e);

	if (r < 0)
		return r;
	*ret = inspect_image_json(&info);
	image_info_release(&info);
	return 0;
}

static int inspect_volume(struct engine *engine, const char *name, json_t **ret, struct err *e)
{
	auto_volume_info info = { 0 };
	int r = engine_volume_inspect(engine, name, &info, e);

	if (r >= 0)
		*ret = inspect_volume_json(&info);
	return r < 0 ? r : 0;
}

static int inspect_network(struct engine *engine, const char *name, json_t **ret, struct err *e)
{
	auto_network_info info = { 0 };
	int r = engine_network_inspect(engine, name, &info, e);

	if (r >= 0)
		*ret = inspect_network_json(&info);
	return r < 0 ? r : 0;
}

/* An engine without volumes has none of that name. */
static bool goes_on(int r)
{
	return r == -ENOENT || r == -ENOTSUP || r == -EINVAL;
}

int inspect_one(struct engine *engine, const char *type, const char *name, bool size, json_t **ret,
	struct err *e)
{
	bool any = type == NULL;
	int r = -ENOENT;

	*ret = NULL;
	if (any || str_eq(type, "container") || str_eq(type, "machine"))
		r = inspect_container(engine, name, size, ret, e);
	if ((any && goes_on(r)) || (!any && str_eq(type, "image")))
		r = inspect_image(engine, name, ret, e);
	if ((any && goes_on(r)) || (!any && str_eq(type, "volume")))
		r = inspect_volume(engine, name, ret, e);
	if ((any && goes_on(r)) || (!any && str_eq(type, "network")))
		r = inspect_network(engine, name, ret, e);
	if (r >= 0 || !(any ? goes_on(r) : r == -ENOENT))
		return r;
	err_set(e, ENOENT, "no %s '%s'", any ? "container, image, volume or network" : type, name);
	err_hint(e, "redock ps -a, redock images");
	if (any || str_eq(type, "container"))
		suggest_container(engine, "redock inspect", name, e);
	else if (str_eq(type, "image"))
		suggest_image(engine, "redock inspect", name, e);
	else if (str_eq(type, "volume"))
		suggest_volume(engine, "redock volume inspect", name, e);
	else
		suggest_network(engine, "redock network inspect", name, e);
	return -ENOENT;
}

int inspect_all(struct cli *c, const char *type, const char *format, bool size, char **names,
	size_t n, struct err *e)
{
	auto_json *array = json_array();
	struct engine *engine;
	int status = 0, r = cli_engine(c, &engine, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		json_t *one = NULL;
		struct err why = { 0 };

		r = inspect_one(engine, type, names[i], size, &one, &why);
		if (r >= 0 && format)
			r = listing_print_one(format, one, &why);
		if (r < 0) {
			cli_complain(&why);
			status = STATUS_FAILED;
		} else if (!format) {
			json_array_append(array, one);
		}
		json_decref(one);
	}
	if (!format)
		output_json(array);
	return status;
}

static int inspect_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	const struct inspect_options *o = opt;

	return inspect_all(c, o->type, o->format, o->size, operands, n_operands, e);
}

static const struct verb_example examples[] = {
	{ "redock inspect web", "all there is to know about 'web', as JSON" },
	{ "redock inspect -f '{{.State.Pid}}' web", "the process id of its first process" },
	{ "redock inspect -f '{{json .Mounts}}' web | jq .", "a part of it" },
	{ NULL },
};

const struct verb verb_inspect = {
	.name = "inspect",
	.group = GROUP_WATCHING,
	.operands = "NAME...",
	.summary = "Show all about containers, images, volumes, networks",
	.description =
		"An array of objects with Docker's members. NAME is looked for among containers "
		"and machines first, then images, volumes and networks; --type says which.\n"
		"\n"
		"TEMPLATE is written as for Docker: {{.A.B}}, {{json .}}, {{range "
		".List}}...{{end}}, "
		"{{range $key, $value := .Map}}, {{if eq .A \"b\"}}...{{else}}...{{end}}, "
		"{{with}}, "
		"pipes, and the functions and, eq, ge, gt, index, join, json, le, len, lower, lt, "
		"ne, not, or, pad, print, printf, println, slice, split, title, truncate, upper.",
	.options = options,
	.examples = examples,
	.options_size = sizeof(struct inspect_options),
	.min_operands = 1,
	.max_operands = OPERANDS_ANY,
	.run = inspect_run,
};

static int image_inspect_run(
	struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	const struct inspect_options *o = opt;

	return inspect_all(c, "image", o->format, false, operands, n_operands, e);
}

static const struct verb_option image_options[] = {
	{ OPTION_TEXT, 'f', "format", "TEMPLATE", "json or '{{.Config.Cmd}}'", TARGET(format) },
	{ 0 },
};

static const struct verb_example image_examples[] = {
	{ "redock image inspect web", "all there is to know about the image 'web', as JSON" },
	{ "redock image inspect -f '{{.RepoDigests}}' web", "what registries know it by" },
	{ NULL },
};

const struct verb verb_image_inspect = {
	.name = "image inspect",
	.group = GROUP_IMAGES,
	.operands = "IMAGE...",
	.summary = "Show all about images, as JSON",
	.description = "See inspect.",
	.options = image_options,
	.examples = image_examples,
	.options_size = sizeof(struct inspect_options),
	.min_operands = 1,
	.max_operands = OPERANDS_ANY,
	.run = image_inspect_run,
};
