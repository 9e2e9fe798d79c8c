/* The verbs whose second word says what to do. */
#include "cli/image.h"
#include "cli/network.h"
#include "cli/system.h"
#include "cli/verbs.h"
#include "cli/volume.h"

/* Most are the verbs that there are without the noun, too. */
static const struct verb *const image_verbs[] = {
	&verb_images,
	&verb_history,
	&verb_image_inspect,
	&verb_tag,
	&verb_pull,
	&verb_push,
	&verb_rmi,
	&verb_image_prune,
	&verb_save,
	&verb_load,
	&verb_import,
	NULL,
};

static const struct verb_example image_examples[] = {
	{ "redock image ls", "the same as redock images" },
	{ "redock image prune -a", "remove all images that no container was made from" },
	{ NULL },
};

const struct verb verb_image = {
	.name = "image",
	.group = GROUP_IMAGES,
	.operands = "ls|history|inspect|tag|pull|push|rm|prune|save|load|import",
	.summary = "Look after images",
	.description = "ls is images, rm is rmi; history, tag, pull, push, save, load and import "
		       "are the same as without image.",
	.examples = image_examples,
	.verbs = image_verbs,
};

static const struct verb *const network_verbs[] = {
	&verb_network_create,
	&verb_network_ls,
	&verb_network_inspect,
	&verb_network_connect,
	&verb_network_disconnect,
	&verb_network_rm,
	&verb_network_prune,
	&verb_network_reload,
	NULL,
};

static const struct verb_example network_examples[] = {
	{ "redock network create back", "a network; run --network back joins it" },
	{ "redock network ls", "all networks" },
	{ NULL },
};

const struct verb verb_network = {
	.name = "network",
	.group = GROUP_RESOURCES,
	.operands = "create|ls|inspect|connect|disconnect|rm|prune|reload",
	.summary = "Look after networks",
	.description = "Containers that share a network reach each other by name; those of "
		       "different networks do not reach each other at all.",
	.examples = network_examples,
	.verbs = network_verbs,
};

static const struct verb *const volume_verbs[] = {
	&verb_volume_create,
	&verb_volume_ls,
	&verb_volume_inspect,
	&verb_volume_rm,
	&verb_volume_prune,
	NULL,
};

static const struct verb_example volume_examples[] = {
	{ "redock volume create data", "a volume; run -v data:/var/lib/x uses it" },
	{ "redock volume ls", "all volumes" },
	{ NULL },
};

const struct verb verb_volume = {
	.name = "volume",
	.group = GROUP_RESOURCES,
	.operands = "create|ls|inspect|rm|prune",
	.summary = "Look after volumes",
	.description = "A volume holds files that outlive containers. An anonymous one, made by "
		       "run -v /PATH or by an image, goes with its container when that is removed "
		       "by rm -v or run --rm.",
	.examples = volume_examples,
	.verbs = volume_verbs,
};

static const struct verb *const system_verbs[] = {
	&verb_system_check,
	&verb_system_df,
	&verb_system_prune,
	&verb_system_reset,
	NULL,
};

static const struct verb_example system_examples[] = {
	{ "redock system check", "look whether what is stored is sound" },
	{ "redock system reset", "remove all that redock has made, after a question" },
	{ NULL },
};

const struct verb verb_system = {
	.name = "system",
	.group = GROUP_SYSTEM,
	.operands = "check|df|prune|reset",
	.summary = "Look after the installation",
	.description = "df and prune are the same as without system.",
	.examples = system_examples,
	.verbs = system_verbs,
};
