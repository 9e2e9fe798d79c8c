#include "cli/prune.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/image.h"
#include "cli/network.h"
#include "cli/progress.h"
#include "cli/system.h"
#include "cli/text.h"
#include "cli/verbs.h"
#include "cli/volume.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define TARGET(member) offsetof(struct prune_options, member)
static const struct verb_option options[] = {
	{ OPTION_FLAG, 'f', "force", NULL, "do not ask", TARGET(force) },
	{ OPTION_FLAG, 'a', "all", NULL, "images and volumes that have a name, too", TARGET(all) },
	{ OPTION_FLAG, 0, "volumes", NULL, "volumes too", TARGET(volumes) },
	{ OPTION_LIST, 0, "filter", "KEY=VALUE", "until=TIME, label=KEY[=VALUE]",
		TARGET(listing.filters) },
	{ 0 },
};
static const struct verb_option network_options[] = {
	{ OPTION_FLAG, 'f', "force", NULL, "do not ask", TARGET(force) },
	{ OPTION_LIST, 0, "filter", "KEY=VALUE", "until=TIME, label=KEY[=VALUE]",
		TARGET(listing.filters) },
	{ 0 },
};
static const struct verb_option image_options[] = {
	{ OPTION_FLAG, 'f', "force", NULL, "do not ask", TARGET(force) },
	{ OPTION_FLAG, 'a', "all", NULL, "those that have a name, too", TARGET(all) },
	{ OPTION_LIST, 0, "filter", "KEY=VALUE", "until=TIME, label=KEY[=VALUE]",
		TARGET(listing.filters) },
	{ 0 },
};
static const struct verb_option volume_options[] = {
	{ OPTION_FLAG, 'f', "force", NULL, "do not ask", TARGET(force) },
	{ OPTION_FLAG, 'a', "all", NULL, "those that have a name, too", TARGET(all) },
	{ OPTION_LIST, 0, "filter", "KEY=VALUE", "label=KEY[=VALUE]", TARGET(listing.filters) },
	{ 0 },
};

static void show(const struct prune_list *list)
{
	int kind = 0;

	progress_clear();
	for (size_t i = 0; i < list->n; i++) {
		auto_str text = STR_INIT(4096);

		if ((int)list->v[i].kind != kind) {
			kind = (int)list->v[i].kind;
			fprintf(stderr, "%s:\n", prune_kind_text(list->v[i].kind));
		}
		text_add_escaped(&text, list->v[i].text);
		fprintf(stderr, "  %s\n", str_text(&text));
	}
}

static int ask(const char *command, struct err *e)
{
	char answer[16] = "";

	if (!isatty(0) || !isatty(2)) {
		err_set(e, EPERM, "nobody can be asked whether to remove these");
		return err_hint(e, "redock %s --force", command);
	}
	fprintf(stderr, "Remove these? [y/N] ");
	if (!fgets(answer, sizeof answer, stdin) ||
		(!str_eq(answer, "y\n") && !str_eq(answer, "yes\n") && !str_eq(answer, "Y\n")))
		return err_set(e, ECANCELED, "nothing was removed");
	return 0;
}

static int remove_item(struct engine *engine, const struct prune_item *item, struct err *e)
{
	static const struct remove_options how = { .volumes = true };

	switch (item->kind) {
	case PRUNE_CONTAINERS:
		return engine_remove(engine, item->id, &how, e);
	case PRUNE_NETWORKS:
		return engine_network_remove(engine, item->id, e);
	case PRUNE_IMAGES:
		return engine_image_remove(engine, item->id, false, e);
	default:
		return engine_volume_remove(engine, item->id, e);
	}
}

/* Bytes of everything; 0 when the engine does not count. */
static uint64_t used(struct engine *engine)
{
	struct engine_usage u = { 0 };
	struct err ignored = { 0 };

	return engine_usage(engine, &u, &ignored) < 0
		       ? 0
		       : u.images_size + u.containers_size + u.volumes_size;
}

static int remove_all(struct engine *engine, const struct prune_list *list)
{
	uint64_t before = used(engine), after;
	int status = 0;
	char size[16];

	for (size_t i = 0; i < list->n; i++) {
		struct err why = { 0 };
		int r = remove_item(engine, &list->v[i], &why);

		if (r == -ENOENT) /* somebody was faster, or it went with its container */
			continue;
		if (r < 0) {
			cli_complain(&why);
			status = STATUS_FAILED;
			continue;
		}
		printf("%s\n", list->v[i].id);
	}
	after = used(engine);
	text_size(before > after ? before - after : 0, size);
	printf("Total reclaimed space: %s\n", size);
	return status;
}

static int prune(
	struct cli *c, const struct prune_options *o, const char *command, int kinds, struct err *e)
{
	static const char *const filters[] = { "until", "label", NULL };
	auto_prune_list list = { 0 };
	struct engine *engine;
	int r = listing_check(&o->listing, filters, e);

	if (r < 0 || (r = cli_engine(c, &engine, e)) < 0 ||
		(r = prune_collect(engine, o, kinds, &list, e)) < 0)
		return r;
	if (!list.n) {
		cli_note(c, "nothing to remove");
		return 0;
	}
	if (!o->force) {
		show(&list);
		r = ask(command, e);
		if (r < 0)
			return r;
	}
	return remove_all(engine, &list);
}

