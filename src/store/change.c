#include "base/mem.h"
#include "store/ingest_layer.h"
#include "store/write.h"

#include <fcntl.h>
#include <string.h>

#define COMMIT_LAYERS_MAX 64 /* overlay slows down and ends at 500 */

struct change {
	struct op *op;
	const json_t *request;
	const struct teller *teller;
	struct publish publish;
	struct image_ref ref; /* the image's name; an empty repository: none */
	struct digest diff_id;
};

/* Name and place of the next blob that this change makes. */
static struct publish_blob *next_blob(struct change *c)
{
	struct publish_blob *b = publish_add_blob(&c->publish);

	snprintf(b->name, sizeof b->name, "blob-%zu", c->publish.n_blobs - 1);
	return b;
}

static int put_document(
	struct change *c, const json_t *j, struct document_blob *ret, size_t max, struct err *e)
{
	struct publish_blob *slot = next_blob(c);
	auto_free char *text = json_text(j);
	auto_blob blob = BLOB_INIT;

	if (strlen(text) > max)
		return err_set(e, E2BIG, "the image's description is larger than %zu bytes", max);
	if (blob_create(c->op->dir_fd, slot->name, &blob, e) < 0 ||
		blob_write(&blob, text, strlen(text), e) < 0 ||
		blob_finish(&blob, &slot->is.digest, e) < 0)
		return -e->code;
	slot->is.size = blob.size;
	*ret = slot->is;
	return 0;
}

/* Unpacks an archive into the operation's "layer"; `blob` gets its stream. */
static int make_layer(
	struct change *c, int archive_fd, struct blob *blob, struct digest *ret, struct err *e)
{
	auto_close int layer = -1, tree = -1;
	struct layer_apply o = { .archive_fd = archive_fd,
		.scratch_fd = c->op->dir_fd,
		.blob = blob,
		.max_bytes = (uint64_t)json_int(c->request, "max_bytes", 0),
		.teller = c->teller };
	uint64_t entries, bytes = 0;

	o.ret_bytes = &bytes;
	layer = fs_open_dir_make(c->op->dir_fd, "layer", 0700, e);
	if (layer < 0 || (tree = fs_open_dir_make(layer, "fs", 0755, e)) < 0)
		return -e->code;
	o.tree_fd = tree;
	if (layer_apply(&o, &entries, e) < 0)
		return -e->code;
	tell(c->teller, "writing to the disk");
	if (tree_sync(tree, entries, e) < 0 || blob_finish(blob, ret, e) < 0)
		return -e->code;
	c->diff_id = *ret;
	publish_add_layer(&c->publish, "layer", ret);
	return layer_seal(layer, ret, bytes, FS_DURABLE, e);
}

/* What we write we must be able to read again. */
static int check_readable(const json_t *config, struct err *e)
{
	auto_image unused = { 0 };

	return image_parse_settings(json_object_get(config, "config"), &unused, e);
}

/* Config and manifest on top of the parent's, then everything gets its name. */
static int finish(struct change *c, const json_t *parent_config, const json_t *parent_manifest,
	const struct document_blob *layer, bool flatten, struct digest *ret_id, struct err *e)
{
	auto_json *config = NULL, *manifest = NULL;
	struct document_blob config_blob, manifest_blob;
	char now[36];

	document_now(now);
	config = document_config(
		parent_config, c->request, layer ? c->diff_id.text : NULL, flatten, now);
	if (check_readable(config, e) < 0 ||
		put_document(c, config, &config_blob, CONFIG_MAX, e) < 0)
		return -e->code;
	manifest = document_manifest(parent_manifest, &config_blob, layer, flatten);
	if (put_document(c, manifest, &manifest_blob, MANIFEST_MAX, e) < 0)
		return -e->code;
	c->publish.manifest = manifest_blob.digest;
	c->publish.config = config_blob.digest;
	if (!*c->ref.repository && image_ref_parse_stored(config_blob.digest.text, &c->ref, e) < 0)
		return -e->code;
	c->publish.names = &c->ref;
	c->publish.n_names = 1;
	if (publish(c->op, &c->publish, e) < 0)
		return -e->code;
	*ret_id = config_blob.digest;
	return 0;
}

