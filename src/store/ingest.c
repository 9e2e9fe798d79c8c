#include "store/ingest.h"
#include "base/mem.h"
#include "base/proc.h"
#include "store/ingest_layer.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>

struct layer {
	struct digest diff_id;
	const struct descriptor *is; /* in the manifest; NULL: unknown */
	bool fetch;                  /* its blob has to come */
	bool unpack;                 /* its tree has to be made */
	bool done;
	pid_t pid; /* 0: none */
	int pidfd, result_fd;
	int blob_fd;  /* what is locked of partial/, -1: nothing */
	bool partial; /* the blob is written there */
	char blob_name[72], tree_name[24];
	struct layer_result result;
};

struct ingest {
	struct op op;
	struct ingest_options o;
	struct manifest manifest;
	bool has_manifest, has_config;
	struct digest manifest_digest, index_digest;
	struct document_blob config;
	struct image image; /* diff-ids */
	struct layer *layers;
	size_t n_layers;
	struct publish publish;
};

int ingest_begin(
	struct store *s, const struct ingest_options *o, struct ingest **ret, struct err *e)
{
	struct ingest *in = xcalloc(1, sizeof *in);
	int r;

	if (o)
		in->o = *o;
	r = op_begin(s, &in->op, e);
	if (r == 0)
		r = fs_write_file(in->op.dir_fd, OP_INGESTS, "", 0, 0600, FS_VOLATILE, e);
	if (r < 0) {
		ingest_free(in);
		return r;
	}
	*ret = in;
	return 0;
}

void ingest_free(struct ingest *in)
{
	if (!in)
		return;
	for (size_t i = 0; i < in->n_layers; i++) {
		struct layer *l = &in->layers[i];
		if (l->pid > 0) {
			kill(l->pid, SIGKILL);
			proc_wait(l->pid);
			close_fd(&l->result_fd);
		}
		close_fd(&l->pidfd);
		close_fd(&l->blob_fd);
	}
	free(in->layers);
	image_release(&in->image);
	manifest_release(&in->manifest);
	publish_release(&in->publish);
	op_end(&in->op);
	free(in);
}

/* ---- documents ---- */

/* Into the operation's directory, synced with the rest. */
static int keep_document(struct ingest *in, const struct ingest_document *d, const char *what,
	struct document_blob *ret, struct err *e)
{
	struct publish_blob b = { 0 };
	auto_blob blob = BLOB_INIT;

	snprintf(b.name, sizeof b.name, "document-%zu", in->publish.n_blobs);
	if (d->size >= 0 && (uint64_t)d->size != d->len)
		return err_set(e, EBADMSG, "%s is %zu bytes and should be %lld", what, d->len,
			(long long)d->size);
	if (blob_create(in->op.dir_fd, b.name, &blob, e) < 0 ||
		blob_write(&blob, d->data, d->len, e) < 0 ||
		blob_digest(&blob, &b.is.digest, e) < 0)
		return -e->code;
	if (d->digest && !str_eq(d->digest->text, b.is.digest.text))
		return err_set(e, EBADMSG, "%s has the digest %.19s... and should have %.19s...",
			what, b.is.digest.text, d->digest->text);
	b.is.size = d->len;
	*publish_add_blob(&in->publish) = b;
	*ret = b.is;
	return 0;
}

int ingest_index(
	struct ingest *in, const struct ingest_document *d, struct manifest *ret, struct err *e)
{
	auto_manifest m = { 0 };
	struct document_blob kept;

	if (manifest_parse(d->data, d->len, d->media_type, &m, e) < 0)
		return -e->code;
	if (!m.is_index)
		return err_set(e, EINVAL, "bad image manifest: it is no index");
	if (keep_document(in, d, "the index", &kept, e) < 0)
		return -e->code;
	if (!*in->index_digest.text) /* one may lead to another: the first has the name */
		in->index_digest = kept.digest;
	*ret = m;
	m = (struct manifest){ 0 };
	return 0;
}

int ingest_manifest(struct ingest *in, const struct ingest_document *d, struct err *e)
{
	auto_manifest m = { 0 };
	struct document_blob kept;

	if (in->has_manifest || in->has_config)
		return err_set(e, EINVAL, "a second manifest");
	if (manifest_parse(d->data, d->len, d->media_type, &m, e) < 0)
		return -e->code;
	if (m.is_index)
		return err_set(e, EINVAL, "bad image manifest: it is an index");
	if (keep_document(in, d, "the manifest", &kept, e) < 0)
		return -e->code;
	in->manifest_digest = kept.digest;
	in->manifest = m;
	in->has_manifest = true;
	m = (struct manifest){ 0 };
	return 0;
}

