#include "store/load.h"
#include "base/mem.h"
#include "store/bundle.h"
#include "store/ingest.h"

#include <string.h>

#define LIST_MAX    ((size_t)8 << 20) /* manifest.json, index.json */
#define IMAGES_MAX  1000
#define INDEXES_MAX 4   /* one inside the other */
#define NAMES_MAX   100 /* of one image */

struct loader {
	struct store *store;
	struct op *op;
	struct bundle *bundle;
	const struct teller *teller;
	json_t *done;
};

struct names {
	struct image_ref v[NAMES_MAX];
	size_t n;
};

static int add_name(struct names *names, const char *text, struct err *e)
{
	if (names->n >= NAMES_MAX)
		return err_set(e, E2BIG, "one image has more than %d names", NAMES_MAX);
	if (image_ref_parse(text, &names->v[names->n], e) < 0)
		return -e->code;
	if (image_ref_is_digest(&names->v[names->n]))
		return err_set(e, EINVAL, "the archive names an image by a digest");
	if (str_eq(names->v[names->n].repository, "redock")) {
		err_set(e, EPERM, "an archive cannot bring '%s'", text);
		return err_hint(e, "the names 'redock:...' are this host's own");
	}
	names->n++;
	return 0;
}

static int start_layer(
	struct loader *l, struct ingest *in, size_t i, const char *file, struct err *e)
{
	const char *spooled = bundle_spooled(l->bundle, file);
	uint64_t size;
	auto_close int fd = -1;
	int r;

	if (spooled)
		r = ingest_layer_link(in, i, l->op->dir_fd, spooled, e);
	else if ((fd = bundle_file(l->bundle, file, &size, e)) < 0)
		r = fd;
	else
		r = ingest_layer_file(in, i, fd, 0, size, e);
	return r < 0 ? err_wrap(e, "layer '%.80s'", str_is_one_line(file) ? file : "?") : 0;
}

/* A few at a time, the lowest first; `file` tells where they are. */
static int take_layers(struct loader *l, struct ingest *in, const struct strv *files, struct err *e)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	size_t at_once = cpus < 2 ? 2 : cpus > 8 ? 8 : (size_t)cpus;
	size_t running = 0, waited = 0;

	for (size_t i = 0; i < files->n; i++) {
		for (; running >= at_once && waited < i; waited++) {
			running -= ingest_layer_pidfd(in, waited) >= 0;
			if (ingest_layer_wait(in, waited, e) < 0)
				return -e->code;
		}
		if (!ingest_wants_layer(in, i))
			continue;
		tell(l->teller, "layer %zu of %zu", i + 1, files->n);
		if (start_layer(l, in, i, files->v[i], e) < 0)
			return -e->code;
		running++;
	}
	for (; waited < files->n; waited++)
		if (ingest_layer_wait(in, waited, e) < 0)
			return -e->code;
	return 0;
}

static int finish(struct loader *l, struct ingest *in, const struct names *names, struct err *e)
{
	json_t *list = json_array();
	struct digest id;
	int r;

	tell(l->teller, "writing to the disk");
	r = ingest_finish(in, names->v, names->n, &id, e);
	for (size_t i = 0; r >= 0 && i < names->n; i++) {
		char text[IMAGE_REF_TEXT_SIZE];
		image_ref_text(&names->v[i], text);
		json_array_append_new(list, json_string(text));
	}
	if (r >= 0)
		json_array_append_new(
			l->done, json_pack("{s:s, s:O}", "id", id.text, "names", list));
	json_decref(list);
	return r;
}

/* ---- docker archives: manifest.json ---- */