static int run_import(struct change *c, int archive_fd, struct digest *ret_id, struct err *e)
{
	struct publish_blob *slot = next_blob(c);
	auto_blob blob = BLOB_INIT;
	struct document_blob layer;

	if (blob_create(c->op->dir_fd, slot->name, &blob, e) < 0 ||
		make_layer(c, archive_fd, &blob, &slot->is.digest, e) < 0)
		return -e->code;
	slot->is.size = blob.size;
	layer = slot->is; /* more blobs move the list of them */
	return finish(c, NULL, NULL, &layer, false, ret_id, e);
}

/* The trees of an image, the topmost first, behind the upper directory. */
static int open_trees(struct store *s, const struct image *im, int upper, int *fds, struct err *e)
{
	fds[0] = upper;
	for (size_t i = 0; i < im->layers.n; i++) {
		char name[48];
		if (store_layer_name(s, im->layers.v[im->layers.n - 1 - i], name, e) < 0)
			return -e->code;
		fds[i + 1] = openat(s->layers_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fds[i + 1] < 0)
			return err_errno(e, "cannot open layer '%s'", name);
	}
	return 0;
}

static int diff_trees(struct change *c, const struct image *parent, int upper, bool flatten,
	struct blob *blob, uint64_t *ret_entries, struct err *e)
{
	size_t n = parent->layers.n + 1;
	auto_free int *fds = xcalloc(n, sizeof *fds);
	int r = 0;

	for (size_t i = 0; i < n; i++)
		fds[i] = -1;
	if (flatten)
		r = open_trees(c->op->store, parent, upper, fds, e);
	if (r >= 0)
		r = layer_diff(flatten ? fds : &upper, flatten ? n : 1, blob, ret_entries, e);
	for (size_t i = 1; i < n; i++)
		close_fd(&fds[i]);
	return r;
}

/* Nothing but the root directory, and that looks as before. */
static bool is_empty(struct store *s, const struct image *parent, int upper, uint64_t entries)
{
	struct err unused = { 0 };
	struct stat a, b;
	char name[48];

	return entries == 1 && parent->layers.n &&
	       store_layer_name(s, parent->layers.v[parent->layers.n - 1], name, &unused) >= 0 &&
	       fstat(upper, &a) == 0 && fstatat(s->layers_fd, name, &b, AT_SYMLINK_NOFOLLOW) == 0 &&
	       a.st_mode == b.st_mode && a.st_uid == b.st_uid && a.st_gid == b.st_gid;
}

/* The process that unpacks what the archive has so far, while that is still being written: the tree
 * is made from the archive, as it will be wherever the image is pulled. */
struct unpacker {
	pid_t pid;
	int result, pidfd, growth; /* growth: our end of the pipe */
};

static int unpacker_start(struct change *c, struct blob *blob, struct unpacker *ret, struct err *e)
{
	struct layer_job job = { .op_fd = c->op->dir_fd,
		.tree = "layer",
		.fd = blob->fd,
		.size = UINT64_MAX,
		.blob_fd = -1,
		.max_bytes = (uint64_t)json_int(c->request, "max_bytes", 0) };
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_errno(e, "cannot make a pipe");
	job.growth = ends[0];
	*ret = (struct unpacker){ .growth = ends[1] };
	ret->pid = layer_job_start(&job, &ret->result, &ret->pidfd, e);
	close(ends[0]);
	if (ret->pid < 0) {
		close(ends[1]);
		return -e->code;
	}
	blob->follower = ends[1];
	return 0;
}

/* Of the archive that has been written, or was to be: `written` tells. Why it could not be unpacked
 * is why it could not be written on. */
static int unpacker_end(struct unpacker *u, int written, struct layer_result *ret, struct err *e)
{
	struct err why = { 0 };
	int r;

	close_fd(&u->growth);
	r = layer_job_wait(u->pid, u->result, ret, &why);
	close_fd(&u->pidfd);
	if (written < 0 && e->code != EPIPE)
		return written;
	if (r < 0) {
		*e = why;
		return err_wrap(e, "cannot unpack the new layer");
	}
	return written;
}

