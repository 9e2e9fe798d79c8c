#include "store/save.h"
#include "base/mem.h"

#include <fcntl.h>
#include <string.h>

/* A blob that goes out once, however many images have it. Open from the beginning, so that
 * nobody can take it away meanwhile. */
struct out_blob {
	struct digest digest;
	uint64_t size;
	int fd;
	char path[96]; /* where it is in the archive already, or "" */
};

struct saver {
	struct store *store;
	struct blob out;
	struct out_blob *blobs;
	size_t n_blobs;
	struct strv dirs; /* those that are in the archive already */
	json_t *list, *repositories;
};

static void saver_release(struct saver *s)
{
	for (size_t i = 0; i < s->n_blobs; i++)
		close_fd(&s->blobs[i].fd);
	free(s->blobs);
	strv_release(&s->dirs);
	blob_release(&s->out);
	json_decref(s->list);
	json_decref(s->repositories);
}

/* ---- entries ---- */

static int put_dir(struct saver *s, const char *path, struct err *e)
{
	if (strv_has(&s->dirs, path))
		return 0;
	strv_push(&s->dirs, path);
	return tar_put_entry(
		&s->out, &(struct tar_entry){ .path = path, .type = '5', .mode = 0755 }, e);
}

static int put_text(struct saver *s, const char *path, const char *text, struct err *e)
{
	size_t n = strlen(text);
	const struct tar_entry entry = { .path = path, .type = '0', .mode = 0644, .size = n };

	if (tar_put_entry(&s->out, &entry, e) < 0 || blob_write(&s->out, text, n, e) < 0)
		return -e->code;
	return tar_put_padding(&s->out, n, e);
}

static int put_json(struct saver *s, const char *path, const json_t *j, struct err *e)
{
	auto_free char *text = json_text(j);

	return put_text(s, path, text, e);
}

static int put_blob(struct saver *s, struct out_blob *b, const char *path, struct err *e)
{
	const struct tar_entry entry = { .path = path, .type = '0', .mode = 0644, .size = b->size };

	if (tar_put_entry(&s->out, &entry, e) < 0 || blob_send(&s->out, b->fd, b->size, e) < 0)
		return err_wrap(e, "blob '%.19s'", b->digest.text);
	snprintf(b->path, sizeof b->path, "%s", path);
	return tar_put_padding(&s->out, b->size, e);
}

/* ---- what goes out ---- */

static struct out_blob *find_blob(struct saver *s, const char *digest)
{
	for (size_t i = 0; i < s->n_blobs; i++)
		if (str_eq(s->blobs[i].digest.text, digest))
			return &s->blobs[i];
	return NULL;
}

