/* network create, connect, disconnect, rm; see network_list.c for ls, inspect and prune. */
#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/network.h"
#include "cli/resolve.h"
#include "cli/suggest.h"
#include "cli/values.h"

#include <errno.h>

static int explain(
	struct engine *engine, const char *command, const char *name, int r, struct err *e)
{
	return r == -ENOENT && !e->hint[0] ? suggest_network(engine, command, name, e) : r;
}

/* ---- create ---- */

struct create_network_options {
	const char *driver, *subnet, *gateway;
	struct strv labels, options;
	bool internal;
};

#define TARGET(member) offsetof(struct create_network_options, member)
static const struct verb_option create_network_options[] = {
	{ OPTION_TEXT, 0, "subnet", "CIDR", "its addresses, such as 172.30.0.0/24 [a free one]",
		TARGET(subnet), value_line },
	{ OPTION_TEXT, 0, "gateway", "ADDRESS", "the host's own in it [the first]", TARGET(gateway),
		value_address },
	{ OPTION_FLAG, 0, "internal", NULL, "no way out to other networks", TARGET(internal) },
	{ OPTION_TEXT, 'd', "driver", "DRIVER", "bridge", TARGET(driver), value_line },
	{ OPTION_LIST, 'o', "opt", "KEY=VALUE", "an option of the driver", TARGET(options),
		value_setting_push },
	{ OPTION_LIST, 0, "label", "KEY[=VALUE]", "a note to find it by", TARGET(labels),
		value_label_push },
	{ 0 },
};

static int create_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	const struct create_network_options *o = opt;
	struct network_config config = {
		.driver = o->driver,
		.subnet = o->subnet,
		.gateway = o->gateway,
		.internal = o->internal,
		.labels = o->labels.v,
		.options = o->options.v,
	};
	char id[ENGINE_ID_SIZE];
	struct engine *engine;
	int r;

	if (value_container_name(operands[0], &config.name, e) < 0)
		return -e->code;
	r = cli_engine(c, &engine, e);
	if (r < 0)
		return r;
	r = engine_network_create(engine, &config, id, e);
	if (r < 0)
		return err_wrap(e, "cannot create network '%s'", operands[0]);
	printf("%s\n", id);
	return 0;
}

static const struct verb_example create_examples[] = {
	{ "redock network create back", "a network whose members know each other by name" },
	{ "redock network create --internal --subnet 172.30.0.0/24 db", "one without a way out" },
	{ NULL },
};

const struct verb verb_network_create = {
	.name = "network create",
	.group = GROUP_RESOURCES,
	.operands = "NAME",
	.summary = "Make a network",
	.description = "Containers on it reach each other, by name and alias too, and nothing on "
		       "other networks. The id is printed.",
	.options = create_network_options,
	.examples = create_examples,
	.options_size = sizeof(struct create_network_options),
	.min_operands = 1,
	.max_operands = 1,
	.run = create_run,
};

/* ---- connect and disconnect ---- */

struct connect_options {
	struct strv aliases;
	const char *address;
	bool force;
};

static const struct verb_option connect_options[] = {
	{ OPTION_LIST, 0, "alias", "NAME", "another name in that network",
		offsetof(struct connect_options, aliases), value_name_push },
	{ OPTION_TEXT, 0, "ip", "ADDRESS", "its address there [a free one]",
		offsetof(struct connect_options, address), value_address },
	{ 0 },
};

static int connect_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	const struct connect_options *o = opt;
	struct endpoint_config endpoint = {
		.network = operands[0],
		.aliases = o->aliases,
		.address = (char *)o->address,
	};
	auto_container_info info = { 0 };
	struct engine *engine;
	int r = cli_engine(c, &engine, e);

	if (r < 0 || (r = resolve_container(
			      engine, "network connect NETWORK", operands[1], &info, e)) < 0)
		return r;
	r = engine_network_connect(engine, info.id, &endpoint, e);
	if (r < 0) {
		explain(engine, "redock network connect", operands[0], r, e);
		return err_wrap(e, "cannot connect '%s' to '%s'", operands[1], operands[0]);
	}
	return 0;
}

static const struct verb_example connect_examples[] = {
	{ "redock network connect back web", "'web' is on the network 'back', too" },
	{ "redock network connect --alias db --ip 172.30.0.9 back pg", "by another name" },
	{ NULL },
};

