#include "registry/push.h"
#include "base/mem.h"
#include "registry/events.h"

#include <fcntl.h>
#include <string.h>

#define MEDIA_DOCKER_PLAIN "application/vnd.docker.image.rootfs.diff.tar"

struct push {
	struct store *store;
	struct registry registry;
	struct remote remote;
	char *scope;
};

static void push_release(struct push *p)
{
	registry_close(&p->registry);
	free(p->scope);
}
#define auto_push __attribute__((cleanup(push_release))) struct push

/* An image, its manifest as it is in the store, and its layers. */
struct outgoing {
	struct image image;
	struct manifest manifest;
	char *text; /* of the manifest */
	size_t len;
	struct push_layer *layers;
};

static void outgoing_release(struct outgoing *o)
{
	for (size_t i = 0; o->layers && i < o->manifest.n_parts; i++)
		free(o->layers[i].from);
	free(o->layers);
	manifest_release(&o->manifest);
	image_release(&o->image);
	free(o->text);
}
#define auto_outgoing __attribute__((cleanup(outgoing_release))) struct outgoing

static bool is_plain(const struct descriptor *d)
{
	return str_eq(d->media_type, MEDIA_LAYER) || str_eq(d->media_type, MEDIA_DOCKER_PLAIN);
}

/* Another repository of the same registry whose image has that layer, too. */
static char *find_source(struct push *p, const struct image_ref *refs, size_t n, const char *blob)
{
	for (size_t i = 0; i < n; i++) {
		auto_image other = { 0 };
		struct remote at;
		struct err ignored = { 0 };
		if (remote_of(&refs[i], &at, &ignored) < 0 || !str_eq(at.host, p->remote.host) ||
			str_eq(at.path, p->remote.path) ||
			store_image(p->store, &refs[i], &other, &ignored) < 0)
			continue;
		if (strv_has(&other.blobs, blob))
			return xstrdup(at.path);
	}
	return NULL;
}

static int prepare(struct push *p, const struct image_ref *ref, struct outgoing *ret, struct err *e)
{
	auto_outgoing o = { 0 };
	auto_free struct image_ref *refs = NULL;
	size_t n = 0;

	if (store_image(p->store, ref, &o.image, e) < 0 ||
		fs_read_file(p->store->blobs_fd, digest_hex(&o.image.manifest), MANIFEST_MAX,
			&o.text, &o.len, e) < 0 ||
		manifest_parse(o.text, o.len, NULL, &o.manifest, e) < 0 ||
		store_image_refs(p->store, &refs, &n, e) < 0)
		return -e->code;
	o.layers = xcalloc(o.manifest.n_parts + 1, sizeof *o.layers);
	for (size_t i = 0; i < o.manifest.n_parts; i++) {
		const struct descriptor *d = &o.manifest.parts[i];
		o.layers[i] = (struct push_layer){
			.have = d, .diff_id = o.image.layers.v[i], .compress = is_plain(d)
		};
		o.layers[i].from = find_source(p, refs, n, d->digest.text);
	}
	*ret = o;
	o = (struct outgoing){ 0 };
	return 0;
}

/* An OCI manifest has OCI's types: an image that was made on one of Docker's may have both. */
static const char *oci_type(const char *type)
{
	return str_eq(type, MEDIA_DOCKER_LAYER) ? MEDIA_LAYER_GZIP : type;
}

/* The manifest as it is, unless a layer goes out compressed that is not so here. */
static int make_manifest(struct outgoing *o, struct err *e)
{
	auto_json *j = NULL;
	bool docker = str_eq(o->manifest.media_type, MEDIA_DOCKER), changed = false;
	json_t *layers, *layer;
	size_t i;

	if (json_parse(o->text, o->len, "the manifest", &j, e) < 0)
		return -e->code;
	layers = json_object_get(j, "layers");
	json_array_foreach(layers, i, layer)
	{
		const struct push_layer *l = &o->layers[i];
		const char *type = json_str(layer, "mediaType", MEDIA_LAYER), *is = oci_type(type);
		if (l->compress)
			is = MEDIA_LAYER_GZIP;
		if (docker)
			is = l->compress ? MEDIA_DOCKER_LAYER : type;
		if (!l->compress && str_eq(is, type))
			continue;
		changed = true;
		json_object_set_new(layer, "mediaType", json_string(is));
		json_object_set_new(layer, "digest", json_string(l->sent.text));
		json_object_set_new(layer, "size", json_integer((json_int_t)l->size));
	}
	if (!changed)
		return 0;
	free(o->text);
	o->text = json_text(j);
	o->len = strlen(o->text);
	return 0;
}

