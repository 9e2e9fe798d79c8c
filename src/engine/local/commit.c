/* A container's files become an image, or an archive. */
#include "base/mem.h"
#include "engine/instruction.h"
#include "engine/local/freeze.h"
#include "store/files.h"

#include <fcntl.h>
#include <string.h>

/* A container whose files are about to be read: nobody starts, ends or removes it meanwhile. */
struct source {
	struct container c;
	struct local_status status;
	struct digest manifest;
	int run_dir, lock, upper;
};
#define SOURCE_INIT                                                                                \
	{                                                                                          \
		.run_dir = -1, .lock = -1, .upper = -1                                             \
	}

static void source_release(struct source *s)
{
	container_release(&s->c);
	close_fd(&s->upper);
	close_fd(&s->lock);
	close_fd(&s->run_dir);
}
#define auto_source __attribute__((cleanup(source_release))) struct source

static int source_open(struct local *l, const char *id, struct source *s, struct err *e)
{
	auto_free char *path = xasprintf("%s/upper", id);

	if (container_load(l, id, &s->c, e) < 0 || (s->run_dir = local_run_dir(l, id, e)) < 0 ||
		(s->lock = fs_lock(s->run_dir, "lock", -1, e)) < 0 ||
		local_status(l, &s->c, &s->status, e) < 0)
		return -e->code;
	s->upper =
		openat(l->dirs.containers, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (s->upper < 0)
		return err_errno(e, "cannot read the changes of container '%s'", s->c.config.name);
	if (digest_parse(s->c.manifest, &s->manifest) < 0)
		return err_set(
			e, EPROTO, "container '%s' has a damaged config.json", s->c.config.name);
	return 0;
}

/* Under the image-spec's name; null for what it has not. JSON is UTF-8: what is not has no way into
 * an image. */
static bool put_list(json_t *settings, const char *key, const struct strv *v)
{
	json_t *list = v->n ? json_array() : json_null();
	bool fits = true;

	for (size_t i = 0; i < v->n; i++)
		fits &= json_array_append_new(list, json_string(v->v[i])) == 0;
	json_object_set_new(settings, key, list);
	return fits;
}

static bool put_text(json_t *settings, const char *key, const char *text)
{
	json_t *value = text && *text ? json_string(text) : json_null();

	return json_object_set_new(settings, key, value) == 0;
}

/* KEY=value as members; the labels of redock's own stay with the container. */
static bool put_labels(json_t *settings, const struct strv *labels)
{
	json_t *object = json_object();
	bool fits = true;

	for (size_t i = 0; i < labels->n; i++) {
		size_t n = strcspn(labels->v[i], "=");
		auto_free char *key = xstrndup(labels->v[i], n);
		if (!str_starts(key, "redock."))
			fits &= json_object_set_new(object, key,
					json_string(labels->v[i] + n + (labels->v[i][n] == '='))) ==
				0;
	}
	json_object_set_new(settings, "Labels", json_object_size(object) ? object : json_null());
	if (!json_object_size(object))
		json_decref(object);
	return fits;
}

static bool put_set(json_t *settings, const char *name, char *const *keys)
{
	json_t *object = *keys ? json_object() : json_null();
	bool fits = true;

	for (; *keys; keys++)
		fits &= json_object_set_new(object, *keys, json_object()) == 0;
	json_object_set_new(settings, name, object);
	return fits;
}

static bool put_health(json_t *settings, const struct health_config *h)
{
	const struct {
		const char *key;
		int64_t value;
	} numbers[] = { { "Interval", h->interval }, { "Timeout", h->timeout },
		{ "StartPeriod", h->start_period }, { "StartInterval", h->start_interval },
		{ "Retries", h->retries } };
	json_t *object;
	bool fits;

	if (!h->test.n)
		return json_object_set_new(settings, "Healthcheck", json_null()) == 0;
	object = json_object();
	fits = put_list(object, "Test", &h->test);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (numbers[i].value)
			json_object_set_new(object, numbers[i].key, json_integer(numbers[i].value));
	json_object_set_new(settings, "Healthcheck", object);
	return fits;
}

static int settings_to_json(const struct instruction_state *state, json_t *ret, struct err *e)
{
	const struct container_config *c = state->settings;
	auto_strv volumes = { 0 };
	bool fits;

	for (size_t i = 0; i < c->n_mounts; i++)
		strv_push(&volumes, c->mounts[i].target);
	fits = put_list(ret, "Cmd", &c->cmd) & put_list(ret, "Entrypoint", &c->entrypoint) &
	       put_list(ret, "Env", &c->env) & put_text(ret, "User", c->user) &
	       put_text(ret, "WorkingDir", c->workdir) &
	       put_text(ret, "StopSignal", c->stop_signal) & put_labels(ret, &c->labels) &
	       put_set(ret, "ExposedPorts", c->exposed.n ? c->exposed.v : (char *[]){ NULL }) &
	       put_set(ret, "Volumes", volumes.n ? volumes.v : (char *[]){ NULL }) &
	       put_health(ret, &c->health) & put_list(ret, "Shell", &state->shell);
	return fits ? 0 : err_set(e, EINVAL, "an image's settings must be valid UTF-8");
}

/* What the container was made with, on its image's volumes and shell, changed as is asked. */
static int make_settings(
	struct local *l, const struct source *s, char *const *changes, json_t *ret, struct err *e)
{
	auto_container_config c = { 0 };
	struct instruction_state state = { .settings = &c };
	const struct container_config *own = &s->c.config;
	auto_image image = { 0 };
	int r = store_manifest(l->store, &s->manifest, &image, e);

	if (r < 0)
		return err_wrap(e, "cannot read the image that it was made from");
	strv_extend(&c.cmd, own->cmd.v);
	strv_extend(&c.entrypoint, own->entrypoint.v);
	strv_extend(&c.env, own->env.v);
	strv_extend(&c.labels, own->labels.v);
	strv_extend(&c.exposed, own->exposed.v);
	c.user = own->user ? xstrdup(own->user) : NULL;
	c.workdir = own->workdir ? xstrdup(own->workdir) : NULL;
	c.stop_signal = own->stop_signal ? xstrdup(own->stop_signal) : NULL;
	c.health = own->health;
	c.health.test = (struct strv){ 0 };
	strv_extend(&c.health.test, own->health.test.v);
	strv_extend(&state.shell, image.shell.v);
	for (size_t i = 0; i < image.volumes.n; i++) {
		struct mount_config *m = container_config_add_mount(&c);
		m->type = MOUNT_VOLUME;
		m->target = xstrdup(image.volumes.v[i]);
	}
	for (; r == 0 && changes && *changes; changes++)
		r = instruction_apply(*changes, &state, e);
	if (r == 0)
		r = settings_to_json(&state, ret, e);
	strv_release(&state.shell);
	return r;
}

int local_image_settings(char *const *changes, json_t *ret, struct err *e)
{
	auto_container_config c = { 0 };
	struct instruction_state state = { .settings = &c };
	int r = 0;

	for (; r == 0 && changes && *changes; changes++)
		r = instruction_apply(*changes, &state, e);
	if (r == 0)
		r = settings_to_json(&state, ret, e);
	strv_release(&state.shell);
	return r;
}

int local_commit(struct engine *en, const char *id, const char *reference,
	const struct commit_options *o, char *ret_image_id, struct err *e)
{
	struct local *l = local_of(en);
	auto_source s = SOURCE_INIT;
	auto_frozen frozen = FROZEN_INIT;
	auto_json *settings = json_object();
	struct store_commit commit = { .read_done = frozen_thaw,
		.read_done_arg = &frozen,
		.settings = settings,
		.comment = o ? o->message : NULL,
		.author = o ? o->author : NULL };
	bool named = reference && *reference;
	struct digest digest;
	int r;

	if ((named && image_ref_parse(reference, &commit.ref, e) < 0) ||
		source_open(l, id, &s, e) < 0 ||
		make_settings(l, &s, o ? o->changes : NULL, settings, e) < 0)
		return -e->code;
	commit.parent = s.manifest;
	commit.upper_fd = s.upper;
	r = o && o->no_pause ? 0 : frozen_begin(l, &s.c, &s.status, s.run_dir, &frozen, e);
	if (r == 0)
		r = store_commit(l->store, &commit, &digest, e);
	frozen_thaw(&frozen);
	if (r < 0)
		return r;
	memcpy(ret_image_id, digest.text, 72);
	local_container_event(l, &s.c, "commit", "imageID", digest.text, "imageRef",
		named ? reference : "", "comment", o && o->message ? o->message : "", NULL);
	return 0;
}

int local_export(struct engine *en, const char *id, int fd, struct err *e)
{
	struct local *l = local_of(en);
	auto_source s = SOURCE_INIT;
	auto_frozen frozen = FROZEN_INIT;
	const struct store_pause pause = { frozen_thaw, &frozen };
	int r = source_open(l, id, &s, e);

	if (r == 0)
		r = frozen_begin(l, &s.c, &s.status, s.run_dir, &frozen, e);
	if (r == 0)
		r = store_export(l->store, s.upper, &s.manifest, fd, &pause, e);
	if (r < 0)
		return r;
	local_container_event(l, &s.c, "export", NULL);
	return 0;
}