const struct manifest *ingest_get_manifest(const struct ingest *in)
{
	return in->has_manifest ? &in->manifest : NULL;
}

static bool has_blob(struct store *s, const struct descriptor *d)
{
	struct stat st;

	return fstatat(s->blobs_fd, digest_hex(&d->digest), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       (uint64_t)st.st_size == d->size;
}

static bool has_tree(struct store *s, const char *diff_id)
{
	struct err unused = { 0 };
	char name[48];

	return store_layer_name(s, diff_id, name, &unused) >= 0;
}

/* A layer of an archive without a manifest, if the store has it as it is, not compressed. */
static bool take_plain(struct ingest *in, struct layer *l)
{
	struct stat st;

	if (fstatat(in->op.store->blobs_fd, digest_hex(&l->diff_id), &st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	l->result = (struct layer_result){ .blob = l->diff_id, .size = (uint64_t)st.st_size };
	return true;
}

/* What has to be done for each layer; one that is in the image twice is got once. */
static int plan_layers(struct ingest *in, struct err *e)
{
	free(in->layers);
	in->n_layers = 0;
	in->layers = xcalloc(in->image.layers.n + 1, sizeof *in->layers);
	for (size_t i = 0; i < in->image.layers.n; i++) {
		struct layer *l = &in->layers[i];
		*l = (struct layer){ .pidfd = -1, .result_fd = -1, .blob_fd = -1 };
		in->n_layers++;
		digest_parse(in->image.layers.v[i], &l->diff_id); /* it has been checked */
		l->is = in->has_manifest ? &in->manifest.parts[i] : NULL;
		l->unpack = !has_tree(in->op.store, l->diff_id.text);
		l->fetch = l->is ? !has_blob(in->op.store, l->is) : l->unpack || !take_plain(in, l);
		for (size_t k = 0; k < i; k++) {
			const struct layer *below = &in->layers[k];
			bool same_tree = str_eq(below->diff_id.text, l->diff_id.text);
			bool same_blob =
				l->is && str_eq(below->is->digest.text, l->is->digest.text);
			if (same_blob && !same_tree)
				return err_set(e, EINVAL,
					"one layer of the image is to unpack to two things");
			l->unpack = l->unpack && !same_tree;
			l->fetch = l->fetch && !same_blob && !(same_tree && !l->is);
		}
		l->done = !l->unpack && !l->fetch;
	}
	return 0;
}

/* The list of layers that image_parse_config() compares the config's with. */
static void set_blobs(struct ingest *in, size_t n)
{
	for (size_t i = 0; i < n; i++)
		strv_push(&in->image.blobs,
			in->has_manifest ? in->manifest.parts[i].digest.text : "");
}

static int take_config(
	struct ingest *in, const json_t *config, const struct document_blob *is, struct err *e)
{
	const json_t *ids = json_object_get(json_object_get(config, "rootfs"), "diff_ids");

	if (json_array_size(ids) > LAYERS_MAX)
		return err_set(
			e, EINVAL, "bad image config: it has more than %d layers", LAYERS_MAX);
	image_release(&in->image); /* of another attempt */
	set_blobs(in, in->has_manifest ? in->manifest.n_parts : json_array_size(ids));
	if (image_parse_config(config, &in->image, e) < 0)
		return err_wrap(e, "bad image config");
	if (plan_layers(in, e) < 0)
		return -e->code;
	in->config = *is;
	in->has_config = true;
	return 0;
}

bool ingest_wants_config(struct ingest *in)
{
	auto_json *config = NULL;
	struct err unused = { 0 };
	const struct descriptor *d = &in->manifest.config;
	const struct document_blob is = { d->digest, d->size };

	if (in->has_config)
		return false;
	if (!in->has_manifest || !has_blob(in->op.store, d) ||
		store_read_json(in->op.store, &d->digest, CONFIG_MAX, &config, &unused) < 0)
		return true;
	/* what is wrong with it will be said of the one that comes */
	return take_config(in, config, &is, &unused) < 0;
}

static int add_config(struct ingest *in, const struct ingest_document *d, struct err *e)
{
	auto_json *config = NULL;
	struct document_blob kept;

	if (in->has_config)
		return err_set(e, EINVAL, "a second config");
	if (d->len > CONFIG_MAX)
		return err_set(e, EFBIG, "the image's config is larger than %zu bytes", CONFIG_MAX);
	if (keep_document(in, d, "the image's config", &kept, e) < 0 ||
		json_parse(d->data, d->len, "the image's config", &config, e) < 0)
		return -e->code;
	return take_config(in, config, &kept, e);
}

int ingest_config(struct ingest *in, const void *data, size_t len, struct err *e)
{
	const struct ingest_document d = { .data = data,
		.len = len,
		.digest = &in->manifest.config.digest,
		.size = (int64_t)in->manifest.config.size };

	if (!in->has_manifest)
		return err_set(e, EINVAL, "a config without a manifest");
	return add_config(in, &d, e);
}

int ingest_config_alone(struct ingest *in, const void *data, size_t len, struct err *e)
{
	const struct ingest_document d = { .data = data, .len = len, .size = -1 };

	return add_config(in, &d, e);
}

/* ---- layers ---- */

size_t ingest_layers(const struct ingest *in)
{
	return in->n_layers;
}

bool ingest_wants_layer(struct ingest *in, size_t i)
{
	return in->layers[i].fetch && !in->layers[i].done;
}

int ingest_layer_pidfd(const struct ingest *in, size_t i)
{
	return in->layers[i].pidfd;
}

static int start(struct ingest *in, size_t i, struct layer_job *j, struct err *e)
{
	struct layer *l = &in->layers[i];

	snprintf(l->tree_name, sizeof l->tree_name, "layer-%zu", i);
	/* of an attempt that failed */
	if (fs_remove_tree(in->op.dir_fd, l->tree_name, e) < 0)
		return -e->code;
	j->op_fd = in->op.dir_fd;
	j->tree = l->unpack ? l->tree_name : NULL;
	j->diff_id = l->diff_id;
	j->max_bytes = in->o.max_bytes;
	if (l->is)
		j->blob = l->is->digest;
	l->pid = layer_job_start(j, &l->result_fd, &l->pidfd, e);
	if (l->pid < 0) {
		int r = l->pid;
		l->pid = 0;
		return r;
	}
	return 0;
}

/* Where its bytes go. What is not known by a digest, or is just being written by another process,
 * goes to a file of our own. */
static int open_blob(struct ingest *in, size_t i, uint64_t *ret_have, struct err *e)
{
	struct layer *l = &in->layers[i];
	auto_close int dir = -1, fd = -1;
	struct stat st;

	*ret_have = 0;
	l->partial = false;
	close_fd(&l->blob_fd);
	if (l->is) {
		snprintf(l->blob_name, sizeof l->blob_name, "%s", digest_hex(&l->is->digest));
		dir = fs_open_dir_make(in->op.store->root_fd, "partial", 0700, e);
		if (dir < 0)
			return dir;
		fd = openat(dir, l->blob_name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0 || fstat(fd, &st) < 0)
			return err_errno(e, "cannot make a file in the store");
		if (S_ISREG(st.st_mode) && flock(fd, LOCK_EX | LOCK_NB) == 0) {
			if ((uint64_t)st.st_size > l->is->size && ftruncate(fd, 0) < 0)
				return err_errno(e, "cannot write to the store");
			*ret_have = (uint64_t)st.st_size > l->is->size ? 0 : (uint64_t)st.st_size;
			l->partial = true;
			l->blob_fd = take_fd(&fd);
			return 0;
		}
		close_fd(&fd);
	}
	snprintf(l->blob_name, sizeof l->blob_name, "blob-%zu", i);
	if (unlinkat(in->op.dir_fd, l->blob_name, 0) < 0 && errno != ENOENT)
		return err_errno(e, "cannot replace a file of the store");
	l->blob_fd = openat(in->op.dir_fd, l->blob_name,
		O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	return l->blob_fd < 0 ? err_errno(e, "cannot make a file in the store") : 0;
}

int ingest_layer_open(struct ingest *in, size_t i, uint64_t *ret_have, struct err *e)
{
	struct layer *l = &in->layers[i];
	struct layer_job j = { .is_pipe = true, .size = l->is ? l->is->size : UINT64_MAX };
	int ends[2], r;

	if (open_blob(in, i, &j.have, e) < 0)
		return -e->code;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_errno(e, "cannot make a pipe");
	(void)fcntl(ends[0], F_SETPIPE_SZ, 1 << 20); /* fewer changes between the two */
	j.fd = ends[0];
	j.blob_fd = l->blob_fd;
	r = start(in, i, &j, e);
	close(ends[0]);
	if (r < 0) {
		close(ends[1]);
		return r;
	}
	*ret_have = j.have;
	return ends[1];
}

static int check_size(const struct layer *l, uint64_t size, struct err *e)
{
	if (l->is && l->is->size != size)
		return err_set(e, EBADMSG, "it is %llu bytes and should be %llu",
			(unsigned long long)size, (unsigned long long)l->is->size);
	return 0;
}

int ingest_layer_file(
	struct ingest *in, size_t i, int fd, uint64_t at, uint64_t size, struct err *e)
{
	struct layer *l = &in->layers[i];
	struct layer_job j = { .fd = fd, .at = at, .size = size };
	uint64_t have;

	if (check_size(l, size, e) < 0 || open_blob(in, i, &have, e) < 0)
		return -e->code;
	/* here nothing is gained by going on */
	if (have && ftruncate(l->blob_fd, 0) < 0)
		return err_errno(e, "cannot write to the store");
	j.blob_fd = l->blob_fd;
	return start(in, i, &j, e);
}

int ingest_layer_link(struct ingest *in, size_t i, int dir, const char *name, struct err *e)
{
	struct layer *l = &in->layers[i];
	auto_close int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct layer_job j = { .fd = fd, .blob_fd = -1 };
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(e, "cannot read a file of the store");
	j.size = (uint64_t)st.st_size;
	if (check_size(l, j.size, e) < 0)
		return -e->code;
	l->partial = false;
	snprintf(l->blob_name, sizeof l->blob_name, "blob-%zu", i);
	if ((unlinkat(in->op.dir_fd, l->blob_name, 0) < 0 && errno != ENOENT) ||
		linkat(dir, name, in->op.dir_fd, l->blob_name, 0) < 0)
		return err_errno(e, "cannot link a file of the store");
	return start(in, i, &j, e);
}

/* A tree that is missing, from the blob that is there. */
static int unpack_again(struct ingest *in, size_t i, struct err *e)
{
	struct layer *l = &in->layers[i];
	struct store *s = in->op.store;
	auto_close int fd =
		openat(s->blobs_fd, digest_hex(&l->is->digest), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct layer_job j = { .fd = fd, .size = l->is->size, .blob_fd = -1 };

	if (fd < 0)
		return err_errno(e, "cannot read blob '%.19s'", l->is->digest.text);
	if (start(in, i, &j, e) < 0)
		return -e->code;
	if (ingest_layer_wait(in, i, e) < 0) {
		err_wrap(e, "blob '%.19s' of the store is damaged", l->is->digest.text);
		return err_hint(e, "redock rmi what was made of it, and then the same again");
	}
	return 0;
}

static void drop_partial(struct ingest *in, struct layer *l)
{
	auto_close int dir = openat(
		in->op.store->root_fd, "partial", O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (dir >= 0)
		(void)unlinkat(dir, l->blob_name, 0); /* else its bytes are verified again */
}

int ingest_layer_wait(struct ingest *in, size_t i, struct err *e)
{
	struct layer *l = &in->layers[i];
	int r;

	if (!l->pid)
		return 0;
	r = layer_job_wait(l->pid, l->result_fd, &l->result, e);
	l->pid = 0;
	l->result_fd = -1;
	close_fd(&l->pidfd);
	if (r < 0) {
		if (l->partial && !l->result.keep)
			drop_partial(in, l);
		close_fd(&l->blob_fd);
		return err_wrap(e, "layer %zu of %zu", i + 1, in->n_layers);
	}
	l->done = true;
	return 0;
}

/* ---- the end ---- */

static const char *layer_type(enum compression c)
{
	return c == COMPRESSION_GZIP   ? MEDIA_LAYER_GZIP
	       : c == COMPRESSION_ZSTD ? MEDIA_LAYER_ZSTD
				       : MEDIA_LAYER;
}

/* The result of the layer, or of the one that it is a second time. */
static const struct layer *find_result(const struct ingest *in, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (str_eq(in->layers[k].diff_id.text, in->layers[i].diff_id.text))
			return &in->layers[k];
	return &in->layers[i];
}

/* For an image that came without one. */
static int make_manifest(struct ingest *in, struct err *e)
{
	auto_json *j = NULL;
	auto_free char *text = NULL;
	struct document_blob config = in->config, kept;
	struct ingest_document d = { .size = -1 };
	json_t *layers;

	j = document_manifest(NULL, &config, NULL, false);
	layers = json_object_get(j, "layers");
	for (size_t i = 0; i < in->n_layers; i++) {
		const struct layer *l = find_result(in, i);
		json_array_append_new(layers,
			json_pack("{s:s, s:s, s:I}", "mediaType", layer_type(l->result.compression),
				"digest", l->result.blob.text, "size", (json_int_t)l->result.size));
	}
	text = json_text(j);
	d.data = text;
	d.len = strlen(text);
	if (keep_document(in, &d, "the manifest", &kept, e) < 0)
		return -e->code;
	in->manifest_digest = kept.digest;
	return 0;
}

static void add_layers(struct ingest *in)
{
	for (size_t i = 0; i < in->n_layers; i++) {
		const struct layer *l = &in->layers[i];
		if (l->fetch) {
			struct publish_blob *b = publish_add_blob(&in->publish);
			memcpy(b->name, l->blob_name, sizeof b->name);
			b->partial = l->partial;
			b->is = (struct document_blob){ l->result.blob, l->result.size };
		}
		if (l->unpack)
			publish_add_layer(&in->publish, l->tree_name, &l->diff_id);
	}
}

/* All at once: the kernel orders the writes of many files better than one fsync(2) after the
 * other, and layers that unpack side by side would wait for each other. */
static int sync_all(struct ingest *in, struct err *e)
{
	struct publish *p = &in->publish;

	if (p->n_layers || p->n_blobs > 3)
		return syncfs(in->op.dir_fd) < 0 ? err_errno(e, "cannot write to the disk") : 0;
	for (size_t i = 0; i < p->n_blobs; i++) {
		auto_close int fd = -1;
		if (p->blobs[i].partial)
			return syncfs(in->op.dir_fd) < 0 ? err_errno(e, "cannot write to the disk")
							 : 0;
		fd = openat(in->op.dir_fd, p->blobs[i].name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (fd < 0)
			return err_errno(e, "cannot open a file of the store");
		if (fs_sync(fd, e) < 0)
			return -e->code;
	}
	return 0;
}

static int complete_layers(struct ingest *in, struct err *e)
{
	for (size_t i = 0; i < in->n_layers; i++) {
		struct layer *l = &in->layers[i];
		if (l->pid && ingest_layer_wait(in, i, e) < 0)
			return -e->code;
		if (!l->done && l->fetch)
			return err_set(
				e, EINVAL, "layer %zu of %zu is missing", i + 1, in->n_layers);
		if (!l->done && unpack_again(in, i, e) < 0)
			return -e->code;
	}
	return 0;
}

int ingest_finish(struct ingest *in, const struct image_ref *names, size_t n_names,
	struct digest *ret_id, struct err *e)
{
	struct image_ref id;

	if (!in->has_config)
		return err_set(e, EINVAL, "the image has no config");
	if (complete_layers(in, e) < 0 || (!in->has_manifest && make_manifest(in, e) < 0))
		return -e->code;
	add_layers(in);
	if (sync_all(in, e) < 0)
		return -e->code;
	in->publish.manifest = in->manifest_digest;
	in->publish.config = in->config.digest;
	if (in->has_manifest)
		in->publish.origin =
			*in->index_digest.text ? in->index_digest : in->manifest_digest;
	if (!n_names) {
		if (image_ref_parse_stored(in->config.digest.text, &id, e) < 0)
			return -e->code;
		names = &id;
		n_names = 1;
	}
	in->publish.names = names;
	in->publish.n_names = n_names;
	in->publish.collect = true;
	if (publish(&in->op, &in->publish, e) < 0)
		return -e->code;
	*ret_id = in->config.digest;
	return 0;
}

const struct digest *ingest_manifest_digest(const struct ingest *in)
{
	return &in->manifest_digest;
}
