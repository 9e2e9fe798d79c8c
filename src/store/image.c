#include "base/mem.h"
#include "base/time.h"
#include "store/internal.h"

#include <fcntl.h>
#include <string.h>

void image_release(struct image *im)
{
	strv_release(&im->layers);
	strv_release(&im->blobs);
	strv_release(&im->env);
	strv_release(&im->entrypoint);
	strv_release(&im->cmd);
	strv_release(&im->labels);
	strv_release(&im->exposed);
	strv_release(&im->volumes);
	strv_release(&im->health.test);
	free(im->user);
	free(im->workdir);
	free(im->stop_signal);
	free(im->author);
	free(im->comment);
	memset(im, 0, sizeof *im);
}

/* Member `key`, which is missing (also as null, which Go programs write) or of that type. */
static int member(
	const json_t *object, const char *key, json_type type, const json_t **ret, struct err *e)
{
	const json_t *j = json_object_get(object, key);

	if (json_is_null(j))
		j = NULL;
	if (j && json_typeof(j) != type)
		return err_set(e, EINVAL, "'%s' is not of the right type", key);
	*ret = j;
	return 0;
}

static int text_member(const json_t *object, const char *key, char **ret, struct err *e)
{
	const json_t *j = NULL;

	if (member(object, key, JSON_STRING, &j, e) < 0)
		return -e->code;
	free(*ret);
	*ret = j ? xstrdup(json_string_value(j)) : NULL;
	return 0;
}

static int list_member(const json_t *object, const char *key, struct strv *ret, struct err *e)
{
	const json_t *j = NULL, *item;
	size_t i;

	if (member(object, key, JSON_ARRAY, &j, e) < 0)
		return -e->code;
	json_array_foreach(j, i, item)
	{
		if (!json_is_string(item))
			return err_set(e, EINVAL, "'%s' is not a list of strings", key);
		strv_push(ret, json_string_value(item));
	}
	return 0;
}

/* The OCI image-spec's descriptor.md: digest and size. */
static int parse_descriptor(
	const json_t *j, const char *what, struct digest *ret, uint64_t *ret_size, struct err *e)
{
	const char *text = json_str(j, "digest", NULL);
	int64_t size = json_int(j, "size", -1);

	if (!text || digest_parse(text, ret) < 0)
		return err_set(e, EINVAL, "%s has no sha256 digest", what);
	if (size < 0)
		return err_set(e, EINVAL, "%s has no size", what);
	*ret_size = (uint64_t)size;
	return 0;
}

int image_parse_manifest(
	const json_t *manifest, struct image *ret, uint64_t *ret_config_size, struct err *e)
{
	const json_t *layers = json_object_get(manifest, "layers"), *layer;
	struct digest blob;
	uint64_t size;
	size_t i;

	if (!json_is_object(manifest) || json_int(manifest, "schemaVersion", 0) != 2)
		return err_set(e, EINVAL, "it is not an image manifest of version 2");
	/* one document must not be two things (CVE-2021-41190, T17) */
	if (json_object_get(manifest, "manifests") || json_object_get(manifest, "fsLayers"))
		return err_set(e, EINVAL, "it is ambiguous: a manifest and something else");
	if (!json_is_array(layers) || json_array_size(layers) > LAYERS_MAX)
		return err_set(e, EINVAL, "it has no list of layers, or more than %d", LAYERS_MAX);
	if (parse_descriptor(json_object_get(manifest, "config"), "its config", &ret->config,
		    ret_config_size, e) < 0)
		return -e->code;
	ret->size = *ret_config_size;
	json_array_foreach(layers, i, layer)
	{
		if (parse_descriptor(layer, "one of its layers", &blob, &size, e) < 0)
			return -e->code;
		if (__builtin_add_overflow(ret->size, size, &ret->size))
			return err_set(e, EINVAL, "its layers' sizes make no sense");
		strv_push(&ret->blobs, blob.text);
	}
	return 0;
}

/* A label that begins with "redock." is ours to give: an image's would make its containers look
 * like machines, or worse (T31). */
static int label_members(const json_t *settings, struct image *ret, struct err *e)
{
	const json_t *labels = NULL;
	const char *key;
	json_t *value;

	if (member(settings, "Labels", JSON_OBJECT, &labels, e) < 0)
		return -e->code;
	if (json_object_size(labels) > SETTINGS_MAX)
		return err_set(e, EINVAL, "'Labels' has more than %d entries", SETTINGS_MAX);
	json_object_foreach((json_t *)labels, key, value)
	{
		if (!json_is_string(value) || !*key || strchr(key, '='))
			return err_set(e, EINVAL, "'Labels' has an entry that is no label");
		if (!str_starts(key, "redock."))
			strv_pushf(&ret->labels, "%s=%s", key, json_string_value(value));
	}
	return 0;
}