static int seal_layer(struct change *c, const struct digest *diff_id, uint64_t entries,
	uint64_t bytes, struct err *e)
{
	auto_close int layer = fs_open_dir(c->op->dir_fd, "layer", e), tree = -1;

	if (layer < 0 || (tree = fs_open_dir(layer, "fs", e)) < 0)
		return -e->code;
	tell(c->teller, "writing to the disk");
	if (tree_sync(tree, entries, e) < 0)
		return -e->code;
	c->diff_id = *diff_id;
	publish_add_layer(&c->publish, "layer", diff_id);
	return layer_seal(layer, diff_id, bytes, FS_DURABLE, e);
}

static int write_layer(struct change *c, const struct image *parent, int upper, bool flatten,
	struct blob *blob, struct digest *ret, uint64_t *ret_entries, struct err *e)
{
	int r = diff_trees(c, parent, upper, flatten, blob, ret_entries, e);

	if (r < 0)
		return r;
	if (c->teller && c->teller->read_done)
		c->teller->read_done(c->teller->arg);
	return blob_digest(blob, ret, e);
}

/* 1 and *ret, or 0 when nothing has changed. */
static int commit_layer(struct change *c, const struct image *parent, int upper, bool flatten,
	struct document_blob *ret, struct err *e)
{
	struct publish_blob *slot = next_blob(c);
	struct layer_result unpacked = { 0 };
	auto_blob blob = BLOB_INIT;
	struct unpacker unpacker;
	uint64_t entries = 0;
	int r;

	if (blob_create(c->op->dir_fd, slot->name, &blob, e) < 0 ||
		unpacker_start(c, &blob, &unpacker, e) < 0)
		return -e->code;
	r = write_layer(c, parent, upper, flatten, &blob, &slot->is.digest, &entries, e);
	r = unpacker_end(&unpacker, r, &unpacked, e);
	if (r < 0)
		return r;
	if (!flatten && is_empty(c->op->store, parent, upper, entries)) {
		c->publish.n_blobs--; /* its name is free again */
		if (unlinkat(c->op->dir_fd, slot->name, 0) < 0)
			return err_errno(e, "cannot remove an empty layer");
		return 0;
	}
	slot->is.size = blob.size;
	if (seal_layer(c, &slot->is.digest, entries, unpacked.bytes, e) < 0 ||
		fs_sync(blob.fd, e) < 0)
		return -e->code;
	*ret = slot->is;
	return 1;
}

static int run_commit(struct change *c, int upper, struct digest *ret_id, struct err *e)
{
	auto_json *config = NULL, *manifest = NULL;
	auto_image parent = { 0 };
	struct document_blob layer;
	struct digest d;
	bool flatten;
	int r;

	if (digest_parse(json_str(c->request, "parent", ""), &d) < 0)
		return err_set(e, EINVAL, "the parent image has no digest");
	if (store_manifest(c->op->store, &d, &parent, e) < 0 ||
		store_read_json(c->op->store, &d, MANIFEST_MAX, &manifest, e) < 0 ||
		store_read_json(c->op->store, &parent.config, CONFIG_MAX, &config, e) < 0)
		return err_wrap(e, "cannot read the image it was made from");
	flatten = parent.layers.n + 1 > COMMIT_LAYERS_MAX;
	if (flatten)
		tell(c->teller, "joining %zu layers", parent.layers.n + 1);
	r = commit_layer(c, &parent, upper, flatten, &layer, e);
	if (r < 0)
		return r;
	c->publish.collect = true;
	return finish(c, config, manifest, r ? &layer : NULL, flatten, ret_id, e);
}