static int push_config(struct push *p, const struct outgoing *o, struct err *e)
{
	const struct descriptor *d = &o->manifest.config;
	auto_close int fd = openat(
		p->store->blobs_fd, digest_hex(&d->digest), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	auto_upload u = { .registry = &p->registry,
		.path = p->remote.path,
		.scope = p->scope,
		.digest = d->digest,
		.size = d->size };
	int r;

	if (fd < 0)
		return err_errno(e, "cannot read the image's config");
	r = upload_exists(&u, e);
	if (r == 0 && (r = upload_begin(&u, e)) == 0)
		r = upload_send(&u, fd, e);
	return r < 0 ? r : 0;
}

static int push_manifest(
	struct push *p, const struct outgoing *o, struct digest *ret, struct err *e)
{
	auto_free char *path =
		xasprintf("/v2/%s/manifests/%s", p->remote.path, p->remote.reference);
	struct http_request q = { .method = "PUT",
		.url = path,
		.content_type = o->manifest.media_type,
		.body = o->text,
		.body_len = o->len };
	auto_blob sum = BLOB_INIT;
	auto_reply reply = { 0 };

	if (blob_create(-1, NULL, &sum, e) < 0 || blob_write(&sum, o->text, o->len, e) < 0 ||
		blob_digest(&sum, ret, e) < 0 ||
		registry_request(&p->registry, &q, p->scope, &reply, e) < 0)
		return -e->code;
	if (reply.status != 201 && reply.status != 200 && reply.status != 202)
		return registry_failure(&p->registry, &reply, "place for this manifest", e);
	if (reply.digest && !str_eq(reply.digest, ret->text))
		return err_set(e, EBADMSG, "'%s' has got another manifest than was sent",
			p->registry.host);
	return 0;
}

/* What a mount needs beside, so that one token is good for all. */
static void widen_scope(struct push *p, const struct outgoing *o)
{
	auto_str scope = STR_INIT(64 << 10);
	auto_strv seen = { 0 };

	str_addf(&scope, "repository:%s:pull,push", p->remote.path);
	for (size_t i = 0; i < o->manifest.n_parts; i++) {
		const char *from = o->layers[i].from;
		if (!from || strv_has(&seen, from))
			continue;
		strv_push(&seen, from);
		str_addf(&scope, " repository:%s:pull", from);
	}
	free(p->scope);
	p->scope = str_take(&scope);
}

static int push_one(struct push *p, const struct image_ref *ref, json_t *answer, struct err *e)
{
	auto_outgoing o = { 0 };
	char name[REMOTE_TEXT_SIZE];
	struct digest digest;

	if (remote_of(ref, &p->remote, e) < 0)
		return -e->code;
	remote_text(&p->remote, name);
	if (prepare(p, ref, &o, e) < 0)
		return -e->code;
	event_note("%s: pushing to %s/%s", p->remote.reference, p->remote.host, p->remote.path);
	widen_scope(p, &o);
	/* the config goes first: the processes of the layers then know who we are */
	if (push_config(p, &o, e) < 0 ||
		push_layers(p->store, &p->registry, p->remote.path, p->scope, o.layers,
			o.manifest.n_parts, e) < 0 ||
		make_manifest(&o, e) < 0 || push_manifest(p, &o, &digest, e) < 0)
		return err_wrap(e, "cannot push '%s'", name);
	json_array_append_new(
		answer, json_pack("{s:s, s:s, s:s, s:I}", "reference", name, "digest", digest.text,
				"id", o.image.config.text, "size", (json_int_t)o.len));
	return 0;
}

static int push_all(struct push *p, const struct image_ref *ref, json_t *answer, struct err *e)
{
	auto_free struct image_ref *refs = NULL;
	size_t n = 0, done = 0;

	if (store_image_refs(p->store, &refs, &n, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n; i++) {
		if (!str_eq(refs[i].repository, ref->repository) || image_ref_is_digest(&refs[i]))
			continue;
		if (push_one(p, &refs[i], answer, e) < 0)
			return -e->code;
		done++;
	}
	return done ? 0 : err_set(e, ENOENT, "no image named '%s'", ref->repository);
}

int push_run(struct store *store, struct http *http, const struct registry_settings *settings,
	const json_t *request, json_t **ret, struct err *e)
{
	auto_push p = { .store = store };
	auto_json *answer = json_array();
	struct image_ref ref;
	int r;

	if (image_ref_parse(json_str(request, "ref", ""), &ref, e) < 0 ||
		remote_of(&ref, &p.remote, e) < 0)
		return -e->code;
	if (image_ref_is_digest(&ref)) {
		err_set(e, EINVAL, "an image is pushed under a tag, not a digest");
		return err_hint(e, "redock push %s:TAG", ref.repository);
	}
	if (registry_open(http, settings, p.remote.host, p.remote.path, NULL, &p.registry, e) < 0)
		return -e->code;
	r = json_bool(request, "all", false) ? push_all(&p, &ref, answer, e)
					     : push_one(&p, &ref, answer, e);
	if (r == 0)
		*ret = json_incref(answer);
	return r;
}
