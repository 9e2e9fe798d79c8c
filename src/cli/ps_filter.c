#include "cli/ps_filter.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"

#include <string.h>

const char *const ps_filters[] = { "id", "name", "label", "status", "exited", "health", "ancestor",
	"volume", "network", "publish", "expose", "before", "since", NULL };

bool ps_filter_all(const struct listing_options *o)
{
	for (size_t i = 0; i < o->filters.n; i++)
		if (str_starts(o->filters.v[i], "status=") ||
			str_starts(o->filters.v[i], "exited="))
			return true;
	return false;
}

int ps_filter_check(const struct listing_options *o, struct err *e)
{
	static const struct {
		const char *key, *values; /* a blank before and behind each */
	} known[] = {
		{ "status=", " created restarting running removing paused exited dead " },
		{ "health=", " starting healthy unhealthy none " },
	};

	for (size_t i = 0; i < o->filters.n; i++)
		for (size_t k = 0; k < ARRAY_SIZE(known); k++) {
			const char *value = o->filters.v[i] + strlen(known[k].key);
			auto_free char *word = NULL;
			if (!str_starts(o->filters.v[i], known[k].key))
				continue;
			word = xasprintf(" %s ", value);
			if (strstr(known[k].values, word))
				continue;
			cli_usage(e, "no container can be '%s'", value);
			err_hint(e, "one of%s", known[k].values);
			return CLI_USAGE;
		}
	return 0;
}

static bool id_matches(const void *arg, const char *value)
{
	return str_starts(((const struct container_info *)arg)->id, value);
}

static bool name_matches(const void *arg, const char *value)
{
	const struct container_info *info = arg;

	return strstr(info->config.name, value) ||
	       (info->config.machine && strstr(info->config.machine, value));
}

static bool status_matches(const void *arg, const char *value)
{
	return str_eq(container_state_text(((const struct container_info *)arg)->state), value);
}

static bool exited_matches(const void *arg, const char *value)
{
	const struct container_info *info = arg;
	uint64_t code;

	return info->state == CONTAINER_EXITED && str_to_u64(value, 0, 255, &code) == 0 &&
	       info->exit_code == (int)code;
}

static bool health_matches(const void *arg, const char *value)
{
	return str_eq(health_status_text(((const struct container_info *)arg)->health), value);
}

/* "img", "img:tag" or the beginning of an id */
static bool ancestor_matches(const void *arg, const char *value)
{
	const struct container_info *info = arg;
	const char *image = info->config.image, *id = info->image_id;
	size_t n = strlen(value);

	if (str_eq(image, value) || (str_starts(image, value) && str_eq(image + n, ":latest")))
		return true;
	return id && n >= 4 &&
	       (str_starts(id, value) || (str_starts(id, "sha256:") && str_starts(id + 7, value)));
}

static bool volume_matches(const void *arg, const char *value)
{
	const struct container_info *info = arg;

	for (size_t i = 0; i < info->n_mounts; i++) {
		const struct mount_info *m = &info->mounts[i];
		if ((m->name && str_eq(m->name, value)) || str_eq(m->target, value) ||
			(m->source && str_eq(m->source, value)))
			return true;
	}
	return false;
}

static bool network_matches(const void *arg, const char *value)
{
	const struct container_info *info = arg;

	for (size_t i = 0; i < info->n_endpoints; i++) {
		const struct endpoint_info *n = &info->endpoints[i];
		if ((n->network && str_eq(n->network, value)) ||
			(n->network_id && strlen(value) >= 4 && str_starts(n->network_id, value)))
			return true;
	}
	return info->config.network && str_eq(info->config.network, value);
}

static bool port_matches(const struct container_info *info, const char *value, bool published)
{
	size_t len = strcspn(value, "/");
	auto_free char *number = xstrndup(value, len);
	const char *protocol = value[len] ? value + len + 1 : "tcp";
	uint64_t port;

	if (str_to_u64(number, 1, UINT16_MAX, &port) < 0)
		return false;
	for (size_t i = 0; i < info->n_ports; i++) {
		const struct port_binding *p = &info->ports[i];
		if (str_eq(p->protocol, protocol) &&
			(p->container_port == port || (published && p->host_port == port)) &&
			(!published || p->host_port))
			return true;
	}
	return false;
}

static bool publish_matches(const void *arg, const char *value)
{
	return port_matches(arg, value, true);
}

static bool expose_matches(const void *arg, const char *value)
{
	return port_matches(arg, value, false);
}

struct relative {
	const struct container_list *list;
	int64_t created;
};

/* When the container of that name or id was made; 0 when there is none. */
static int64_t created_of(const struct container_list *list, const char *name)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct container_info *info = &list->v[i];
		if (str_eq(info->config.name, name) ||
			(info->config.machine && str_eq(info->config.machine, name)) ||
			(strlen(name) >= 4 && str_starts(info->id, name)))
			return info->created;
	}
	return 0;
}

static bool before_matches(const void *arg, const char *value)
{
	const struct relative *r = arg;
	int64_t created = created_of(r->list, value);

	return created && r->created < created;
}

static bool since_matches(const void *arg, const char *value)
{
	const struct relative *r = arg;
	int64_t created = created_of(r->list, value);

	return created && r->created > created;
}

bool ps_filter(const struct listing_options *o, const struct container_list *list,
	const struct container_info *info)
{
	static const struct {
		const char *key;
		listing_match *match;
	} filters[] = {
		{ "id", id_matches },
		{ "name", name_matches },
		{ "status", status_matches },
		{ "exited", exited_matches },
		{ "health", health_matches },
		{ "ancestor", ancestor_matches },
		{ "volume", volume_matches },
		{ "network", network_matches },
		{ "publish", publish_matches },
		{ "expose", expose_matches },
	};
	struct relative relative = { list, info->created };

	if (o->filters.n == 0)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(filters); i++)
		if (!listing_filter(o, filters[i].key, filters[i].match, info))
			return false;
	return listing_filter(o, "before", before_matches, &relative) &&
	       listing_filter(o, "since", since_matches, &relative) &&
	       listing_filter_labels(o, &info->config.labels);
}