static int open_blob(struct saver *s, const char *text, struct err *e)
{
	struct out_blob b = { .fd = -1 };
	struct stat st;

	if (find_blob(s, text))
		return 0;
	if (digest_parse(text, &b.digest) < 0)
		return err_set(e, EINVAL, "'%.80s' is not a digest", text);
	b.fd = openat(s->store->blobs_fd, digest_hex(&b.digest),
		O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (b.fd < 0 || fstat(b.fd, &st) < 0) {
		err_errno(e, "cannot read blob '%.19s'", text);
		close_fd(&b.fd);
		return -e->code;
	}
	b.size = (uint64_t)st.st_size;
	s->blobs = xrealloc_array(s->blobs, s->n_blobs + 1, sizeof *s->blobs);
	s->blobs[s->n_blobs++] = b;
	return 0;
}

/* What the manifest says of its sizes must be so, else nobody can read the archive. */
static int check_sizes(struct saver *s, const json_t *manifest, struct err *e)
{
	const json_t *layers = json_object_get(manifest, "layers"), *layer;
	size_t i;

	json_array_foreach(layers, i, layer)
	{
		const struct out_blob *b = find_blob(s, json_str(layer, "digest", ""));
		if (b && (int64_t)b->size == json_int(layer, "size", -1))
			continue;
		err_set(e, EIO, "layer %zu is damaged: it has not the size that it should have",
			i + 1);
		return err_hint(e, "redock pull or load it again");
	}
	return 0;
}

static int open_image(struct saver *s, const json_t *request, struct image *ret, struct err *e)
{
	auto_json *manifest = NULL;
	struct digest d;
	int r;

	if (digest_parse(json_str(request, "manifest", ""), &d) < 0)
		return err_set(e, EINVAL, "an image has no digest");
	if (store_manifest(s->store, &d, ret, e) < 0 ||
		store_read_json(s->store, &d, MANIFEST_MAX, &manifest, e) < 0)
		return -e->code;
	r = open_blob(s, d.text, e);
	if (r == 0)
		r = open_blob(s, ret->config.text, e);
	for (size_t i = 0; r == 0 && i < ret->blobs.n; i++)
		r = open_blob(s, ret->blobs.v[i], e);
	return r == 0 ? check_sizes(s, manifest, e) : r;
}

/* ---- docker archives ---- */

/* The name of a layer's directory, as readers of before Docker 1.10 want it: of all that the layer
 * is and builds on. */
static int layer_id(const char *parent, const char *diff_id, const char *config, struct digest *ret,
	struct err *e)
{
	auto_free char *text = xasprintf("%s %s %s", parent, diff_id, config);
	auto_blob b = BLOB_INIT;

	if (blob_create(-1, NULL, &b, e) < 0 || blob_write(&b, text, strlen(text), e) < 0)
		return -e->code;
	return blob_digest(&b, ret, e);
}

static json_t *layer_json(const char *id, const char *parent, const json_t *config)
{
	json_t *j = config ? json_deep_copy(config) : json_object();

	json_object_del(j, "rootfs");
	json_object_del(j, "history");
	if (!json_object_get(j, "created"))
		json_object_set_new(j, "created", json_string("1970-01-01T00:00:00Z"));
	if (!json_object_get(j, "os"))
		json_object_set_new(j, "os", json_string("linux"));
	json_object_set_new(j, "id", json_string(id));
	if (*parent)
		json_object_set_new(j, "parent", json_string(parent));
	return j;
}

/* VERSION, json and layer.tar of one layer; a layer that is there already is linked to. */
static int put_layer(struct saver *s, const char *id, const char *parent, const char *blob,
	const json_t *config, struct err *e)
{
	auto_json *j = layer_json(id, parent, config);
	struct out_blob *b = find_blob(s, blob);
	char path[96], to[100];

	snprintf(path, sizeof path, "%s/", id);
	if (strv_has(&s->dirs, path))
		return 0; /* another image has it, with all below it */
	if (put_dir(s, path, e) < 0)
		return -e->code;
	snprintf(path, sizeof path, "%s/VERSION", id);
	if (put_text(s, path, "1.0", e) < 0)
		return -e->code;
	snprintf(path, sizeof path, "%s/json", id);
	if (put_json(s, path, j, e) < 0)
		return -e->code;
	snprintf(path, sizeof path, "%s/layer.tar", id);
	if (!*b->path)
		return put_blob(s, b, path, e);
	snprintf(to, sizeof to, "../%s", b->path);
	return tar_put_entry(&s->out,
		&(struct tar_entry){ .path = path, .link = to, .type = '2', .mode = 0777 }, e);
}

static int docker_image(
	struct saver *s, const json_t *request, const struct image *im, struct err *e)
{
	auto_json *config = NULL;
	json_t *names = json_object_get(request, "names"), *name;
	json_t *layers = json_array(), *entry = json_object();
	char parent[65] = "", file[96];
	size_t i;

	json_array_append_new(s->list, entry);
	json_object_set_new(entry, "Layers", layers);
	if (store_read_json(s->store, &im->config, CONFIG_MAX, &config, e) < 0)
		return -e->code;
	for (i = 0; i < im->layers.n; i++) {
		bool top = i + 1 == im->layers.n;
		struct digest id;
		if (layer_id(parent, im->layers.v[i], top ? im->config.text : "", &id, e) < 0 ||
			put_layer(s, digest_hex(&id), parent, im->blobs.v[i], top ? config : NULL,
				e) < 0)
			return -e->code;
		memcpy(parent, digest_hex(&id), sizeof parent);
		/* where its bytes are: not every reader follows the link that older ones want */
		json_array_append_new(layers, json_string(find_blob(s, im->blobs.v[i])->path));
	}
	snprintf(file, sizeof file, "%s.json", digest_hex(&im->config));
	json_object_set_new(entry, "Config", json_string(file));
	json_object_set(entry, "RepoTags", json_array_size(names) ? names : json_null());
	json_array_foreach(names, i, name)
	{
		const char *text = json_string_value(name),
			   *colon = text ? strrchr(text, ':') : NULL;
		auto_free char *repository = colon ? xstrndup(text, (size_t)(colon - text)) : NULL;
		json_t *tags = repository ? json_object_get(s->repositories, repository) : NULL;
		if (!repository || !*parent)
			continue;
		if (!tags) {
			tags = json_object();
			json_object_set_new(s->repositories, repository, tags);
		}
		json_object_set_new(tags, colon + 1, json_string(parent));
	}
	return *find_blob(s, im->config.text)->path
		       ? 0
		       : put_blob(s, find_blob(s, im->config.text), file, e);
}

static int docker_end(struct saver *s, struct err *e)
{
	if (put_json(s, "manifest.json", s->list, e) < 0)
		return -e->code;
	return json_object_size(s->repositories) ? put_json(s, "repositories", s->repositories, e)
						 : 0;
}

/* ---- OCI image layouts ---- */

/* As containerd wants names: with the registry that goes without saying. */
static char *full_name(const char *name)
{
	const char *slash = strchr(name, '/');
	size_t n = slash ? (size_t)(slash - name) : 0;
	bool host = slash && (memchr(name, '.', n) || memchr(name, ':', n) ||
				     (n == 9 && memcmp(name, "localhost", n) == 0));

	return host ? xstrdup(name) : xasprintf("docker.io/%s%s", slash ? "" : "library/", name);
}

static void oci_entry(
	struct saver *s, const struct out_blob *manifest, const char *type, const char *name)
{
	json_t *entry = json_pack("{s:s, s:s, s:I}", "mediaType", type, "digest",
		manifest->digest.text, "size", (json_int_t)manifest->size);

	if (name) {
		auto_free char *full = full_name(name);
		json_object_set_new(entry, "annotations",
			json_pack("{s:s, s:s}", "org.opencontainers.image.ref.name", name,
				"io.containerd.image.name", full));
	}
	json_array_append_new(s->list, entry);
}

static int oci_image(struct saver *s, const json_t *request, const struct image *im, struct err *e)
{
	const json_t *names = json_object_get(request, "names"), *name;
	const struct out_blob *manifest = find_blob(s, im->manifest.text);
	auto_json *j = NULL;
	const char *type;
	size_t i;

	if (store_read_json(s->store, &im->manifest, MANIFEST_MAX, &j, e) < 0)
		return -e->code;
	type = json_str(j, "mediaType", MEDIA_MANIFEST);
	json_array_foreach(names, i, name) oci_entry(s, manifest, type, json_string_value(name));
	if (!json_array_size(names))
		oci_entry(s, manifest, type, NULL);
	return 0;
}

static int by_digest(const void *a, const void *b)
{
	const struct out_blob *x = a, *y = b;

	return strcmp(x->digest.text, y->digest.text);
}

static int oci_end(struct saver *s, struct err *e)
{
	auto_json *index = json_pack("{s:i, s:s, s:O}", "schemaVersion", 2, "mediaType",
		MEDIA_INDEX, "manifests", s->list);

	if (put_text(s, "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}", e) < 0 ||
		put_json(s, "index.json", index, e) < 0 || put_dir(s, "blobs/", e) < 0 ||
		put_dir(s, "blobs/sha256/", e) < 0)
		return -e->code;
	qsort(s->blobs, s->n_blobs, sizeof *s->blobs, by_digest);
	for (size_t i = 0; i < s->n_blobs; i++) {
		char path[96];
		snprintf(path, sizeof path, "blobs/sha256/%s", digest_hex(&s->blobs[i].digest));
		if (put_blob(s, &s->blobs[i], path, e) < 0)
			return -e->code;
	}
	return 0;
}

/* With the store's lock, so that no collection comes between. */
static int open_images(struct saver *s, const json_t *images, struct image *list, struct err *e)
{
	auto_close int lock = fs_lock_shared(s->store->root_fd, "lock", -1, e);
	const json_t *request;
	size_t i;

	if (lock < 0)
		return err_wrap(e, "the image store is busy");
	json_array_foreach(
		images, i, request) if (open_image(s, request, &list[i], e) < 0) return -e->code;
	return 0;
}

int save_images(struct store *store, const json_t *request, int fd, struct err *e)
{
	const json_t *images = json_object_get(request, "images"), *one;
	bool oci = str_eq(json_str(request, "format", ""), "oci");
	size_t i, n = json_array_size(images);
	auto_free struct image *list = xcalloc(n + 1, sizeof *list);
	struct saver s = { .store = store, .list = json_array(), .repositories = json_object() };
	int r;

	blob_to_stream(fd, &s.out);
	r = open_images(&s, images, list, e);
	json_array_foreach(images, i, one) if (r == 0) r =
		oci ? oci_image(&s, one, &list[i], e) : docker_image(&s, one, &list[i], e);
	if (r == 0)
		r = oci ? oci_end(&s, e) : docker_end(&s, e);
	if (r == 0)
		r = tar_put_end(&s.out, e);
	if (r == 0)
		r = blob_finish(&s.out, NULL, e);
	for (i = 0; i < n; i++)
		image_release(&list[i]);
	saver_release(&s);
	return r;
}