/* "80", "80/tcp", "8000-8010/udp", as Docker writes them. */
static bool is_port(const char *text)
{
	uint64_t first = 0, last = 0;
	char number[12], protocol[8] = "tcp";
	size_t n = strcspn(text, "/"), dash = strcspn(text, "-");

	if (n >= sizeof number || (text[n] && strlen(text + n + 1) >= sizeof protocol))
		return false;
	snprintf(number, sizeof number, "%.*s", (int)n, text);
	if (text[n])
		snprintf(protocol, sizeof protocol, "%s", text + n + 1);
	if (dash < n) {
		number[dash] = '\0';
		if (str_to_u64(number + dash + 1, 1, UINT16_MAX, &last) < 0)
			return false;
	}
	return str_to_u64(number, 1, UINT16_MAX, &first) == 0 && (!last || first <= last) &&
	       (str_eq(protocol, "tcp") || str_eq(protocol, "udp") || str_eq(protocol, "sctp"));
}

static bool is_volume(const char *path)
{
	return *path == '/' && path[1] && str_is_one_line(path) && strlen(path) < 4096;
}

/* An object whose members are empty: Go's way to write a set. */
static int set_member(const json_t *settings, const char *set, bool (*is_fit)(const char *),
	struct strv *ret, struct err *e)
{
	const json_t *j = NULL;
	const char *key;
	json_t *value;

	if (member(settings, set, JSON_OBJECT, &j, e) < 0)
		return -e->code;
	if (json_object_size(j) > SETTINGS_MAX)
		return err_set(e, EINVAL, "'%s' has more than %d entries", set, SETTINGS_MAX);
	json_object_foreach((json_t *)j, key, value)
	{
		if (!is_fit(key))
			return err_set(e, EINVAL, "'%s' has the entry '%.60s'", set, key);
		strv_push(ret, key);
	}
	return 0;
}

/* Docker's own addition to the image-spec. */
static int health_member(const json_t *settings, struct image_health *ret, struct err *e)
{
	const struct {
		const char *key;
		int64_t *at;
	} numbers[] = {
		{ "Interval", &ret->interval },
		{ "Timeout", &ret->timeout },
		{ "StartPeriod", &ret->start_period },
		{ "StartInterval", &ret->start_interval },
		{ "Retries", &ret->retries },
	};
	const json_t *j = NULL, *number = NULL;

	if (member(settings, "Healthcheck", JSON_OBJECT, &j, e) < 0 ||
		list_member(j, "Test", &ret->test, e) < 0)
		return -e->code;
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		if (member(j, numbers[i].key, JSON_INTEGER, &number, e) < 0)
			return -e->code;
		if (json_integer_value(number) < 0)
			return err_set(
				e, EINVAL, "'Healthcheck' has a negative '%s'", numbers[i].key);
		*numbers[i].at = json_integer_value(number);
	}
	if (ret->test.n && !str_eq(ret->test.v[0], "NONE") && !str_eq(ret->test.v[0], "CMD") &&
		!str_eq(ret->test.v[0], "CMD-SHELL"))
		return err_set(e, EINVAL, "'Healthcheck' has a test of an unknown kind");
	return 0;
}

/* Only these fields of a config have an effect (T31). */
static int parse_settings(const json_t *settings, struct image *ret, struct err *e)
{
	if (list_member(settings, "Env", &ret->env, e) < 0 ||
		list_member(settings, "Entrypoint", &ret->entrypoint, e) < 0 ||
		list_member(settings, "Cmd", &ret->cmd, e) < 0 ||
		text_member(settings, "User", &ret->user, e) < 0 ||
		text_member(settings, "WorkingDir", &ret->workdir, e) < 0 ||
		text_member(settings, "StopSignal", &ret->stop_signal, e) < 0 ||
		label_members(settings, ret, e) < 0 ||
		set_member(settings, "ExposedPorts", is_port, &ret->exposed, e) < 0 ||
		set_member(settings, "Volumes", is_volume, &ret->volumes, e) < 0 ||
		health_member(settings, &ret->health, e) < 0)
		return -e->code;
	for (size_t i = 0; i < ret->env.n; i++)
		if (!strchr(ret->env.v[i], '=') || ret->env.v[i][0] == '=')
			return err_set(e, EINVAL, "'Env' has an entry that is not KEY=value");
	return 0;
}

