/* What is on the disk, and what of it nobody needs. */
#include "base/mem.h"
#include "engine/local/local.h"
#include "engine/local/size.h"

#include <fcntl.h>
#include <string.h>

struct layer_list {
	struct strv ids;    /* all layers, each once */
	struct strv active; /* those that a container needs */
};

static void add_layers(struct strv *to, const struct strv *layers)
{
	for (size_t i = 0; i < layers->n; i++)
		if (!strv_has(to, layers->v[i]))
			strv_push(to, layers->v[i]);
}

/* Also those of images whose names have moved on. */
static int add_pinned(struct local *l, struct layer_list *list, struct err *e)
{
	auto_strv ids = { 0 };
	int r = store_pins(l->store, &ids, e);

	for (size_t i = 0; r == 0 && i < ids.n; i++) {
		auto_image image = { 0 };
		struct err ignored;
		struct digest d;
		if (store_pin_digest(l->store, ids.v[i], &d, &ignored) < 0 ||
			store_manifest(l->store, &d, &image, &ignored) < 0)
			continue; /* gone, or damaged: neither is this command's to say */
		add_layers(&list->active, &image.layers);
		add_layers(&list->ids, &image.layers);
	}
	return r;
}

/* A layer is on the disk twice: unpacked, and as the archive that other hosts get. */
static int count_images(struct local *l, struct engine *en, struct engine_usage *ret, struct err *e)
{
	auto_image_list images = { 0 };
	struct layer_list list = { 0 };
	int r = local_image_list(en, &images, e);

	for (size_t i = 0; r == 0 && i < images.n; i++) {
		ret->images++;
		ret->images_active += images.v[i].containers > 0;
		add_layers(&list.ids, &images.v[i].layers);
	}
	if (r == 0)
		r = add_pinned(l, &list, e);
	for (size_t i = 0; r == 0 && i < list.ids.n; i++) {
		const char *id = list.ids.v[i];
		uint64_t size = store_blob_usage(l->store, id);
		struct err ignored;
		char name[48];
		if (store_layer_name(l->store, id, name, &ignored) == 0)
			size += tree_size(store_layers_fd(l->store), name);
		ret->images_size += size;
		if (!strv_has(&list.active, id))
			ret->images_reclaimable += size;
	}
	strv_release(&list.ids);
	strv_release(&list.active);
	return r;
}

static int count_containers(struct local *l, struct engine_usage *ret, struct err *e)
{
	auto_strv ids = { 0 };
	int r = local_ids(l, &ids, e);

	for (size_t i = 0; r == 0 && i < ids.n; i++) {
		auto_free char *upper = xasprintf("%s/upper", ids.v[i]);
		auto_container c = { 0 };
		struct local_status s;
		struct err ignored;
		uint64_t size;
		bool alive = false;
		if (container_load(l, ids.v[i], &c, &ignored) == 0 &&
			local_status(l, &c, &s, &ignored) == 0)
			alive = s.state == CONTAINER_RUNNING || s.state == CONTAINER_PAUSED ||
				s.state == CONTAINER_RESTARTING;
		size = tree_size(l->dirs.containers, upper);
		ret->containers++;
		ret->containers_active += alive;
		ret->containers_size += size;
		ret->containers_reclaimable += alive ? 0 : size;
	}
	return r;
}

static int count_volumes(struct engine *en, struct engine_usage *ret, struct err *e)
{
	auto_volume_list list = { 0 };
	int r = engine_volume_list(en, true, &list, e);

	for (size_t i = 0; r == 0 && i < list.n; i++) {
		uint64_t size = list.v[i].size > 0 ? (uint64_t)list.v[i].size : 0;
		ret->volumes++;
		ret->volumes_active += list.v[i].users > 0;
		ret->volumes_size += size;
		ret->volumes_reclaimable += list.v[i].users ? 0 : size;
	}
	return r;
}

int local_usage(struct engine *en, struct engine_usage *ret, struct err *e)
{
	struct local *l = local_of(en);
	struct engine_usage u = { 0 };

	if (count_images(l, en, &u, e) < 0 || count_containers(l, &u, e) < 0 ||
		(en->ops->volume_list && count_volumes(en, &u, e) < 0))
		return -e->code;
	*ret = u;
	return 0;
}