static int docker_image(struct loader *l, const json_t *image, struct err *e)
{
	const json_t *tags = json_object_get(image, "RepoTags"), *tag;
	const json_t *layers = json_object_get(image, "Layers"), *layer;
	const char *config = json_str(image, "Config", NULL);
	auto_free struct names *names = xcalloc(1, sizeof *names);
	auto_free char *data = NULL;
	auto_strv files = { 0 };
	auto_ingest *in = NULL;
	size_t len, i;

	if (!config || !json_is_array(layers) ||
		(tags && !json_is_array(tags) && !json_is_null(tags)))
		return err_set(e, EINVAL, "'manifest.json' has an image without config or layers");
	json_array_foreach(tags, i, tag)
	{
		if (!json_is_string(tag) || add_name(names, json_string_value(tag), e) < 0)
			return e->code ? -e->code
				       : err_set(e, EINVAL, "'manifest.json' has a bad name");
	}
	json_array_foreach(layers, i, layer)
	{
		if (!json_is_string(layer))
			return err_set(e, EINVAL, "'manifest.json' has a bad layer");
		strv_push(&files, json_string_value(layer));
	}
	if (bundle_read(l->bundle, config, CONFIG_MAX, &data, &len, e) < 0 ||
		ingest_begin(l->store, &(struct ingest_options){ .teller = l->teller }, &in, e) <
			0 ||
		ingest_config_alone(in, data, len, e) < 0)
		return -e->code;
	if (ingest_layers(in) != files.n)
		return err_set(e, EINVAL, "an image has %zu layers and its config says %zu",
			files.n, ingest_layers(in));
	if (take_layers(l, in, &files, e) < 0)
		return -e->code;
	return finish(l, in, names, e);
}

static int load_docker(struct loader *l, struct err *e)
{
	auto_free char *text = NULL;
	auto_json *list = NULL;
	const json_t *image;
	size_t len, i;

	if (bundle_read(l->bundle, "manifest.json", LIST_MAX, &text, &len, e) < 0 ||
		json_parse(text, len, "'manifest.json'", &list, e) < 0)
		return -e->code;
	if (!json_is_array(list) || json_array_size(list) > IMAGES_MAX)
		return err_set(
			e, EINVAL, "'manifest.json' is no list of at most %d images", IMAGES_MAX);
	json_array_foreach(list, i, image)
	{
		if (docker_image(l, image, e) < 0)
			return json_array_size(list) > 1 ? err_wrap(e, "image %zu of %zu", i + 1,
								   json_array_size(list))
							 : -e->code;
	}
	return 0;
}

/* ---- OCI image layouts: index.json ---- */

static void blob_path(const struct digest *d, char ret[96])
{
	snprintf(ret, 96, "blobs/sha256/%s", digest_hex(d));
}

static int read_document(struct loader *l, const struct descriptor *d, char **ret_data,
	struct ingest_document *ret, struct err *e)
{
	char path[96];
	size_t len;

	blob_path(&d->digest, path);
	if (bundle_read(l->bundle, path, MANIFEST_MAX, ret_data, &len, e) < 0)
		return -e->code;
	*ret = (struct ingest_document){ *ret_data, len, d->media_type, &d->digest,
		(int64_t)d->size };
	return 0;
}

/* Through indexes down to the manifest that is for this machine. */
static int take_manifest(
	struct loader *l, struct ingest *in, const struct descriptor *top, struct err *e)
{
	struct descriptor d = *top;
	struct platform here;

	platform_here(&here);
	for (int depth = 0; depth < INDEXES_MAX; depth++) {
		auto_free char *data = NULL;
		auto_manifest index = { 0 };
		struct ingest_document doc;
		const struct descriptor *best;
		if (read_document(l, &d, &data, &doc, e) < 0)
			return -e->code;
		if (!str_eq(d.media_type, MEDIA_INDEX) && !str_eq(d.media_type, MEDIA_DOCKER_LIST))
			return ingest_manifest(in, &doc, e);
		if (ingest_index(in, &doc, &index, e) < 0)
			return -e->code;
		/* Docker keeps an index of one index for each name */
		if (index.n_parts == 1)
			best = &index.parts[0];
		else if (manifest_choose(&index, &here, &best, e) < 0)
			return -e->code;
		d = *best;
	}
	return err_set(e, ELOOP, "more than %d indexes lead to each other", INDEXES_MAX);
}

