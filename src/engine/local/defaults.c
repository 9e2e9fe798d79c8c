/* What a configuration becomes before a container is made of it: the image's defaults, and names of
 * other containers as their ids. */
#include "engine/local/defaults.h"
#include "base/mem.h"
#include "engine/local/volumes.h"

#include <string.h>

#define EXPOSED_MAX 4096

static void set_env(struct strv *env, const struct strv *image)
{
	struct strv own = *env;

	*env = (struct strv){ 0 };
	strv_extend(env, image->v);
	for (size_t i = 0; i < own.n; i++) {
		const char *entry = own.v[i];
		if (strchr(entry, '=')) {
			strv_set_env(env, entry);
		} else if (getenv(entry)) { /* -e KEY hands on the caller's */
			auto_free char *full = xasprintf("%s=%s", entry, getenv(entry));
			strv_set_env(env, full);
		}
	}
	if (!strv_get_env(env, "PATH"))
		strv_push(env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	strv_release(&own);
}

/* An empty text counts as missing. */
static void set_default(char **member, const char *otherwise)
{
	if (*member && **member)
		return;
	free(*member);
	*member = otherwise && *otherwise ? xstrdup(otherwise) : NULL;
}

static int set_command(struct container_config *c, const struct image *image, struct err *e)
{
	bool own = c->entrypoint.n > 0;

	if (own && !*c->entrypoint.v[0]) /* "": none, not even the image's */
		strv_release(&c->entrypoint);
	if (!own)
		strv_extend(&c->entrypoint, image->entrypoint.v);
	if (!own && !c->cmd.n) /* an entrypoint of one's own drops the image's command */
		strv_extend(&c->cmd, image->cmd.v);
	if (c->entrypoint.n + c->cmd.n == 0) {
		err_set(e, EINVAL, "image '%s' says no command, and none was given", c->image);
		return err_hint(e, "redock run %s COMMAND", c->image);
	}
	return 0;
}

/* The image's labels, then the container's own over them. */
static void set_labels(struct container_config *c, const struct image *image)
{
	struct strv own = c->labels;

	c->labels = (struct strv){ 0 };
	strv_extend(&c->labels, image->labels.v);
	for (size_t i = 0; i < own.n; i++)
		strv_set_env(&c->labels, own.v[i]);
	strv_release(&own);
	if (c->machine)
		strv_pushf(&c->labels, "redock.machine=%s", c->machine);
}

/* Each member that the container does not say by itself. */
static void set_health(struct health_config *h, const struct image_health *image)
{
	struct {
		int64_t *own, image;
	} numbers[] = {
		{ &h->interval, image->interval },
		{ &h->timeout, image->timeout },
		{ &h->start_period, image->start_period },
		{ &h->start_interval, image->start_interval },
		{ &h->retries, image->retries },
	};

	if (!h->test.n)
		strv_extend(&h->test, image->test.v);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (!*numbers[i].own)
			*numbers[i].own = numbers[i].image;
}

static void expose(struct strv *exposed, unsigned port, const char *protocol)
{
	auto_free char *entry = xasprintf("%u/%s", port, protocol);

	if (exposed->n < EXPOSED_MAX && !strv_has(exposed, entry))
		strv_push(exposed, entry);
}

/* "80", "80/udp", "8000-8010/tcp": one entry a port. */
static int expose_text(struct strv *exposed, const char *text, struct err *e)
{
	uint64_t first, last;
	char number[16];
	size_t n = strcspn(text, "/"), dash;
	const char *protocol = text[n] ? text + n + 1 : "tcp";

	snprintf(number, sizeof number, "%.*s", (int)n, text);
	dash = strcspn(number, "-");
	if (n < sizeof number &&
		(str_eq(protocol, "tcp") || str_eq(protocol, "udp") || str_eq(protocol, "sctp"))) {
		bool range = number[dash] != '\0';
		number[dash] = '\0';
		if (str_to_u64(number, 1, UINT16_MAX, &first) == 0 &&
			(!range || str_to_u64(number + dash + 1, first, UINT16_MAX, &last) == 0)) {
			for (uint64_t port = first; port <= (range ? last : first); port++)
				expose(exposed, (unsigned)port, protocol);
			return 0;
		}
	}
	err_set(e, EINVAL, "'%.40s' is no port to expose", text);
	return err_hint(e, "PORT[/PROTOCOL], or FIRST-LAST/PROTOCOL");
}

static int set_exposed(struct container_config *c, const struct image *image, struct err *e)
{
	auto_strv own = c->exposed;

	c->exposed = (struct strv){ 0 };
	for (size_t i = 0; i < image->exposed.n; i++)
		if (expose_text(&c->exposed, image->exposed.v[i], e) < 0)
			return -e->code;
	for (size_t i = 0; i < own.n; i++)
		if (expose_text(&c->exposed, own.v[i], e) < 0)
			return -e->code;
	for (size_t i = 0; i < c->n_ports; i++) /* what is published is exposed */
		expose(&c->exposed, c->ports[i].container_port,
			c->ports[i].protocol ? c->ports[i].protocol : "tcp");
	return 0;
}

/* ---- other containers ---- */

/* The id of a container that an option refers to. */
static int resolve(struct local *l, const struct container_config *c, const char *option,
	const char *name, char ret[ENGINE_ID_SIZE], struct err *e)
{
	int r;

	if (c->name && str_eq(c->name, name))
		return err_set(
			e, EINVAL, "container '%s' cannot refer to itself (%s)", name, option);
	r = *name ? local_resolve(l, name, ret, e)
		  : err_set(e, EINVAL, "%s names no container", option);
	return r < 0 ? err_wrap(e, "%s", option) : 0;
}

/* "container:NAME" with the id for the name; anything else stays. */
static int resolve_mode(struct local *l, const struct container_config *c, const char *option,
	char **mode, struct err *e)
{
	static const char prefix[] = "container:";
	char id[ENGINE_ID_SIZE];

	if (!*mode || !str_starts(*mode, prefix))
		return 0;
	if (resolve(l, c, option, *mode + strlen(prefix), id, e) < 0)
		return -e->code;
	free(*mode);
	*mode = xasprintf("%s%s", prefix, id);
	return 0;
}

/* "NAME:REST" of a list, with the id for the name; without REST `otherwise`, or the name itself. */
static int resolve_list(struct local *l, const struct container_config *c, const char *option,
	struct strv *list, bool rest_is_name, struct err *e)
{
	for (size_t i = 0; i < list->n; i++) {
		char id[ENGINE_ID_SIZE];
		size_t n = strcspn(list->v[i], ":");
		auto_free char *name = xstrndup(list->v[i], n);
		const char *rest = list->v[i][n] ? list->v[i] + n + 1 : rest_is_name ? name : "";
		char *entry;
		if (resolve(l, c, option, name, id, e) < 0)
			return -e->code;
		entry = *rest ? xasprintf("%s:%s", id, rest) : xstrdup(id);
		free(list->v[i]);
		list->v[i] = entry;
	}
	return 0;
}

static int check_link_names(const struct container_config *c, struct err *e)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

	for (size_t i = 0; i < c->links.n; i++) {
		const char *alias = strchr(c->links.v[i], ':') + 1;
		if (!*alias || strspn(alias, allowed) != strlen(alias) || strlen(alias) > 253)
			return err_set(e, EINVAL, "'%.60s' cannot be the name of a link", alias);
	}
	return 0;
}

