#include "registry/pull.h"
#include "base/mem.h"
#include "registry/events.h"

#include <string.h>

#define ACCEPT MEDIA_INDEX ", " MEDIA_MANIFEST ", " MEDIA_DOCKER_LIST ", " MEDIA_DOCKER

static void pull_release(struct pull *p)
{
	for (size_t i = 0; i < p->n_places; i++)
		registry_close(&p->places[i]);
	p->n_places = 0;
	free(p->scope);
}
#define auto_pull __attribute__((cleanup(pull_release))) struct pull

static int find_places(struct pull *p, struct err *e)
{
	const struct remote *r = &p->remote;
	auto_strv mirrors = { 0 };

	if (registry_settings_list("registry_mirrors", r->host, &mirrors, e) < 0)
		return -e->code;
	if (mirrors.n >= PLACES_MAX)
		return err_set(e, E2BIG, "redock.conf: more than %d mirrors of '%s'",
			PLACES_MAX - 1, r->host);
	for (size_t i = 0; i <= mirrors.n; i++) {
		const char *mirror = i < mirrors.n ? mirrors.v[i] : NULL;
		if (registry_open(p->http, p->settings, r->host, r->path, mirror,
			    &p->places[p->n_places], e) < 0)
			return -e->code;
		p->n_places++;
	}
	return 0;
}

/* "application/json; charset=utf-8" without what follows the type. */
static void cut_parameters(char *type)
{
	if (type)
		type[strcspn(type, "; \t")] = '\0';
}

/* A server that says what digest it gives must give that (T16). What else than SHA-256 it uses
 * cannot be compared. */
static int said_digest(
	const struct http_reply *reply, struct digest *ret, bool *ret_said, struct err *e)
{
	*ret_said = false;
	if (!reply->digest || str_starts(reply->digest, "sha512:"))
		return 0;
	if (digest_parse(reply->digest, ret) < 0)
		return err_set(e, EBADMSG, "the registry gives a digest that is none: '%.80s'",
			reply->digest);
	*ret_said = true;
	return 0;
}

static int get_manifest(struct pull *p, struct registry *from, const char *reference,
	struct http_reply *ret, struct err *e)
{
	auto_free char *path = xasprintf("/v2/%s/manifests/%s", p->remote.path, reference);
	char name[REMOTE_TEXT_SIZE];
	struct http_request q = {
		.method = "GET", .url = path, .accept = ACCEPT, .max = MANIFEST_MAX
	};
	int r = registry_request(from, &q, p->scope, ret, e);

	remote_text(&p->remote, name);
	if (r == 0 && ret->status != 200)
		r = registry_failure(from, ret, "such image", e);
	if (r < 0)
		http_reply_release(ret);
	else
		cut_parameters(ret->content_type);
	return r;
}

/* From the first place that has it. */
static int find_manifest(struct pull *p, struct http_reply *ret, struct err *e)
{
	int r = -ENOENT;

	for (p->place = 0; p->place < p->n_places; p->place++) {
		r = get_manifest(p, &p->places[p->place], p->remote.reference, ret, e);
		if (r == 0)
			return 0;
	}
	return r; /* the registry's own word */
}

static int take_document(struct ingest *in, const struct http_reply *reply,
	const struct digest *digest, int64_t size, struct manifest *ret_index, struct err *e)
{
	struct ingest_document d = { .data = str_text(&reply->body),
		.len = reply->body.len,
		.media_type = reply->content_type,
		.digest = digest,
		.size = size };

	return ret_index ? ingest_index(in, &d, ret_index, e) : ingest_manifest(in, &d, e);
}

/* The index names what there is; one of these is for us. */
static int take_index(struct pull *p, struct ingest *in, const struct http_reply *reply,
	const struct digest *digest, struct err *e)
{
	auto_manifest index = { 0 };
	auto_reply chosen = { 0 };
	const struct descriptor *d;

	if (take_document(in, reply, digest, -1, &index, e) < 0 ||
		manifest_choose(&index, &p->platform, &d, e) < 0 ||
		get_manifest(p, &p->places[p->place], d->digest.text, &chosen, e) < 0)
		return -e->code;
	if (*d->media_type && chosen.content_type && !str_eq(d->media_type, chosen.content_type))
		return err_set(e, EBADMSG,
			"the registry calls one manifest both '%.60s' and '%.60s'", d->media_type,
			chosen.content_type);
	return take_document(in, &chosen, &d->digest, (int64_t)d->size, NULL, e);
}

static int take_manifest(struct pull *p, struct ingest *in, struct err *e)
{
	auto_manifest first = { 0 };
	auto_reply reply = { 0 };
	struct digest wanted, said;
	bool has_said;

	if (find_manifest(p, &reply, e) < 0 || said_digest(&reply, &said, &has_said, e) < 0)
		return -e->code;
	if (digest_parse(p->remote.reference, &wanted) == 0) {
		said = wanted;
		has_said = true;
	}
	if (manifest_parse(str_text(&reply.body), reply.body.len, reply.content_type, &first, e) <
		0)
		return -e->code;
	if (first.is_index)
		return take_index(p, in, &reply, has_said ? &said : NULL, e);
	return take_document(in, &reply, has_said ? &said : NULL, -1, NULL, e);
}

