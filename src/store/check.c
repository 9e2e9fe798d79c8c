/* Whether the store is sound, and what can be done if it is not. */
#include "store/check.h"
#include "base/mem.h"
#include "store/write.h"

#include <fcntl.h>
#include <stdarg.h>
#include <string.h>

static void set_text(json_t *j, const char *key, const char *text)
{
	if (text)
		json_object_set_new(j, key, json_string(text));
}

void check_say(struct checkup *c, bool bad, const char *object, const char *done, const char *mend,
	const char *found, ...)
{
	auto_free char *text = NULL;
	json_t *j = json_object();
	va_list ap;

	va_start(ap, found);
	if (vasprintf(&text, found, ap) < 0)
		abort();
	va_end(ap);
	json_object_set_new(j, "bad", json_boolean(bad));
	set_text(j, "object", object);
	set_text(j, "found", text);
	set_text(j, "done", done);
	set_text(j, "mend", mend);
	json_array_append_new(c->findings, j);
}

int check_op(struct checkup *c, struct op **ret, struct err *e)
{
	if (!c->begun) {
		int r = op_begin(c->store, c->op, e);
		if (r < 0)
			return r;
		c->begun = true;
	}
	*ret = c->op;
	return 0;
}

/* Looks closer at the trees that are suspect, or at all: has each what its blob unpacks to? */
static int compare_trees(struct checkup *c, const struct image *im, json_t *seen, struct err *e)
{
	for (size_t i = 0; i < im->layers.n; i++) {
		struct digest diff_id, blob;
		struct err why = { 0 };
		char key[LAYER_KEY_SIZE], name[48];
		int r;
		digest_parse(im->layers.v[i], &diff_id);
		digest_parse(im->blobs.v[i], &blob);
		layer_key(diff_id.text, key);
		if (json_object_get(seen, key) || (!c->full && !json_object_get(c->trees, key)) ||
			store_layer_name(c->store, diff_id.text, name, &why) < 0)
			continue;
		json_object_set_new(seen, key, json_true());
		if (json_object_get(c->blobs, digest_hex(&blob)))
			continue; /* nothing to compare it with */
		r = check_compare(c, key, &diff_id, &blob, &why);
		if (r == -ENOSPC)
			return *e = why, -e->code;
		if (r == 1)
			json_object_del(c->trees, key);
		else if (r == 0 && !json_object_get(c->trees, key))
			json_object_set_new(c->trees, key,
				json_string("its files are not those of its archive"));
	}
	return 0;
}

static int compare_all(struct checkup *c, struct err *e)
{
	auto_json *seen = json_object();

	for (size_t i = 0; i < c->n_held; i++)
		if (c->held[i].readable && compare_trees(c, &c->held[i].image, seen, e) < 0)
			return -e->code;
	return 0;
}

/* ---- what nothing needs ---- */

/* What only an image in the quarantine needed goes after it: a person may want to have it back. */
static int unneeded(void *arg, int dirfd, const char *name, struct err *e)
{
	struct checkup *c = arg;
	bool is_blob = strlen(name) == 64, keep = false;
	char object[64];
	int r = 0;

	for (size_t i = 0; i < c->n_held; i++)
		keep |= c->held[i].set_aside;
	snprintf(object, sizeof object, "%s %.12s", is_blob ? "blob" : "layer", name);
	if (!c->repair && (json_object_get(c->blobs, name) || json_object_get(c->trees, name)))
		return 0; /* said already */
	if (c->repair) {
		c->changed = true;
		r = keep ? store_quarantine(c->store->root_fd, c->quarantine,
				   is_blob ? "blobs/sha256" : "layers", name,
				   "nothing else needed it", e)
			 : op_discard(c->op, dirfd, name, e);
	}
	if (r == 0)
		check_say(c, false, object,
			!c->repair ? NULL
			: keep     ? "moved to the quarantine"
				   : "removed",
			NULL, "no image and no container needs it");
	return r;
}