/* A tag alone ("latest") names nothing without a repository. */
static int oci_names(const struct descriptor *d, struct names *names, struct err *e)
{
	if (*d->image)
		return add_name(names, d->image, e);
	if (strchr(d->name, ':') || strchr(d->name, '/'))
		return add_name(names, d->name, e);
	return 0;
}

static int oci_image(struct loader *l, const struct descriptor *d, struct err *e)
{
	auto_free struct names *names = xcalloc(1, sizeof *names);
	const struct manifest *m;
	auto_free char *data = NULL;
	auto_strv files = { 0 };
	auto_ingest *in = NULL;
	char path[96];
	size_t len;

	if (oci_names(d, names, e) < 0 ||
		ingest_begin(l->store, &(struct ingest_options){ .teller = l->teller }, &in, e) <
			0 ||
		take_manifest(l, in, d, e) < 0)
		return -e->code;
	m = ingest_get_manifest(in);
	blob_path(&m->config.digest, path);
	if (ingest_wants_config(in) &&
		(bundle_read(l->bundle, path, CONFIG_MAX, &data, &len, e) < 0 ||
			ingest_config(in, data, len, e) < 0))
		return -e->code;
	for (size_t i = 0; i < m->n_parts; i++) {
		blob_path(&m->parts[i].digest, path);
		strv_push(&files, path);
	}
	if (take_layers(l, in, &files, e) < 0)
		return -e->code;
	return finish(l, in, names, e);
}

static int check_layout(struct loader *l, struct err *e)
{
	auto_free char *text = NULL;
	auto_json *layout = NULL;
	size_t len;

	if (bundle_read(l->bundle, "oci-layout", 4096, &text, &len, e) < 0 ||
		json_parse(text, len, "'oci-layout'", &layout, e) < 0)
		return -e->code;
	if (!str_eq(json_str(layout, "imageLayoutVersion", ""), "1.0.0"))
		return err_set(e, EINVAL, "it is an image layout of another version than 1.0.0");
	return 0;
}

static int load_oci(struct loader *l, struct err *e)
{
	auto_free char *text = NULL;
	auto_manifest index = { 0 };
	size_t len;

	if (check_layout(l, e) < 0 ||
		bundle_read(l->bundle, "index.json", LIST_MAX, &text, &len, e) < 0 ||
		manifest_parse(text, len, NULL, &index, e) < 0)
		return -e->code;
	if (!index.is_index || index.n_parts > IMAGES_MAX)
		return err_set(
			e, EINVAL, "'index.json' is no list of at most %d images", IMAGES_MAX);
	for (size_t i = 0; i < index.n_parts; i++)
		if (oci_image(l, &index.parts[i], e) < 0)
			return index.n_parts > 1
				       ? err_wrap(e, "image %zu of %zu", i + 1, index.n_parts)
				       : -e->code;
	return 0;
}

static int load_any(struct loader *l, struct err *e)
{
	if (bundle_has(l->bundle, "manifest.json"))
		return load_docker(l, e);
	if (bundle_has(l->bundle, "oci-layout"))
		return load_oci(l, e);
	if (bundle_has(l->bundle, "repositories")) {
		err_set(e, ENOTSUP, "the archive is of the time before Docker 1.10");
		return err_hint(e, "load and save it with a later Docker");
	}
	err_set(e, EINVAL, "there are no images in it");
	return err_hint(e, "redock import makes an image of a root file system's archive");
}

int load_images(struct store *s, int fd, const struct teller *teller, json_t **ret, struct err *e)
{
	auto_json *done = json_array();
	auto_bundle *bundle = NULL;
	auto_op op = OP_INIT;
	struct loader l = { .store = s, .op = &op, .teller = teller, .done = done };

	if (op_begin(s, &op, e) < 0 || bundle_open(&op, fd, teller, &bundle, e) < 0)
		return -e->code;
	l.bundle = bundle;
	if (load_any(&l, e) < 0)
		return -e->code;
	*ret = json_incref(done);
	return 0;
}
