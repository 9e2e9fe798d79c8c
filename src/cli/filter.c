/* --filter and labels of listings. */
#include "base/mem.h"
#include "base/str.h"
#include "cli/listing.h"
#include "cli/output.h"

#include <string.h>

char *listing_labels_text(const struct strv *labels)
{
	struct str s = STR_INIT(1 << 20);

	for (size_t i = 0; i < labels->n; i++)
		str_addf(&s, "%s%s", i ? "," : "", labels->v[i]);
	return str_take(&s);
}

json_t *listing_labels_json(const struct strv *labels)
{
	json_t *object = json_object();

	for (size_t i = 0; i < labels->n; i++) {
		size_t key = strcspn(labels->v[i], "=");
		auto_free char *name = xstrndup(labels->v[i], key);

		/* refuses a key that is not UTF-8, which no tool could name anyway */
		json_object_set_new(object, name,
			output_string(labels->v[i] + key + (labels->v[i][key] == '=')));
	}
	return object;
}

/* The value of the i-th filter if it is for `key`, else NULL. */
static const char *value_of(const struct listing_options *o, size_t i, const char *key)
{
	size_t len = strlen(key);

	return str_starts(o->filters.v[i], key) && o->filters.v[i][len] == '='
		       ? o->filters.v[i] + len + 1
		       : NULL;
}

bool listing_filter(
	const struct listing_options *o, const char *key, listing_match *match, const void *arg)
{
	bool given = false;

	for (size_t i = 0; i < o->filters.n; i++) {
		const char *value = value_of(o, i, key);

		given |= value != NULL;
		if (value && match(arg, value))
			return true;
	}
	return !given;
}

bool listing_filter_labels(const struct listing_options *o, const struct strv *labels)
{
	for (size_t i = 0; i < o->filters.n; i++) {
		const char *value = value_of(o, i, "label");

		if (!value)
			continue;
		if (strchr(value, '=') ? !strv_has(labels, value) : !strv_get_env(labels, value))
			return false;
	}
	return true;
}

bool listing_part_of(const void *text, const char *value)
{
	return text && strstr(text, value);
}

bool listing_equals(const void *text, const char *value)
{
	return text && str_eq(text, value);
}
