#include "base/mem.h"
#include "store/write.h"

#include <fcntl.h>
#include <string.h>

#define INDEX_MAX ((size_t)64 << 20)

void publish_release(struct publish *p)
{
	free(p->blobs);
	free(p->layers);
	*p = (struct publish){ 0 };
}

struct publish_blob *publish_add_blob(struct publish *p)
{
	p->blobs = xrealloc_array(p->blobs, p->n_blobs + 1, sizeof *p->blobs);
	p->blobs[p->n_blobs] = (struct publish_blob){ 0 };
	return &p->blobs[p->n_blobs++];
}

void publish_add_layer(struct publish *p, const char *name, const struct digest *diff_id)
{
	struct publish_layer *l;

	p->layers = xrealloc_array(p->layers, p->n_layers + 1, sizeof *p->layers);
	l = &p->layers[p->n_layers++];
	*l = (struct publish_layer){ .diff_id = *diff_id };
	snprintf(l->name, sizeof l->name, "%s", name);
}

int layer_seal(int layer_fd, const struct digest *diff_id, uint64_t bytes,
	enum fs_durability durability, struct err *e)
{
	char line[DIGEST_SIZE + 1], size[24];

	snprintf(line, sizeof line, "%s\n", diff_id->text);
	snprintf(size, sizeof size, "%llu\n", (unsigned long long)bytes);
	if (fs_write_file(layer_fd, "size", size, strlen(size), 0600, durability, e) < 0)
		return -e->code;
	return fs_write_file(layer_fd, "diff-id", line, strlen(line), 0600, durability, e);
}

/* A blob that is there already stays, unless it is damaged (cut short by a power failure, say). */
static int publish_blob(struct op *op, const struct publish_blob *b, struct err *e)
{
	const char *hex = digest_hex(&b->is.digest);
	auto_close int partial = -1;
	struct stat st;

	if (fstatat(op->store->blobs_fd, hex, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		(uint64_t)st.st_size == b->is.size)
		return 0;
	if (b->partial && (partial = fs_open_dir(op->store->root_fd, "partial", e)) < 0)
		return partial;
	if (renameat(b->partial ? partial : op->dir_fd, b->name, op->store->blobs_fd, hex) < 0)
		return err_errno(e, "cannot store blob '%.12s'", hex);
	return 0;
}

static int publish_layer(struct op *op, const struct publish_layer *l, struct err *e)
{
	char key[LAYER_KEY_SIZE], name[48];
	struct err unused = { 0 };

	if (store_layer_name(op->store, l->diff_id.text, name, &unused) >= 0)
		return 0;
	layer_key(l->diff_id.text, key);
	if (op_discard(op, op->store->layers_fd, key, e) < 0)
		return -e->code;
	if (renameat(op->dir_fd, l->name, op->store->layers_fd, key) < 0)
		return err_errno(e, "cannot store layer '%s'", key);
	return 0;
}

/* One file, so that what it says cannot be half old and half new. */
static int publish_image(
	struct op *op, const struct publish *p, const struct image_ref *ref, struct err *e)
{
	char key[3 * IMAGE_REF_TEXT_SIZE], text[2 * (DIGEST_SIZE + 1)];
	auto_close int dir = -1;
	bool there;

	snprintf(text, sizeof text, "%s\n%s%s", p->manifest.text, p->origin.text,
		*p->origin.text ? "\n" : "");
	image_ref_key(ref, key);
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
static int drop_nameless(
	struct op *op, const struct publish *p, const struct image_ref *name, struct err *e)
{
	char key[3 * IMAGE_REF_TEXT_SIZE];
	struct image_ref ref;

	if (image_ref_is_nameless(name) || image_ref_parse_stored(p->config.text, &ref, e) < 0)
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
static bool is_moved(struct store *s, const struct publish *p, const struct image_ref *ref)
{
	struct digest was;
	struct err unused = { 0 };

	return store_image_digest(s, ref, &was, &unused) == 0 &&
	       !str_eq(was.text, p->manifest.text);
}

static int publish_content(struct op *op, const struct publish *p, struct err *e)
{
	for (size_t i = 0; i < p->n_blobs; i++)
		if (publish_blob(op, &p->blobs[i], e) < 0)
			return -e->code;
	if (fs_sync(op->store->blobs_fd, e) < 0)
		return -e->code;
	for (size_t i = 0; i < p->n_layers; i++)
		if (publish_layer(op, &p->layers[i], e) < 0)
			return -e->code;
	if (p->n_layers && fs_sync(op->store->layers_fd, e) < 0)
		return -e->code;
	return check_complete(op, &p->manifest, e);
}

int publish(struct op *op, const struct publish *p, struct err *e)
{
	auto_close int lock = op_lock(op, e);
	struct err unused = { 0 };
	bool moved = p->collect;

	if (lock < 0 || publish_content(op, p, e) < 0)
		return -e->code;
	for (size_t i = 0; i < p->n_names; i++) {
		moved |= is_moved(op->store, p, &p->names[i]);
		if (publish_image(op, p, &p->names[i], e) < 0 ||
			drop_nameless(op, p, &p->names[i], e) < 0)
			return -e->code;
	}
	/* what cannot be dropped now (a damaged image, say) does no harm to this one */
	if (moved)
		(void)collect_garbage(op, &unused);
	close_fd(&lock);
	return index_write(op->store, e);
}

/* Docker's manifests are stored as they came, and are not OCI's. */
static const char *media_type(struct store *s, const struct digest *manifest)
{
	auto_json *j = NULL;
	struct err unused = { 0 };

	if (store_read_json(s, manifest, MANIFEST_MAX, &j, &unused) == 0 &&
		str_eq(json_str(j, "mediaType", ""), MEDIA_DOCKER))
		return MEDIA_DOCKER;
	return MEDIA_MANIFEST;
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
	entry = json_pack("{s:s, s:s, s:I}", "mediaType", media_type(s, &d), "digest", d.text,
		"size", (json_int_t)st.st_size);
	image_ref_text(ref, name);
	if (!image_ref_is_nameless(ref))
		json_object_set_new(entry, "annotations",
			json_pack("{s:s}", "org.opencontainers.image.ref.name", name));
	json_array_append_new(list, entry);
	return 0;
}

static int index_make(struct store *s, json_t **ret, struct err *e)
{
	auto_free struct image_ref *refs = NULL;
	auto_json *index = json_object();
	json_t *list = json_array();
	size_t n = 0;

	json_object_set_new(index, "manifests", list);
	json_object_set_new(index, "mediaType", json_string(MEDIA_INDEX));
	json_object_set_new(index, "schemaVersion", json_integer(2));
	if (store_image_refs(s, &refs, &n, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n; i++)
		if (add_to_index(s, &refs[i], list, e) < 0)
			return -e->code;
	*ret = json_incref(index);
	return 0;
}

int index_write(struct store *s, struct err *e)
{
	auto_close int lock = fs_lock(s->root_fd, "index.lock", -1, e);
	auto_json *index = NULL;

	if (lock < 0 || index_make(s, &index, e) < 0)
		return -e->code;
	/* derived: each change writes it anew, so it need not reach the disk at once */
	return json_write_file(s->root_fd, "index.json", index, 0600, FS_VOLATILE, e);
}

int index_is_current(struct store *s, struct err *e)
{
	auto_json *wanted = NULL, *there = NULL;

	if (index_make(s, &wanted, e) < 0 ||
		json_read_file(s->root_fd, "index.json", INDEX_MAX, &there, e) < 0)
		return -e->code;
	return json_equal(wanted, there);
}