static int run_remove(struct op *op, const struct image_ref *ref, struct err *e)
{
	auto_close int lock = op_lock(op, e);
	char key[3 * IMAGE_REF_TEXT_SIZE], name[IMAGE_REF_TEXT_SIZE];
	struct err unused = { 0 };

	if (lock < 0)
		return lock;
	image_ref_key(ref, key);
	image_ref_text(ref, name);
	if (faccessat(op->store->images_fd, key, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(e, ENOENT, "no image named '%s'", name);
	if (op_discard(op, op->store->images_fd, key, e) < 0 ||
		fs_sync(op->store->images_fd, e) < 0)
		return -e->code;
	/* the name is gone, which is what was asked; the next change tries again to drop the rest
	 */
	(void)collect_garbage(op, &unused);
	close_fd(&lock);
	return index_write(op->store, e);
}

static int run_collect(struct op *op, struct err *e)
{
	auto_close int lock = op_lock(op, e);

	return lock < 0 ? lock : collect_garbage(op, e);
}

int change_export(struct store *s, const json_t *request, int upper_fd, int out_fd,
	const struct teller *teller, struct err *e)
{
	auto_image parent = { 0 };
	auto_blob blob = BLOB_INIT;
	auto_free int *fds = NULL;
	struct digest d;
	uint64_t entries;
	size_t n;
	int r;

	if (digest_parse(json_str(request, "parent", ""), &d) < 0)
		return err_set(e, EINVAL, "the parent image has no digest");
	if (store_manifest(s, &d, &parent, e) < 0)
		return err_wrap(e, "cannot read the image it was made from");
	n = parent.layers.n + 1;
	fds = xcalloc(n, sizeof *fds);
	for (size_t i = 0; i < n; i++)
		fds[i] = -1;
	blob_to_stream(out_fd, &blob);
	files_watch_reader(&blob, teller);
	r = open_trees(s, &parent, upper_fd, fds, e);
	if (r >= 0)
		r = layer_diff(fds, n, &blob, &entries, e);
	if (r >= 0)
		r = blob_finish(&blob, NULL, e);
	for (size_t i = 1; i < n; i++)
		close_fd(&fds[i]);
	return r;
}

/* Where the name leads to is known by its manifest: another name of it may be gone meanwhile. */
static int run_tag(struct change *c, struct err *e)
{
	const char *origin = json_str(c->request, "origin", "");
	auto_image im = { 0 };

	if (digest_parse(json_str(c->request, "manifest", ""), &c->publish.manifest) < 0 ||
		(*origin && digest_parse(origin, &c->publish.origin) < 0))
		return err_set(e, EINVAL, "the image has no digest");
	if (store_manifest(c->op->store, &c->publish.manifest, &im, e) < 0)
		return -e->code;
	c->publish.config = im.config;
	c->publish.names = &c->ref;
	c->publish.n_names = 1;
	return publish(c->op, &c->publish, e);
}

static int run(struct change *c, int data_fd, struct digest *ret_id, struct err *e)
{
	const char *what = json_str(c->request, "op", ""), *ref = json_str(c->request, "ref", "");

	if (str_eq(what, "collect"))
		return run_collect(c->op, e);
	/* a commit without a name is known by its id alone */
	if (!(str_eq(what, "commit") && !*ref) && image_ref_parse_stored(ref, &c->ref, e) < 0)
		return -e->code;
	if (str_eq(what, "import"))
		return run_import(c, data_fd, ret_id, e);
	if (str_eq(what, "commit"))
		return run_commit(c, data_fd, ret_id, e);
	if (str_eq(what, "tag"))
		return run_tag(c, e);
	if (str_eq(what, "remove"))
		return run_remove(c->op, &c->ref, e);
	return err_set(e, EINVAL, "'%.40s' is nothing that redock-store can do", what);
}

int change_run(struct store *s, const json_t *request, int data_fd, const struct teller *teller,
	struct digest *ret_id, struct err *e)
{
	auto_op op = OP_INIT;
	struct change c = { .op = &op, .request = request, .teller = teller };
	int r = op_begin(s, &op, e);

	*ret_id = (struct digest){ "" };
	if (r == 0)
		r = run(&c, data_fd, ret_id, e);
	publish_release(&c.publish);
	return r;
}
