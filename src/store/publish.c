#include "base/mem.h"
#include "store/write.h"

#include <fcntl.h>
#include <string.h>

/* A blob that is there already stays, unless it is damaged (cut short by a power failure, say). */
static int publish_blob(struct op *op, const struct publish_blob *b, struct err *e)
{
	const char *hex = digest_hex(&b->is.digest);
	struct stat st;

	if (fstatat(op->store->blobs_fd, hex, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		(uint64_t)st.st_size == b->is.size)
		return 0;
	if (renameat(op->dir_fd, b->name, op->store->blobs_fd, hex) < 0)
		return err_errno(e, "cannot store blob '%.12s'", hex);
	return 0;
}

static int publish_layer(struct op *op, const struct digest *diff_id, struct err *e)
{
	char key[LAYER_KEY_SIZE], name[48];
	struct err unused = { 0 };

	if (store_layer_name(op->store, diff_id->text, name, &unused) >= 0)
		return 0;
	layer_key(diff_id->text, key);
	if (op_discard(op, op->store->layers_fd, key, e) < 0)
		return -e->code;
	if (renameat(op->dir_fd, "layer", op->store->layers_fd, key) < 0)
		return err_errno(e, "cannot store layer '%s'", key);
	return fs_sync(op->store->layers_fd, e);
}

static int publish_image(struct op *op, const struct publish *p, struct err *e)
{
	char key[3 * IMAGE_REF_TEXT_SIZE], text[DIGEST_SIZE + 1];
	auto_close int dir = -1;
	bool there;

	snprintf(text, sizeof text, "%s\n", p->manifest.text);
	image_ref_key(&p->ref, key);
	there = faccessat(op->store->images_fd, key, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	if (there)
		dir = fs_open_dir(op->store->images_fd, key, e);
	else
		dir = fs_open_dir_make(op->dir_fd, "image", 0700, e);
	if (dir < 0 || fs_write_file(dir, "manifest", text, strlen(text), 0600, FS_DURABLE, e) < 0)
		return -e->code;
	if (there)
		return 0;
	if (renameat(op->dir_fd, "image", op->store->images_fd, key) < 0)
		return err_errno(e, "cannot name the image '%s'", key);
	return fs_sync(op->store->images_fd, e);
}

/* An image that has a name is not one without. */
static int drop_nameless(struct op *op, const struct publish *p, struct err *e)
{
	char key[3 * IMAGE_REF_TEXT_SIZE];
	struct image_ref ref;

	if (image_ref_is_nameless(&p->ref) || image_ref_parse_stored(p->config.text, &ref, e) < 0)
		return 0;
	image_ref_key(&ref, key);
	return op_discard(op, op->store->images_fd, key, e);
}

/* Another process may have collected what this image builds on, when nobody named it. */
static int check_complete(struct op *op, const struct digest *manifest, struct err *e)
{
	auto_image im = { 0 };
	char name[48];
	int r = store_manifest(op->store, manifest, &im, e);

	for (size_t i = 0; r >= 0 && i < im.layers.n; i++) {
		r = store_layer_name(op->store, im.layers.v[i], name, e);
		if (r >= 0 && faccessat(op->store->blobs_fd, im.blobs.v[i] + strlen("sha256:"),
				      F_OK, AT_SYMLINK_NOFOLLOW) < 0)
			r = err_errno(e, "blob '%.19s' is missing from the store", im.blobs.v[i]);
	}
	return r;
}

/* True if the name stands for another image so far. */
static bool is_moved(struct store *s, const struct publish *p)
{
	struct digest was;
	struct err unused = { 0 };

	return store_image_digest(s, &p->ref, &was, &unused) == 0 &&
	       !str_eq(was.text, p->manifest.text);
}

int publish(struct op *op, const struct publish *p, struct err *e)
{
	auto_close int lock = op_lock(op, e);
	struct err unused = { 0 };
	bool moved;

	if (lock < 0)
		return lock;
	moved = is_moved(op->store, p);
	for (size_t i = 0; i < p->n_blobs; i++)
		if (publish_blob(op, &p->blobs[i], e) < 0)
			return -e->code;
	if (fs_sync(op->store->blobs_fd, e) < 0 ||
		(p->has_layer && publish_layer(op, &p->diff_id, e) < 0) ||
		check_complete(op, &p->manifest, e) < 0 || publish_image(op, p, e) < 0 ||
		drop_nameless(op, p, e) < 0)
		return -e->code;
	/* what cannot be dropped now (a damaged image, say) does no harm to this one */
	if (p->collect || moved)
		(void)collect_garbage(op, &unused);
	close_fd(&lock);
	return index_write(op->store, e);
}

static int add_to_index(struct store *s, const struct image_ref *ref, json_t *list, struct err *e)
{
	struct digest d;
	struct stat st;
	char name[IMAGE_REF_TEXT_SIZE];
	json_t *entry;

	/* gone meanwhile, or damaged: not for others to read */
	if (store_image_digest(s, ref, &d, e) < 0 ||
		fstatat(s->blobs_fd, digest_hex(&d), &st, AT_SYMLINK_NOFOLLOW) < 0) {
		err_clear(e);
		return 0;
	}
	entry = json_pack("{s:s, s:s, s:I}", "mediaType", MEDIA_MANIFEST, "digest", d.text, "size",
		(json_int_t)st.st_size);
	image_ref_text(ref, name);
	if (!image_ref_is_nameless(ref))
		json_object_set_new(entry, "annotations",
			json_pack("{s:s}", "org.opencontainers.image.ref.name", name));
	json_array_append_new(list, entry);
	return 0;
}

int index_write(struct store *s, struct err *e)
{
	auto_close int lock = fs_lock(s->root_fd, "index.lock", -1, e);
	auto_free struct image_ref *refs = NULL;
	auto_json *index = json_object();
	json_t *list = json_array();
	size_t n = 0;

	json_object_set_new(index, "manifests", list);
	json_object_set_new(index, "mediaType", json_string(MEDIA_INDEX));
	json_object_set_new(index, "schemaVersion", json_integer(2));
	if (lock < 0 || store_image_refs(s, &refs, &n, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n; i++)
		if (add_to_index(s, &refs[i], list, e) < 0)
			return -e->code;
	/* derived: each change writes it anew, so it need not reach the disk at once */
	return json_write_file(s->root_fd, "index.json", index, 0600, FS_VOLATILE, e);
}
