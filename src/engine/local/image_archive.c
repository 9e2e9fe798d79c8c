/* Images as a whole: names, history, and archives of them. */
#include "base/json.h"
#include "base/mem.h"
#include "base/time.h"
#include "engine/local/local.h"

#include <string.h>

static int load_image(struct local *l, const char *reference, struct image *ret, struct err *e)
{
	struct image_ref ref;

	if (local_image_ref(l, reference, &ref, e) < 0)
		return -e->code;
	return store_image(l->store, &ref, ret, e);
}

int local_image_tag(struct engine *en, const char *reference, const char *name, struct err *e)
{
	struct local *l = local_of(en);
	auto_image image = { 0 };
	struct digest unused, origin;
	struct image_ref target;
	char text[IMAGE_REF_TEXT_SIZE];

	if (image_ref_parse(name, &target, e) < 0 || load_image(l, reference, &image, e) < 0 ||
		store_image_origin(l->store, &image.ref, &unused, &origin, e) < 0)
		return -e->code;
	image_ref_text(&target, text);
	if (strchr(text, '@')) {
		err_set(e, EINVAL, "'%s' names an image by its digest", name);
		return err_hint(e, "REPOSITORY:TAG is a name to give");
	}
	/* what a registry knows it by is of that repository alone */
	if (!str_eq(target.repository, image.ref.repository))
		origin = (struct digest){ "" };
	if (store_tag(l->store, &image.manifest, &origin, &target, e) < 0)
		return -e->code;
	local_event(l, "image", "tag", image.config.text, "name", text, NULL);
	return 0;
}

/* ---- history ---- */

static char *text_of(const json_t *entry, const char *key)
{
	return xstrdup(json_str(entry, key, ""));
}

/* Entries and layers are counted off against each other (config.md, "history"); one that has
 * fewer entries than layers says nothing of the lowest ones. */
static void read_history(
	struct local *l, const struct image *im, const json_t *config, struct image_history *ret)
{
	const json_t *list = json_object_get(config, "history"), *entry;
	size_t i, layer = 0, n = json_array_size(list);

	ret->v = xcalloc(n + im->layers.n + 1, sizeof *ret->v);
	json_array_foreach(list, i, entry)
	{
		struct image_step *step = &ret->v[ret->n++];
		const char *created = json_str(entry, "created", NULL);
		step->created_by = text_of(entry, "created_by");
		step->comment = text_of(entry, "comment");
		if (!created || time_parse(created, &step->created) < 0)
			step->created = 0;
		step->has_layer = !json_bool(entry, "empty_layer", false) && layer < im->layers.n;
		if (step->has_layer) {
			step->size = store_layer_bytes(
				l->store, im->layers.v[layer], im->blobs.v[layer]);
			layer++;
		}
	}
	for (; layer < im->layers.n; layer++) {
		struct image_step *step = &ret->v[ret->n++];
		step->created_by = xstrdup("");
		step->comment = xstrdup("");
		step->has_layer = true;
		step->size = store_layer_bytes(l->store, im->layers.v[layer], im->blobs.v[layer]);
	}
	for (i = 0; i < ret->n / 2; i++) { /* the newest first */
		struct image_step other = ret->v[i];
		ret->v[i] = ret->v[ret->n - 1 - i];
		ret->v[ret->n - 1 - i] = other;
	}
}

int local_image_history(
	struct engine *en, const char *reference, struct image_history *ret, struct err *e)
{
	struct local *l = local_of(en);
	auto_free struct image_ref *refs = NULL;
	auto_image image = { 0 };
	auto_json *config = NULL;
	size_t n = 0;

	if (load_image(l, reference, &image, e) < 0 ||
		store_config(l->store, &image.config, &config, e) < 0 ||
		local_image_names(l, &image.manifest, &refs, &n, e) < 0)
		return -e->code;
	*ret = (struct image_history){ .id = xstrdup(image.config.text) };
	for (size_t i = 0; i < n; i++) {
		char text[IMAGE_REF_TEXT_SIZE];
		image_ref_text(&refs[i], text);
		if (!image_ref_is_nameless(&refs[i]))
			strv_push(&ret->names, text);
	}
	read_history(l, &image, config, ret);
	return 0;
}

