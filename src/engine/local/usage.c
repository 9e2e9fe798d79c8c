/* What is on the disk, and what of it nobody needs. */
#include "base/mem.h"
#include "engine/local/local.h"
#include "engine/local/size.h"

#include <fcntl.h>
#include <string.h>

/* What images are made of, each thing once. */
struct parts {
	struct strv layers, blobs;
	struct strv active_layers, active_blobs; /* those that a container needs */
};

static void parts_release(struct parts *p)
{
	strv_release(&p->layers);
	strv_release(&p->blobs);
	strv_release(&p->active_layers);
	strv_release(&p->active_blobs);
}
#define auto_parts __attribute__((cleanup(parts_release))) struct parts

static void add_once(struct strv *to, const char *text)
{
	if (*text && !strv_has(to, text))
		strv_push(to, text);
}

/* An image that is gone, or damaged, is not this command's to say. */
static void add_image(
	struct local *l, const struct digest *manifest, struct strv *layers, struct strv *blobs)
{
	auto_image image = { 0 };
	struct err ignored;

	if (store_manifest(l->store, manifest, &image, &ignored) < 0)
		return;
	add_once(blobs, image.manifest.text);
	add_once(blobs, image.config.text);
	for (size_t i = 0; i < image.layers.n; i++) {
		add_once(layers, image.layers.v[i]);
		add_once(blobs, image.blobs.v[i]);
	}
}

static int find_parts(struct local *l, struct parts *p, struct err *e)
{
	auto_free struct image_ref *refs = NULL;
	auto_strv ids = { 0 };
	struct digest manifest, origin;
	struct err ignored;
	size_t n = 0;

	if (store_image_refs(l->store, &refs, &n, e) < 0 || store_pins(l->store, &ids, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n; i++) {
		if (store_image_origin(l->store, &refs[i], &manifest, &origin, &ignored) < 0)
			continue;
		add_image(l, &manifest, &p->layers, &p->blobs);
		add_once(&p->blobs, origin.text);
	}
	/* also those of images whose names have moved on */
	for (size_t i = 0; i < ids.n; i++) {
		if (store_pin_digest(l->store, ids.v[i], &manifest, &ignored) < 0)
			continue;
		add_image(l, &manifest, &p->layers, &p->blobs);
		add_image(l, &manifest, &p->active_layers, &p->active_blobs);
	}
	return 0;
}

/* A layer is on the disk twice: unpacked, and as the archive that other hosts get. */
static int count_images(struct local *l, struct engine *en, struct engine_usage *ret, struct err *e)
{
	auto_image_list images = { 0 };
	auto_parts parts = { 0 };

	if (local_image_list(en, &images, e) < 0 || find_parts(l, &parts, e) < 0)
		return -e->code;
	for (size_t i = 0; i < images.n; i++) {
		ret->images++;
		ret->images_active += images.v[i].containers > 0;
	}
	for (size_t i = 0; i < parts.blobs.n; i++) {
		uint64_t size = store_blob_usage(l->store, parts.blobs.v[i]);
		ret->images_size += size;
		if (!strv_has(&parts.active_blobs, parts.blobs.v[i]))
			ret->images_reclaimable += size;
	}
	for (size_t i = 0; i < parts.layers.n; i++) {
		struct err ignored;
		uint64_t size;
		char name[48];
		if (store_layer_name(l->store, parts.layers.v[i], name, &ignored) < 0)
			continue;
		*strchr(name, '/') = '\0'; /* with what stands beside its files */
		size = tree_usage(store_layers_fd(l->store), name);
		ret->images_size += size;
		if (!strv_has(&parts.active_layers, parts.layers.v[i]))
			ret->images_reclaimable += size;
	}
	return 0;
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