static int resolve_all(struct local *l, struct container_config *c, struct err *e)
{
	if (resolve_mode(l, c, "--network", &c->network, e) < 0 ||
		resolve_mode(l, c, "--pid", &c->pid_mode, e) < 0 ||
		resolve_mode(l, c, "--ipc", &c->ipc_mode, e) < 0 ||
		resolve_list(l, c, "--volumes-from", &c->volumes_from, false, e) < 0 ||
		resolve_list(l, c, "--link", &c->links, true, e) < 0)
		return -e->code;
	return check_link_names(c, e);
}

static int set_hostname(struct local *l, struct container *c, struct err *e)
{
	struct container_config *config = &c->config;
	const bool given = config->hostname && *config->hostname;
	const bool joined = str_starts(config->network, "container:");
	const bool host_uts = config->uts_mode && str_eq(config->uts_mode, "host");
	auto_container other = { 0 };
	char name[65];

	if (given && (joined || host_uts)) {
		err_set(e, EINVAL, "a container cannot have a host name of its own with %s",
			joined ? "another container's network" : "the host's");
		return err_hint(e, "leave out --hostname");
	}
	if (given)
		return 0;
	if (joined) {
		if (container_load(l, config->network + strlen("container:"), &other, e) < 0)
			return -e->code;
		set_default(&config->hostname, other.config.hostname);
	} else if (host_uts || str_eq(config->network, "host")) {
		if (gethostname(name, sizeof name) < 0)
			return err_errno(e, "cannot read the host's name");
		name[sizeof name - 1] = '\0';
		set_default(&config->hostname, name);
	}
	snprintf(name, sizeof name, "%.12s", c->id);
	set_default(&config->hostname, name);
	return 0;
}

static int set_network(struct local *l, struct container_config *c, struct err *e)
{
	auto_network_info network = { 0 };

	if (c->network && str_eq(c->network, "default"))
		free(take_ptr(&c->network));
	set_default(&c->network, "bridge");
	if (str_eq(c->network, "bridge") || str_eq(c->network, "none") ||
		str_eq(c->network, "host") || str_starts(c->network, "container:"))
		return 0;
	if (engine_network_inspect(&l->engine, c->network, &network, e) < 0)
		return -e->code;
	free(c->network);
	c->network = xstrdup(network.name);
	if (c->n_endpoints && c->endpoints[0].network) {
		free(c->endpoints[0].network);
		c->endpoints[0].network = xstrdup(network.name);
	} else if (!c->n_endpoints) {
		container_config_add_endpoint(c)->network = xstrdup(network.name);
	}
	return 0;
}

int defaults_fill(struct local *l, struct container *c, const struct container_config *cfg,
	const struct image *image, struct err *e)
{
	struct container_config *config = &c->config;

	container_config_copy(cfg, config);
	c->image_id = xstrdup(image->config.text);
	c->manifest = xstrdup(image->manifest.text);
	strv_extend(&c->layers, image->layers.v);
	set_default(&config->workdir, image->workdir);
	set_default(&config->workdir, "/");
	set_default(&config->user, image->user);
	set_default(&config->stop_signal, image->stop_signal);
	set_env(&config->env, &image->env);
	set_health(&config->health, &image->health);
	if (set_command(config, image, e) < 0 || set_exposed(config, image, e) < 0 ||
		set_network(l, config, e) < 0 || resolve_all(l, config, e) < 0 ||
		set_hostname(l, c, e) < 0)
		return -e->code;
	free(take_ptr(&config->name)); /* it has none until that is claimed */
	/* the container's own labels are checked before ours is among them */
	set_labels(config, image);
	return mounts_fill(l, c, image, e);
}