/* A single manifest does not say what it is for; its config does. */
static int check_platform(const struct pull *p, const char *config, size_t len, struct err *e)
{
	auto_json *j = NULL;
	char want[PLATFORM_TEXT_SIZE];

	if (!p->platform_asked)
		return 0;
	if (json_parse(config, len, "the config", &j, e) < 0)
		return -e->code;
	if (str_eq(json_str(j, "os", ""), p->platform.os) &&
		str_eq(json_str(j, "architecture", ""), p->platform.architecture))
		return 0;
	platform_text(&p->platform, want);
	return err_set(e, ENOENT, "it is for %.40s/%.40s, not for %s", json_str(j, "os", "?"),
		json_str(j, "architecture", "?"), want);
}

static int get_config(
	struct pull *p, const struct digest *digest, struct http_reply *ret, struct err *e)
{
	auto_free char *path = xasprintf("/v2/%s/blobs/%s", p->remote.path, digest->text);
	struct http_request q = { .method = "GET", .url = path, .max = CONFIG_MAX };
	int r = -ENOENT;

	for (size_t i = p->place; i < p->n_places; i++) {
		http_reply_release(ret);
		r = registry_request(&p->places[i], &q, p->scope, ret, e);
		if (r == 0 && ret->status != 200)
			r = registry_failure(&p->places[i], ret, "config of this image", e);
		if (r == 0)
			return 0;
	}
	return r;
}

static int take_config(struct pull *p, struct ingest *in, struct err *e)
{
	const struct digest *digest = &ingest_get_manifest(in)->config.digest;
	auto_free char *stored = NULL;
	auto_reply reply = { 0 };
	size_t len;

	if (!ingest_wants_config(in)) {
		if (!p->platform_asked)
			return 0;
		if (fs_read_file(p->store->blobs_fd, digest_hex(digest), CONFIG_MAX, &stored, &len,
			    e) < 0)
			return -e->code;
		return check_platform(p, stored, len, e);
	}
	if (get_config(p, digest, &reply, e) < 0 ||
		ingest_config(in, str_text(&reply.body), reply.body.len, e) < 0)
		return -e->code;
	return check_platform(p, str_text(&reply.body), reply.body.len, e);
}

/* What the store is at, when that takes long. */
static void say_inside(void *arg, const char *line)
{
	(void)arg;
	event_note("%s", line);
}

static int pull_one(struct pull *p, const struct image_ref *ref, json_t *answer, struct err *e)
{
	const struct teller teller = { .progress = say_inside };
	struct ingest_options options = { .teller = &teller };
	auto_ingest *in = NULL;
	struct digest before = { "" }, id;
	struct err ignored;
	char name[REMOTE_TEXT_SIZE];

	if (remote_of(ref, &p->remote, e) < 0)
		return -e->code;
	remote_text(&p->remote, name);
	event_note("%s: pulling from %s", p->remote.reference, p->remote.path);
	(void)store_image_digest(p->store, ref, &before, &ignored);
	if (ingest_begin(p->store, &options, &in, e) < 0 || take_manifest(p, in, e) < 0 ||
		take_config(p, in, e) < 0 || pull_layers(p, in, e) < 0 ||
		ingest_finish(in, ref, 1, &id, e) < 0)
		return err_wrap(e, "cannot pull '%s'", name);
	json_array_append_new(
		answer, json_pack("{s:s, s:s, s:s, s:b}", "reference", name, "digest",
				ingest_manifest_digest(in)->text, "id", id.text, "new",
				!str_eq(before.text, ingest_manifest_digest(in)->text)));
	return 0;
}

static int pull_all(struct pull *p, const struct image_ref *ref, json_t *answer, struct err *e)
{
	auto_strv tags = { 0 };
	int r = pull_list_tags(p, &tags, e);

	for (size_t i = 0; i < tags.n && r == 0; i++) {
		auto_free char *text = xasprintf("%s:%s", ref->repository, tags.v[i]);
		struct image_ref one;
		r = image_ref_parse(text, &one, e);
		if (r == 0)
			r = pull_one(p, &one, answer, e);
	}
	return r;
}

int pull_run(struct store *store, struct http *http, const struct registry_settings *settings,
	const json_t *request, json_t **ret, struct err *e)
{
	auto_pull p = { .store = store, .http = http, .settings = settings };
	const char *platform = json_str(request, "platform", "");
	auto_json *answer = json_array();
	struct image_ref ref;
	int r;

	if (image_ref_parse(json_str(request, "ref", ""), &ref, e) < 0 ||
		remote_of(&ref, &p.remote, e) < 0)
		return -e->code;
	p.platform_asked = *platform;
	platform_here(&p.platform);
	if (*platform && platform_parse(platform, &p.platform, e) < 0)
		return -e->code;
	p.scope = xasprintf("repository:%s:pull", p.remote.path);
	if (find_places(&p, e) < 0)
		return -e->code;
	if (json_bool(request, "all", false))
		r = pull_all(&p, &ref, answer, e);
	else
		r = pull_one(&p, &ref, answer, e);
	if (r == 0)
		*ret = json_incref(answer);
	return r;
}
