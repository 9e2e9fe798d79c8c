/* Whether names and pins lead to whole images. */
#include "base/mem.h"
#include "store/check.h"
#include "store/write.h"

#include <fcntl.h>
#include <string.h>

static void held_clear(struct held *h)
{
	image_release(&h->image);
}

void check_release_held(struct checkup *c)
{
	for (size_t i = 0; i < c->n_held; i++)
		held_clear(&c->held[i]);
	free(c->held);
	c->held = NULL;
	c->n_held = 0;
}

static struct held *add_held(struct checkup *c)
{
	c->held = xrealloc_array(c->held, c->n_held + 1, sizeof *c->held);
	c->held[c->n_held] = (struct held){ 0 };
	return &c->held[c->n_held++];
}

static void read_image(struct checkup *c, struct held *h, int found, const struct err *why)
{
	auto_image part = { 0 };
	auto_json *j = NULL;
	struct err e = { 0 };
	uint64_t unused;

	h->found = found >= 0;
	if (!h->found) {
		snprintf(h->why, sizeof h->why, "%s", why->text);
		return;
	}
	h->readable = store_manifest(c->store, &h->manifest, &h->image, &e) >= 0;
	if (h->readable) {
		h->config = h->image.config;
		return;
	}
	snprintf(h->why, sizeof h->why, "%s", e.text);
	if (store_read_json(c->store, &h->manifest, MANIFEST_MAX, &j, &e) == 0 &&
		image_parse_manifest(j, &part, &unused, &e) == 0)
		h->config = part.config;
}

int check_read_held(struct checkup *c, struct err *e)
{
	auto_free struct image_ref *refs = NULL;
	auto_strv pins = { 0 };
	struct digest origin;
	struct err why;
	size_t n = 0;
	int r;

	check_release_held(c);
	if (store_image_refs(c->store, &refs, &n, e) < 0 || store_pins(c->store, &pins, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n; i++) {
		struct held *h = add_held(c);
		char name[IMAGE_REF_TEXT_SIZE];
		h->ref = refs[i];
		image_ref_text(&refs[i], name);
		snprintf(h->text, sizeof h->text, "image '%s'", name);
		why = (struct err){ 0 };
		r = store_image_origin(c->store, &refs[i], &h->manifest, &origin, &why);
		read_image(c, h, r, &why);
	}
	for (size_t i = 0; i < pins.n; i++) {
		struct digest d;
		struct held *h;
		why = (struct err){ 0 };
		r = store_pin_digest(c->store, pins.v[i], &d, &why);
		if (r == -ENOENT)
			continue; /* its container was removed meanwhile */
		h = add_held(c);
		h->manifest = r < 0 ? (struct digest){ "" } : d;
		snprintf(h->pin, sizeof h->pin, "%s", pins.v[i]);
		snprintf(h->text, sizeof h->text, "image of container '%.12s'", h->pin);
		read_image(c, h, r, &why);
	}
	return 0;
}

bool check_is_pinned(const struct checkup *c, const char *name)
{
	for (size_t i = 0; i < c->n_held; i++) {
		const struct held *h = &c->held[i];
		if (!*h->pin || !h->found)
			continue;
		if (str_eq(digest_hex(&h->manifest), name) ||
			(*h->config.text && str_eq(digest_hex(&h->config), name)))
			return true;
		if (!h->readable && strlen(name) == LAYER_KEY_SIZE - 1)
			return true; /* nobody knows its layers: it may be one */
		for (size_t k = 0; h->readable && k < h->image.layers.n; k++) {
			char key[LAYER_KEY_SIZE];
			layer_key(h->image.layers.v[k], key);
			if (str_eq(key, name))
				return true;
		}
	}
	return false;
}

/* NULL: it is there, and whole. */
static const char *blob_state(const struct checkup *c, const char *digest)
{
	const char *hex = digest + strlen("sha256:");

	if (faccessat(c->store->blobs_fd, hex, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return json_object_get(c->blobs, hex) ? "damaged" : "missing";
	return json_object_get(c->blobs, hex) ? "damaged" : NULL;
}

static const char *tree_state(const struct checkup *c, const char *diff_id)
{
	char key[LAYER_KEY_SIZE], name[48];
	struct err unused = { 0 };

	layer_key(diff_id, key);
	if (json_object_get(c->trees, key))
		return "damaged";
	return store_layer_name(c->store, diff_id, name, &unused) < 0 ? "missing" : NULL;
}

/* What is wrong with it; NULL when nothing is. The caller frees. */
static char *judge(const struct checkup *c, const struct held *h)
{
	const struct image *im = &h->image;
	const char *state;

	if (!h->found)
		return xstrdup(h->why);
	state = blob_state(c, h->manifest.text);
	if (state)
		return xasprintf("its manifest %.19s is %s", h->manifest.text, state);
	if (!h->readable)
		return xstrdup(h->why);
	state = blob_state(c, im->config.text);
	if (state)
		return xasprintf("its config %.19s is %s", im->config.text, state);
	for (size_t i = 0; i < im->layers.n; i++) {
		state = tree_state(c, im->layers.v[i]);
		if (state)
			return xasprintf("its layer %zu of %zu is %s", i + 1, im->layers.n, state);
		state = blob_state(c, im->blobs.v[i]);
		if (state)
			return xasprintf("the archive of its layer %zu of %zu is %s: it cannot be "
					 "pushed or saved",
				i + 1, im->layers.n, state);
	}
	return NULL;
}

static const char *pinned_by(const struct checkup *c, const struct held *h)
{
	for (size_t i = 0; i < c->n_held; i++)
		if (*c->held[i].pin && h->found &&
			str_eq(c->held[i].manifest.text, h->manifest.text))
			return c->held[i].pin;
	return NULL;
}

static int say_image(struct checkup *c, struct held *h, const char *wrong, struct err *e)
{
	const char *pin = *h->pin ? h->pin : pinned_by(c, h);
	auto_free char *mend = NULL;
	char key[3 * IMAGE_REF_TEXT_SIZE];

	if (!c->repair) {
		check_say(c, true, h->text, NULL, NULL, "%s", wrong);
		return 0;
	}
	if (pin) {
		mend = xasprintf("redock rm %.12s, which was made from it, and then: redock system "
				 "check --repair; or pull or load the image again",
			pin);
		check_say(c, true, h->text, NULL, mend, "%s", wrong);
		return 0;
	}
	image_ref_key(&h->ref, key);
	if (store_quarantine(c->store->root_fd, c->quarantine, "images", key, wrong, e) < 0)
		return -e->code;
	h->set_aside = c->changed = true;
	check_say(c, true, h->text, "moved to the quarantine, with what only it needed",
		"pull, load or build it again", "%s", wrong);
	return 0;
}

int check_images(struct checkup *c, struct err *e)
{
	for (size_t i = 0; i < c->n_held; i++) {
		auto_free char *wrong = judge(c, &c->held[i]);
		if (wrong && say_image(c, &c->held[i], wrong, e) < 0)
			return -e->code;
	}
	return 0;
}