const struct verb verb_network_connect = {
	.name = "network connect",
	.group = GROUP_RESOURCES,
	.operands = "NETWORK CONTAINER",
	.summary = "Put a container on another network, too",
	.description = "At once if it runs, else with its next start.",
	.options = connect_options,
	.examples = connect_examples,
	.options_size = sizeof(struct connect_options),
	.min_operands = 2,
	.max_operands = 2,
	.run = connect_run,
};

static const struct verb_option disconnect_options[] = {
	{ OPTION_FLAG, 'f', "force", NULL, "even if the container is damaged or gone",
		offsetof(struct connect_options, force) },
	{ 0 },
};

static int disconnect_run(
	struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	const struct connect_options *o = opt;
	auto_container_info info = { 0 };
	struct engine *engine;
	int r = cli_engine(c, &engine, e);

	if (r < 0)
		return r;
	r = resolve_container(engine, "network disconnect NETWORK", operands[1], &info, e);
	if (r < 0 && !o->force)
		return r;
	r = engine_network_disconnect(
		engine, r < 0 ? operands[1] : info.id, operands[0], o->force, e);
	if (r < 0) {
		explain(engine, "redock network disconnect", operands[0], r, e);
		return err_wrap(e, "cannot disconnect '%s' from '%s'", operands[1], operands[0]);
	}
	return 0;
}

static const struct verb_example disconnect_examples[] = {
	{ "redock network disconnect back web", "the other way round" },
	{ NULL },
};

const struct verb verb_network_disconnect = {
	.name = "network disconnect",
	.group = GROUP_RESOURCES,
	.operands = "NETWORK CONTAINER",
	.summary = "Take a container off a network",
	.description = "At once if it runs; its other networks stay as they are.",
	.options = disconnect_options,
	.examples = disconnect_examples,
	.options_size = sizeof(struct connect_options),
	.min_operands = 2,
	.max_operands = 2,
	.run = disconnect_run,
};

/* ---- rm ---- */

static const struct verb_option rm_options[] = {
	{ OPTION_FLAG, 'f', "force", NULL, "none is fine",
		offsetof(struct connect_options, force) },
	{ 0 },
};

static int rm_one(
	struct cli *c, struct engine *engine, void *opt, const char *operand, struct err *e)
{
	const struct connect_options *o = opt;
	int r = engine_network_remove(engine, operand, e);

	if (r == -ENOENT && o->force) {
		cli_note(c, "no network '%s': nothing to do", operand);
		return 0;
	}
	if (r < 0) {
		if (r == -ENOENT) { /* who removes one does not want to make it */
			err_hint(e, "redock network ls");
			suggest_network(engine, "redock network rm", operand, e);
		}
		return err_wrap(e, "cannot remove network '%s'", operand);
	}
	printf("%s\n", operand);
	return 0;
}

static int rm_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	return cli_for_each(c, rm_one, opt, operands, n_operands, e);
}

static const struct verb_example rm_examples[] = {
	{ "redock network rm back", "remove the network 'back'" },
	{ NULL },
};

const struct verb verb_network_rm = {
	.name = "network rm",
	.alias = "remove",
	.group = GROUP_RESOURCES,
	.operands = "NETWORK...",
	.summary = "Remove networks",
	.description = "Refused while a container, running or not, is on it.",
	.options = rm_options,
	.examples = rm_examples,
	.options_size = sizeof(struct connect_options),
	.min_operands = 1,
	.max_operands = OPERANDS_ANY,
	.run = rm_run,
};

/* ---- reload ---- */

static int reload_run(struct cli *c, void *opt, char **operands, size_t n_operands, struct err *e)
{
	struct engine *engine;
	int r = cli_engine(c, &engine, e);

	if (r == 0)
		r = engine_network_reload(engine, e);
	return r < 0 ? err_wrap(e, "cannot restore every network") : 0;
}

static const struct verb_example reload_examples[] = {
	{ "redock network reload", "after 'nft flush ruleset', say" },
	{ NULL },
};

const struct verb verb_network_reload = {
	.name = "network reload",
	.group = GROUP_RESOURCES,
	.operands = "",
	.summary = "Restore what somebody has removed",
	.description = "Makes bridges, links, firewall rules, published ports and name servers of "
		       "running containers as they should be, where another program or person "
		       "has removed them.",
	.examples = reload_examples,
	.run = reload_run,
};