/* ---- archives ---- */

struct saving {
	struct store_save_image *v;
	size_t n;
};

static void saving_release(struct saving *s)
{
	for (size_t i = 0; i < s->n; i++)
		strv_release(&s->v[i].names);
	free(s->v);
}
#define auto_saving __attribute__((cleanup(saving_release))) struct saving

/* An image goes out once, with all the names under which it was asked for. */
static void add_image(struct saving *s, const struct digest *manifest, const char *name)
{
	struct store_save_image *at = NULL;

	for (size_t i = 0; i < s->n && !at; i++)
		if (str_eq(s->v[i].manifest.text, manifest->text))
			at = &s->v[i];
	if (!at) {
		s->v = xrealloc_array(s->v, s->n + 1, sizeof *s->v);
		at = &s->v[s->n++];
		*at = (struct store_save_image){ .manifest = *manifest };
	}
	if (name && !strv_has(&at->names, name))
		strv_push(&at->names, name);
}

/* "debian" is all of its tags; false when it has none. */
static bool add_repository(struct local *l, struct saving *s, const char *text)
{
	auto_free struct image_ref *refs = NULL;
	const char *last = strrchr(text, '/');
	struct err ignored;
	struct image_ref wanted;
	struct digest d;
	size_t n = 0, found = 0;

	if (strchr(last ? last : text, ':') || strchr(text, '@') ||
		image_ref_parse(text, &wanted, &ignored) < 0 ||
		store_image_refs(l->store, &refs, &n, &ignored) < 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		char name[IMAGE_REF_TEXT_SIZE];
		image_ref_text(&refs[i], name);
		if (!str_eq(refs[i].repository, wanted.repository) || strchr(name, '@') ||
			store_image_digest(l->store, &refs[i], &d, &ignored) < 0)
			continue;
		add_image(s, &d, name);
		found++;
	}
	return found > 0;
}

static int add_reference(struct local *l, struct saving *s, const char *text, struct err *e)
{
	auto_image image = { 0 };
	struct image_ref named;
	struct err ignored;
	char name[IMAGE_REF_TEXT_SIZE];
	struct digest d;
	bool by_name;

	if (add_repository(l, s, text))
		return 0;
	if (load_image(l, text, &image, e) < 0)
		return -e->code;
	by_name = image_ref_parse(text, &named, &ignored) == 0 &&
		  store_image_digest(l->store, &named, &d, &ignored) == 0;
	image_ref_text(&image.ref, name);
	add_image(s, &image.manifest, by_name && !strchr(name, '@') ? name : NULL);
	return 0;
}

int local_image_save(struct engine *en, char *const *references, size_t n,
	enum image_archive format, int fd, struct err *e)
{
	struct local *l = local_of(en);
	auto_saving list = { 0 };
	struct store_save o = { .fd = fd, .oci = format == ARCHIVE_OCI };

	for (size_t i = 0; i < n; i++)
		if (add_reference(l, &list, references[i], e) < 0)
			return -e->code;
	o.images = list.v;
	o.n = list.n;
	return store_save(l->store, &o, e);
}

int local_image_load(struct engine *en, int fd, struct loaded_list *ret, struct err *e)
{
	struct local *l = local_of(en);
	auto_loaded loaded = { 0 };
	int r = store_load(l->store, fd, local_say, en, &loaded, e);

	if (r < 0)
		return r;
	ret->v = xcalloc(loaded.n + 1, sizeof *ret->v);
	for (size_t i = 0; i < loaded.n; i++) {
		struct loaded_image *im = &ret->v[ret->n++];
		im->id = xstrdup(loaded.v[i].id.text);
		strv_extend(&im->names, loaded.v[i].names.v);
		local_event(l, "image", "load", im->id, "name",
			im->names.n ? im->names.v[0] : im->id, NULL);
	}
	return 0;
}
