#include "base/mem.h"
#include "base/time.h"
#include "store/write.h"

#include <string.h>
#include <sys/utsname.h>

/* How many entries of history an image keeps: each commit adds one, without end. */
#define HISTORY_MAX 256

void document_now(char ret[36])
{
	const char *text = getenv("SOURCE_DATE_EPOCH");
	int64_t now = time_now();
	uint64_t epoch;
	time_t seconds;
	struct tm tm;

	if (!text || str_to_u64(text, 0, INT64_MAX / 1000000000, &epoch) < 0) {
		time_format(now, ret);
		return;
	}
	seconds = (time_t)epoch;
	gmtime_r(&seconds, &tm);
	strftime(ret, 36, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

/* GOARCH's name, as the image-spec's config.md wants it. */
static const char *architecture(const char *machine)
{
	static const char *const names[][2] = { { "x86_64", "amd64" }, { "aarch64", "arm64" },
		{ "armv7l", "arm" }, { "i686", "386" }, { "loongarch64", "loong64" } };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (str_eq(machine, names[i][0]))
			return names[i][1];
	return machine;
}

/* Copies member `key` of the request, if it is there, to `to` of the config. */
static void take(json_t *config, const char *to, const json_t *request, const char *key)
{
	json_t *value = json_object_get(request, key);

	if (value && !json_is_null(value))
		json_object_set(config, to, value);
}

static json_t *object_member(json_t *object, const char *key)
{
	json_t *j = json_object_get(object, key);

	if (!json_is_object(j)) {
		j = json_object();
		json_object_set_new(object, key, j);
	}
	return j;
}

static json_t *array_member(json_t *object, const char *key)
{
	json_t *j = json_object_get(object, key);

	if (!json_is_array(j)) {
		j = json_array();
		json_object_set_new(object, key, j);
	}
	return j;
}

static void add_history(
	json_t *config, const json_t *request, bool has_layer, bool flatten, const char *now)
{
	json_t *history = array_member(config, "history"), *entry;
	size_t i;

	/* config.md: as many entries without empty_layer as there are layers */
	if (flatten) {
		json_array_foreach(history, i, entry) if (json_is_object(entry))
			json_object_set_new(entry, "empty_layer", json_true());
	}
	entry = json_object();
	json_object_set_new(entry, "created", json_string(now));
	json_object_set_new(entry, "created_by",
		json_sprintf(
			"redock %s%s", json_str(request, "op", ""), flatten ? " (flattened)" : ""));
	take(entry, "comment", request, "comment");
	take(entry, "author", request, "author");
	if (!has_layer)
		json_object_set_new(entry, "empty_layer", json_true());
	json_array_append_new(history, entry);
	for (i = 0; json_array_size(history) > HISTORY_MAX && i < json_array_size(history);) {
		if (json_bool(json_array_get(history, i), "empty_layer", false))
			json_array_remove(history, i);
		else
			i++;
	}
}

static void change_settings(json_t *settings, json_t *changes)
{
	const char *key;
	json_t *value;

	json_object_foreach(changes, key, value)
	{
		if (json_is_null(value))
			json_object_del(settings, key);
		else
			json_object_set(settings, key, value);
	}
}

json_t *document_config(const json_t *parent, const json_t *request, const char *diff_id,
	bool flatten, const char *now)
{
	json_t *config = parent ? json_deep_copy(parent) : json_object();
	json_t *settings = object_member(config, "config"), *rootfs, *layers;
	struct utsname u;

	uname(&u);
	if (!json_object_get(config, "architecture"))
		json_object_set_new(config, "architecture", json_string(architecture(u.machine)));
	json_object_set_new(config, "os", json_string("linux"));
	json_object_set_new(config, "created", json_string(now));
	take(config, "author", request, "author");
	change_settings(settings, json_object_get(request, "settings"));
	take(settings, "Env", request, "env");
	take(settings, "Cmd", request, "cmd");
	take(settings, "WorkingDir", request, "workdir");
	take(settings, "StopSignal", request, "stop_signal");
	rootfs = object_member(config, "rootfs");
	json_object_set_new(rootfs, "type", json_string("layers"));
	layers = array_member(rootfs, "diff_ids");
	if (flatten)
		json_array_clear(layers);
	if (diff_id)
		json_array_append_new(layers, json_string(diff_id));
	add_history(config, request, diff_id != NULL, flatten, now);
	return config;
}

static json_t *descriptor(const char *type, const struct document_blob *b)
{
	json_t *j = json_object();

	json_object_set_new(j, "mediaType", json_string(type));
	json_object_set_new(j, "digest", json_string(b->digest.text));
	json_object_set_new(j, "size", json_integer((json_int_t)b->size));
	return j;
}

json_t *document_manifest(const json_t *parent, const struct document_blob *config,
	const struct document_blob *layer, bool flatten)
{
	const json_t *old = json_object_get(parent, "layers");
	json_t *j = json_object();
	json_t *layers = old && !flatten ? json_deep_copy(old) : json_array();

	if (layer)
		json_array_append_new(layers, descriptor(MEDIA_LAYER, layer));
	json_object_set_new(j, "schemaVersion", json_integer(2));
	json_object_set_new(j, "mediaType", json_string(MEDIA_MANIFEST));
	json_object_set_new(j, "config", descriptor(MEDIA_CONFIG, config));
	json_object_set_new(j, "layers", layers);
	return j;
}
