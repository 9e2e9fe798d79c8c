#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "cli/prune.h"
#include "cli/text.h"
#include "cli/values.h"

#include <errno.h>
#include <string.h>

void prune_list_release(struct prune_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].id);
		free(l->v[i].text);
	}
	free(l->v);
	*l = (struct prune_list){ 0 };
}

const char *prune_kind_text(enum prune_kind kind)
{
	return kind == PRUNE_CONTAINERS ? "containers"
	       : kind == PRUNE_NETWORKS ? "networks"
	       : kind == PRUNE_IMAGES   ? "images"
					: "volumes";
}

struct collector {
	struct engine *engine;
	const struct prune_options *o;
	struct prune_list *list;
	struct container_list containers; /* all that there are */
	bool *leaves;                     /* which of them go */
};

static void add(struct collector *c, enum prune_kind kind, const char *id, char *text)
{
	struct prune_list *l = c->list;

	l->v = xrealloc_array(l->v, l->n + 1, sizeof *l->v);
	l->v[l->n++] = (struct prune_item){ kind, xstrdup(id), text };
}

static bool is_older(const void *created, const char *value)
{
	struct err ignored = { 0 };
	int64_t until;

	return value_moment(value, &until, &ignored) >= 0 && *(const int64_t *)created < until;
}

static bool is_wanted(const struct collector *c, int64_t created, const struct strv *labels)
{
	return listing_filter(&c->o->listing, "until", is_older, &created) &&
	       listing_filter_labels(&c->o->listing, labels);
}

static bool has_ended(const struct container_info *info)
{
	return info->state == CONTAINER_EXITED || info->state == CONTAINER_CREATED;
}

/* A stopped machine is not rubbish: it is somebody's work. */
static void collect_containers(struct collector *c)
{
	int64_t now = time_now();

	for (size_t i = 0; i < c->containers.n; i++) {
		const struct container_info *info = &c->containers.v[i];
		char ago[48];

		if (!has_ended(info) || info->config.machine ||
			!is_wanted(c, info->created, &info->config.labels))
			continue;
		c->leaves[i] = true;
		text_ago(info->finished ? info->finished : info->created, now, ago);
		add(c, PRUNE_CONTAINERS, info->id,
			xasprintf("%.12s  %s (%s, %s)", info->id, info->config.name,
				container_state_text(info->state), ago));
	}
}

static bool is_on(const struct container_info *info, const struct network_info *n)
{
	if (info->config.network &&
		(str_eq(info->config.network, n->name) || str_eq(info->config.network, n->id)))
		return true;
	for (size_t i = 0; i < info->config.n_endpoints; i++) {
		const char *network = info->config.endpoints[i].network;
		if (str_eq(network, n->name) || str_eq(network, n->id))
			return true;
	}
	return false;
}

static int collect_networks(struct collector *c, struct err *e)
{
	auto_network_list list = { 0 };
	int r = engine_network_list(c->engine, &list, e);

	for (size_t i = 0; i < list.n && r >= 0; i++) {
		const struct network_info *n = &list.v[i];
		bool used = n->predefined || n->n_members > 0;

		for (size_t k = 0; k < c->containers.n && !used; k++)
			used = !c->leaves[k] && is_on(&c->containers.v[k], n);
		if (!used && is_wanted(c, n->created, &n->labels))
			add(c, PRUNE_NETWORKS, n->id, xasprintf("%.12s  %s", n->id, n->name));
	}
	return r;
}

static bool uses_image(const struct collector *c, const struct image_info *image)
{
	for (size_t i = 0; i < c->containers.n; i++)
		if (!c->leaves[i] && c->containers.v[i].image_id &&
			str_eq(c->containers.v[i].image_id, image->id))
			return true;
	return false;
}

static int collect_images(struct collector *c, struct err *e)
{
	auto_image_list list = { 0 };
	int r = engine_image_list(c->engine, &list, e);

	for (size_t i = 0; i < list.n && r >= 0; i++) {
		const struct image_info *image = &list.v[i];
		bool ours = str_starts(image->reference, "redock:");
		char size[16];

		if (!(image->dangling || (c->o->all && !ours)) || uses_image(c, image) ||
			!is_wanted(c, image->created, &image->config.labels))
			continue;
		text_size(image->size, size);
		add(c, PRUNE_IMAGES, image->dangling ? image->id : image->reference,
			xasprintf("%.12s  %s (%s)",
				str_starts(image->id, "sha256:") ? image->id + 7 : image->id,
				image->reference, size));
	}
	return r;
}

/* How many of the containers that stay mount it. */
static bool uses_volume(const struct collector *c, const struct volume_info *v)
{
	for (size_t i = 0; i < c->containers.n; i++)
		for (size_t k = 0; k < c->containers.v[i].n_mounts && !c->leaves[i]; k++) {
			const char *name = c->containers.v[i].mounts[k].name;
			if (name && str_eq(name, v->name))
				return true;
		}
	return false;
}

/* An anonymous one goes with the container that is pruned, so it is not listed then. */
static int collect_volumes(struct collector *c, struct err *e)
{
	auto_volume_list list = { 0 };
	int r = engine_volume_list(c->engine, true, &list, e);

	for (size_t i = 0; i < list.n && r >= 0; i++) {
		const struct volume_info *v = &list.v[i];
		char size[16] = "?";

		if (!(v->anonymous || c->o->all) || uses_volume(c, v) ||
			!is_wanted(c, v->created, &v->labels))
			continue;
		if (v->size >= 0)
			text_size((uint64_t)v->size, size);
		add(c, PRUNE_VOLUMES, v->name, xasprintf("%s (%s)", v->name, size));
	}
	return r;
}

int prune_collect(struct engine *engine, const struct prune_options *o, int kinds,
	struct prune_list *ret, struct err *e)
{
	struct collector c = { .engine = engine, .o = o, .list = ret };
	int r = engine_list(engine, true, &c.containers, e);

	if (r < 0)
		return r;
	c.leaves = xcalloc(c.containers.n + 1, sizeof *c.leaves);
	if (kinds & PRUNE_CONTAINERS)
		collect_containers(&c);
	if (kinds & PRUNE_NETWORKS)
		r = collect_networks(&c, e);
	if (r >= 0 && kinds & PRUNE_IMAGES)
		r = collect_images(&c, e);
	if (r >= 0 && kinds & PRUNE_VOLUMES)
		r = collect_volumes(&c, e);
	free(c.leaves);
	container_list_release(&c.containers);
	return r < 0 ? r : 0;
}
