/* What can be made anew of what is whole: a layer's tree of its blob, and the blob of a layer that
 * was committed here of its tree. Digests say whether it is the same; nothing is guessed. */
#include "base/mem.h"
#include "store/check.h"
#include "store/ingest_layer.h"
#include "store/write.h"

#include <fcntl.h>
#include <string.h>

static int digest_content(int at, const char *tree, struct digest *ret, struct err *e)
{
	auto_close int fd = openat(at, tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	auto_blob blob = BLOB_INIT;

	if (fd < 0)
		return err_errno(e, "cannot open a layer");
	if (blob_create(-1, NULL, &blob, e) < 0 || layer_content(fd, &blob, e) < 0)
		return -e->code;
	return blob_digest(&blob, ret, e);
}

/* The digest of what a tree becomes as an archive, which goes to `blob_name`. */
static int digest_tree(
	int at, const char *tree, int dir, const char *blob_name, struct digest *ret, struct err *e)
{
	auto_close int fd = openat(at, tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	auto_blob blob = BLOB_INIT;
	uint64_t entries;

	if (fd < 0)
		return err_errno(e, "cannot open a layer");
	if (blob_create(dir, blob_name, &blob, e) < 0 || layer_diff(&fd, 1, &blob, &entries, e) < 0)
		return -e->code;
	return blob_finish(&blob, ret, e);
}

/* Unpacks the blob into `name` of the operation, verified by both digests. */
static int unpack(struct checkup *c, const char *name, const struct digest *diff_id,
	const struct digest *blob, struct err *e)
{
	auto_close int fd =
		openat(c->store->blobs_fd, digest_hex(blob), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct layer_result result;
	struct layer_job j = {
		.tree = name, .fd = fd, .blob_fd = -1, .blob = *blob, .diff_id = *diff_id
	};
	auto_close int pidfd = -1;
	struct op *op;
	struct stat st;
	int result_fd;
	pid_t pid;

	if (check_op(c, &op, e) < 0)
		return -e->code;
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(e, "cannot read a blob");
	j.op_fd = op->dir_fd;
	j.size = (uint64_t)st.st_size;
	pid = layer_job_start(&j, &result_fd, &pidfd, e);
	return pid < 0 ? pid : layer_job_wait(pid, result_fd, &result, e);
}

static void next_name(struct checkup *c, char ret[24])
{
	snprintf(ret, 24, "made-%u", c->n_made++);
}

int check_compare(struct checkup *c, const char *key, const struct digest *diff_id,
	const struct digest *blob, struct err *e)
{
	auto_free char *there = xasprintf("%s/fs", key), *again = NULL;
	struct digest a, b;
	char name[24];

	next_name(c, name);
	again = xasprintf("%s/fs", name);
	tell(c->teller, "comparing layer %.12s", key);
	if (unpack(c, name, diff_id, blob, e) < 0 ||
		digest_content(c->store->layers_fd, there, &a, e) < 0 ||
		digest_content(c->op->dir_fd, again, &b, e) < 0)
		return -e->code;
	if (str_eq(a.text, b.text))
		return fs_remove_tree(c->op->dir_fd, name, e) < 0 ? -e->code : 1;
	/* a repair can use it */
	json_object_set_new(c->made_trees, key, json_string(name));
	return 0;
}

static bool has_tree(struct store *s, const char *key)
{
	return faccessat(s->layers_fd, key, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool has_blob(struct store *s, const char *hex)
{
	return faccessat(s->blobs_fd, hex, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int make_tree(struct checkup *c, const char *key, const struct digest *diff_id,
	const struct digest *blob, struct err *e)
{
	auto_close int tree = -1;
	char name[24];

	next_name(c, name);
	tell(c->teller, "unpacking layer %.12s again", key);
	if (unpack(c, name, diff_id, blob, e) < 0)
		return -e->code;
	tree = fs_open_dir(c->op->dir_fd, name, e);
	if (tree < 0)
		return tree;
	json_object_set_new(c->made_trees, key, json_string(name));
	return 0;
}

/* A blob that is the plain archive of a tree that is here: what a commit writes is always the same
 * for the same tree. What somebody else made of it has other bytes, and stays lost. */
static int make_blob(struct checkup *c, const char *key, const struct digest *blob, struct err *e)
{
	auto_free char *path = xasprintf("%s/fs", key);
	struct digest made;
	struct op *op;
	char name[24];

	if (check_op(c, &op, e) < 0)
		return -e->code;
	next_name(c, name);
	tell(c->teller, "packing layer %.12s again", key);
	if (digest_tree(c->store->layers_fd, path, op->dir_fd, name, &made, e) < 0)
		return -e->code;
	if (str_eq(made.text, blob->text))
		json_object_set_new(c->made_blobs, digest_hex(blob), json_string(name));
	return 0;
}

static int make_layer(
	struct checkup *c, const struct digest *diff_id, const struct digest *blob, struct err *e)
{
	const char *hex = digest_hex(blob);
	char key[LAYER_KEY_SIZE];
	bool tree, archive;

	layer_key(diff_id->text, key);
	tree = has_tree(c->store, key) && !json_object_get(c->trees, key);
	archive = has_blob(c->store, hex) && !json_object_get(c->blobs, hex);
	if (archive && !tree && !json_object_get(c->made_trees, key))
		return make_tree(c, key, diff_id, blob, e);
	if (tree && !archive && str_eq(diff_id->text, blob->text) &&
		!json_object_get(c->made_blobs, hex))
		return make_blob(c, key, blob, e);
	return 0;
}

int check_make(struct checkup *c, struct err *e)
{
	bool made;

	for (size_t i = 0; i < c->n_held; i++) {
		const struct image *im = &c->held[i].image;
		for (size_t k = 0; c->held[i].readable && k < im->layers.n; k++) {
			struct digest diff_id, blob;
			struct err why = { 0 };
			digest_parse(im->layers.v[k], &diff_id);
			digest_parse(im->blobs.v[k], &blob);
			/* what cannot be made is damaged for good, and said to be */
			if (make_layer(c, &diff_id, &blob, &why) == -ENOSPC)
				return *e = why, -e->code;
		}
	}
	made = json_object_size(c->made_trees) || json_object_size(c->made_blobs);
	if (made && syncfs(c->op->dir_fd) < 0)
		return err_errno(e, "cannot write to the disk");
	return 0;
}

/* ---- with the lock held ---- */

static int set_aside(
	struct checkup *c, const char *place, const char *name, const char *why, struct err *e)
{
	c->changed = true;
	return store_quarantine(c->store->root_fd, c->quarantine, place, name, why, e);
}

static int put_made(struct checkup *c, int dirfd, const char *name, const char *made, struct err *e)
{
	c->changed = true;
	if (renameat(c->op->dir_fd, made, dirfd, name) < 0)
		return err_errno(e, "cannot put '%s' back", name);
	return fs_sync(dirfd, e);
}

static void say_damage(struct checkup *c, const char *what, const char *name, const char *why,
	const char *done, const char *mend)
{
	char object[64];

	snprintf(object, sizeof object, "%s %.12s", what, name);
	check_say(c, true, object, done, mend, "%s", why);
}

static int replace_blob(struct checkup *c, const char *hex, const char *why, struct err *e)
{
	const char *made = json_string_value(json_object_get(c->made_blobs, hex));

	if (check_is_pinned(c, hex)) {
		say_damage(c, "blob", hex, why, NULL, NULL); /* its image says what to do */
		return 0;
	}
	if (set_aside(c, "blobs/sha256", hex, why, e) < 0 ||
		(made && put_made(c, c->store->blobs_fd, hex, made, e) < 0))
		return -e->code;
	say_damage(c, "blob", hex, why,
		made ? "made anew of the unpacked layer; the old one is in the quarantine"
		     : "moved to the quarantine",
		NULL);
	if (made)
		json_object_del(c->blobs, hex);
	return 0;
}

static int replace_tree(struct checkup *c, const char *key, const char *why, struct err *e)
{
	const char *made = json_string_value(json_object_get(c->made_trees, key));

	if (!made && check_is_pinned(c, key)) {
		say_damage(c, "layer", key, why, NULL, NULL);
		return 0;
	}
	/* moved, not removed: a container may be running on it */
	if (set_aside(c, "layers", key, why, e) < 0 ||
		(made && put_made(c, c->store->layers_fd, key, made, e) < 0))
		return -e->code;
	say_damage(c, "layer", key, why,
		made ? "unpacked again; the old one is in the quarantine"
		     : "moved to the quarantine",
		NULL);
	if (made)
		json_object_del(c->trees, key);
	return 0;
}

/* What was missing and has been made. */
static int put_missing(struct checkup *c, struct err *e)
{
	const char *name;
	json_t *made;

	json_object_foreach(c->made_trees, name, made)
	{
		if (has_tree(c->store, name))
			continue;
		if (put_made(c, c->store->layers_fd, name, json_string_value(made), e) < 0)
			return -e->code;
		say_damage(c, "layer", name, "it is missing", "unpacked again", NULL);
	}
	json_object_foreach(c->made_blobs, name, made)
	{
		if (has_blob(c->store, name))
			continue;
		if (put_made(c, c->store->blobs_fd, name, json_string_value(made), e) < 0)
			return -e->code;
		say_damage(
			c, "blob", name, "it is missing", "made anew of the unpacked layer", NULL);
	}
	return 0;
}

/* What was wrong a while ago and is gone, or was replaced meanwhile, is not wrong any more. */
static void look_again(struct checkup *c)
{
	const char *name;
	json_t *unused;
	void *next;

	json_object_foreach_safe(c->blobs, next, name, unused)
	{
		auto_free char *wrong = check_blob(c->store, name);
		if (!wrong)
			json_object_del(c->blobs, name);
	}
	json_object_foreach_safe(c->trees, next, name, unused)
	{
		if (!has_tree(c->store, name))
			json_object_del(c->trees, name);
	}
}

int check_replace(struct checkup *c, struct err *e)
{
	const char *name;
	json_t *why;
	void *next;

	look_again(c);
	json_object_foreach_safe(c->blobs, next, name, why)
	{
		if (!c->repair)
			say_damage(c, "blob", name, json_string_value(why), NULL, NULL);
		else if (replace_blob(c, name, json_string_value(why), e) < 0)
			return -e->code;
	}
	json_object_foreach_safe(c->trees, next, name, why)
	{
		if (!c->repair)
			say_damage(c, "layer", name, json_string_value(why), NULL, NULL);
		else if (replace_tree(c, name, json_string_value(why), e) < 0)
			return -e->code;
	}
	return c->repair ? put_missing(c, e) : 0;
}