/* While an image cannot be read, nobody knows what it needs. */
static bool all_readable(const struct checkup *c)
{
	for (size_t i = 0; i < c->n_held; i++)
		if (!c->held[i].readable && !c->held[i].set_aside)
			return false;
	return true;
}

/* ---- what other programs read ---- */

static int check_layout(struct checkup *c, struct err *e)
{
	static const char layout[] = "{\"imageLayoutVersion\":\"1.0.0\"}\n";
	auto_json *j = NULL;
	struct err why = { 0 };

	if (json_read_file(c->store->root_fd, "oci-layout", 4096, &j, &why) == 0 &&
		str_eq(json_str(j, "imageLayoutVersion", ""), "1.0.0"))
		return 0;
	if (c->repair && fs_write_file(c->store->root_fd, "oci-layout", layout, sizeof layout - 1,
				 0600, FS_DURABLE, e) < 0)
		return -e->code;
	check_say(c, true, "file 'oci-layout'", c->repair ? "written anew" : NULL, NULL,
		"it is damaged: other programs do not know the store as an image layout");
	return 0;
}

static int check_index(struct checkup *c, struct err *e)
{
	struct err why = { 0 };
	int r = index_is_current(c->store, &why);

	if (r == 1)
		return 0;
	if (c->repair && index_write(c->store, e) < 0)
		return -e->code;
	check_say(c, r < 0, "file 'index.json'", c->repair ? "written anew" : NULL,
		c->repair ? NULL : "the next change writes it anew",
		r < 0 ? "it is damaged: other programs cannot read the store"
		      : "it is behind: other programs see the images of before");
	return 0;
}

/* ---- all of it ---- */

static int check_locked(struct checkup *c, struct err *e)
{
	auto_close int lock =
		c->repair ? op_lock(c->op, e) : fs_lock_shared(c->store->root_fd, "lock", -1, e);
	struct op looking = { .store = c->store };

	/* names may have moved meanwhile */
	if (lock < 0 || check_read_held(c, e) < 0 || check_replace(c, e) < 0 ||
		check_read_held(c, e) < 0 || check_images(c, e) < 0)
		return -e->code;
	if (all_readable(c) && collect_each(c->begun ? c->op : &looking, unneeded, c, e) < 0)
		return -e->code;
	close_fd(&lock);
	return check_layout(c, e) < 0 ? -e->code : check_index(c, e);
}

static int check_all(struct checkup *c, struct err *e)
{
	struct op *unused;

	if (check_half_made(c, e) < 0 || (c->repair && check_op(c, &unused, e) < 0) ||
		check_scan(c, e) < 0 || check_read_held(c, e) < 0 || compare_all(c, e) < 0 ||
		(c->repair && check_make(c, e) < 0))
		return -e->code;
	return check_locked(c, e);
}

int check_store(struct store *s, const json_t *request, const struct teller *teller, json_t **ret,
	struct err *e)
{
	auto_op op = OP_INIT;
	struct checkup c = { .store = s,
		.op = &op,
		.repair = json_bool(request, "repair", false),
		.full = json_bool(request, "full", false),
		.quarantine = json_str(request, "quarantine", ""),
		.teller = teller,
		.findings = json_array(),
		.blobs = json_object(),
		.trees = json_object(),
		.made_blobs = json_object(),
		.made_trees = json_object() };
	int r;

	if (c.repair && (!*c.quarantine || strchr(c.quarantine, '/') || *c.quarantine == '.'))
		r = err_set(e, EINVAL, "the quarantine has no name");
	else
		r = check_all(&c, e);
	check_release_held(&c);
	json_decref(c.blobs);
	json_decref(c.trees);
	json_decref(c.made_blobs);
	json_decref(c.made_trees);
	if (r < 0)
		json_decref(c.findings);
	else
		*ret = c.findings;
	return r;
}