int image_parse_config(const json_t *config, struct image *ret, struct err *e)
{
	const json_t *settings = NULL, *rootfs = NULL, *history = NULL;
	const char *os = json_str(config, "os", "linux"), *created;
	struct digest d;

	if (!json_is_object(config))
		return err_set(e, EINVAL, "it is not an object");
	if (!str_eq(os, "linux"))
		return err_set(e, EINVAL, "it is for the system '%.40s', not for linux", os);
	if (member(config, "config", JSON_OBJECT, &settings, e) < 0 ||
		member(config, "rootfs", JSON_OBJECT, &rootfs, e) < 0 ||
		member(config, "history", JSON_ARRAY, &history, e) < 0 ||
		text_member(config, "author", &ret->author, e) < 0 ||
		list_member(rootfs, "diff_ids", &ret->layers, e) < 0 ||
		parse_settings(settings, ret, e) < 0)
		return -e->code;
	if (!rootfs || !str_eq(json_str(rootfs, "type", ""), "layers"))
		return err_set(e, EINVAL, "'rootfs' is not made of layers");
	if (ret->layers.n != ret->blobs.n)
		return err_set(e, EINVAL, "it lists %zu layers and its manifest %zu", ret->layers.n,
			ret->blobs.n);
	for (size_t i = 0; i < ret->layers.n; i++)
		if (digest_parse(ret->layers.v[i], &d) < 0)
			return err_set(
				e, EINVAL, "'diff_ids' has an entry that is no sha256 digest");
	created = json_str(config, "created", NULL);
	if (!created || time_parse(created, &ret->created) < 0)
		ret->created = 0;
	if (json_array_size(history)) {
		const json_t *last = json_array_get(history, json_array_size(history) - 1);
		const char *comment = json_str(last, "comment", NULL);
		free(ret->comment);
		ret->comment = comment ? xstrdup(comment) : NULL;
	}
	return 0;
}

int store_read_json(
	struct store *s, const struct digest *d, size_t max, json_t **ret, struct err *e)
{
	return json_read_file(s->blobs_fd, digest_hex(d), max, ret, e);
}

int store_manifest(struct store *s, const struct digest *d, struct image *ret, struct err *e)
{
	auto_json *manifest = NULL, *config = NULL;
	auto_image im = { .manifest = *d };
	struct stat st;
	uint64_t size;

	if (store_read_json(s, d, MANIFEST_MAX, &manifest, e) < 0 ||
		image_parse_manifest(manifest, &im, &size, e) < 0)
		return err_wrap(e, "bad image manifest '%.19s'", d->text);
	if (fstatat(s->blobs_fd, digest_hex(&im.config), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		(uint64_t)st.st_size != size) {
		err_set(e, EIO, "it is %lld bytes and should be %llu", (long long)st.st_size,
			(unsigned long long)size);
		return err_wrap(e, "bad image config '%.19s'", im.config.text);
	}
	if (store_read_json(s, &im.config, CONFIG_MAX, &config, e) < 0 ||
		image_parse_config(config, &im, e) < 0)
		return err_wrap(e, "bad image config '%.19s'", im.config.text);
	*ret = im;
	memset(&im, 0, sizeof im);
	return 0;
}

int store_image_digest(
	struct store *s, const struct image_ref *ref, struct digest *ret, struct err *e)
{
	char key[3 * IMAGE_REF_TEXT_SIZE], path[3 * IMAGE_REF_TEXT_SIZE + 16];
	char name[IMAGE_REF_TEXT_SIZE];
	auto_free char *text = NULL;

	image_ref_key(ref, key);
	image_ref_text(ref, name);
	snprintf(path, sizeof path, "%s/manifest", key);
	if (fs_read_file(s->images_fd, path, 128, &text, NULL, e) < 0) {
		if (e->code == ENOENT)
			return err_set(e, ENOENT, "no image named '%s'", name);
		return err_wrap(e, "cannot read image '%s'", name);
	}
	text[strcspn(text, "\n")] = '\0';
	if (digest_parse(text, ret) < 0)
		return err_set(e, EIO, "image '%s' is damaged: its manifest has no digest", name);
	return 0;
}

int store_image(struct store *s, const struct image_ref *ref, struct image *ret, struct err *e)
{
	char name[IMAGE_REF_TEXT_SIZE];
	struct digest d, again;
	int r = store_image_digest(s, ref, &d, e);

	if (r < 0)
		return r;
	r = store_manifest(s, &d, ret, e);
	/* its tag may have moved meanwhile, and the old image gone with it */
	if (r == -ENOENT) {
		struct err now = { 0 };
		r = store_image_digest(s, ref, &again, &now);
		if (r < 0) {
			*e = now;
			return r;
		}
		r = str_eq(d.text, again.text) ? -e->code : store_manifest(s, &again, ret, e);
	}
	if (r < 0) {
		image_ref_text(ref, name);
		if (r == -ENOENT) /* the name is there: this is damage, not absence */
			e->code = EIO;
		return err_wrap(e, "cannot read image '%s'", name);
	}
	ret->ref = *ref;
	return 0;
}