static int kinds_of(const char *word, struct err *e)
{
	static const struct {
		const char *one, *many;
		int kinds;
	} words[] = {
		{ "container", "containers", PRUNE_CONTAINERS },
		{ "network", "networks", PRUNE_NETWORKS },
		{ "image", "images", PRUNE_IMAGES },
		{ "volume", "volumes", PRUNE_VOLUMES },
		{ "all", "all", PRUNE_CONTAINERS | PRUNE_NETWORKS | PRUNE_IMAGES | PRUNE_VOLUMES },
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (str_eq(word, words[i].one) || str_eq(word, words[i].many))
			return words[i].kinds;
	cli_usage(e, "'%s' is no kind of object", word);
	err_hint(e, "containers, images, volumes, networks or all");
	return CLI_USAGE;
}

static int prune_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	const struct prune_options *o = opt;
	int kinds = PRUNE_CONTAINERS | PRUNE_NETWORKS | PRUNE_IMAGES;

	if (n_operands) {
		kinds = kinds_of(operands[0], e);
		if (kinds < 0)
			return kinds;
	}
	if (o->volumes)
		kinds |= PRUNE_VOLUMES;
	return prune(c, o, "prune", kinds, e);
}

static int network_prune_run(
	struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	return prune(c, opt, "network prune", PRUNE_NETWORKS, e);
}

static int volume_prune_run(
	struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	return prune(c, opt, "volume prune", PRUNE_VOLUMES, e);
}

static int image_prune_run(
	struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	return prune(c, opt, "image prune", PRUNE_IMAGES, e);
}

#define PRUNE_TEXT                                                                                 \
	"Lists it and asks first. Without an argument: containers that have ended, networks that " \
	"no container is on, images without a name that no container needs; 'all' and --volumes: " \
	"anonymous volumes that no container mounts, too. With --all images and volumes that "     \
	"have "                                                                                    \
	"a name are among them. Machines are left alone: kill removes those.\n"                    \
	"\n"                                                                                       \
	"Filters: until=TIME (made before then: 24h, or RFC 3339), label=KEY[=VALUE]."

static const struct verb_example examples[] = {
	{ "redock prune", "what nobody uses any more, after a question" },
	{ "redock prune images -a", "all images that no container was made from" },
	{ "redock prune containers -f --filter until=24h", "those made a day ago or before" },
	{ NULL },
};

const struct verb verb_prune = {
	.name = "prune",
	.group = GROUP_SYSTEM,
	.operands = "[containers|images|volumes|networks|all]",
	.summary = "Remove what nobody uses any more",
	.description = PRUNE_TEXT,
	.options = options,
	.examples = examples,
	.options_size = sizeof(struct prune_options),
	.max_operands = 1,
	.run = prune_run,
};

static const struct verb_example system_examples[] = {
	{ "redock system prune", "the same as redock prune" },
	{ NULL },
};

const struct verb verb_system_prune = {
	.name = "system prune",
	.group = GROUP_SYSTEM,
	.operands = "[containers|images|volumes|networks|all]",
	.summary = "Remove what nobody uses any more",
	.description = PRUNE_TEXT,
	.options = options,
	.examples = system_examples,
	.options_size = sizeof(struct prune_options),
	.max_operands = 1,
	.run = prune_run,
};

static const struct verb_example network_examples[] = {
	{ "redock network prune", "remove networks that no container is on" },
	{ NULL },
};

const struct verb verb_network_prune = {
	.name = "network prune",
	.group = GROUP_RESOURCES,
	.operands = "",
	.summary = "Remove networks that nobody uses",
	.description =
		"Lists them and asks first. A container that does not run uses its networks, "
		"too.",
	.options = network_options,
	.examples = network_examples,
	.options_size = sizeof(struct prune_options),
	.max_operands = 0,
	.run = network_prune_run,
};

static const struct verb_example image_examples[] = {
	{ "redock image prune", "remove images without a name that no container needs" },
	{ "redock image prune --all", "those with a name, too" },
	{ NULL },
};

const struct verb verb_image_prune = {
	.name = "image prune",
	.group = GROUP_IMAGES,
	.operands = "",
	.summary = "Remove images that no container was made from",
	.description =
		"Lists them and asks first. Without --all those that have no name. Images of "
		"machines and redock:base stay.",
	.options = image_options,
	.examples = image_examples,
	.options_size = sizeof(struct prune_options),
	.max_operands = 0,
	.run = image_prune_run,
};

static const struct verb_example volume_examples[] = {
	{ "redock volume prune", "remove anonymous volumes that no container mounts" },
	{ "redock volume prune --all", "those with a name too" },
	{ NULL },
};

const struct verb verb_volume_prune = {
	.name = "volume prune",
	.group = GROUP_RESOURCES,
	.operands = "",
	.summary = "Remove volumes that nobody uses",
	.description =
		"Lists them and asks first. Without --all those without a name of their own.",
	.options = volume_options,
	.examples = volume_examples,
	.options_size = sizeof(struct prune_options),
	.max_operands = 0,
	.run = volume_prune_run,
};
