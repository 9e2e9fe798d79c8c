#include "base/json.h"
#include "base/mem.h"

#include <string.h>

void json_cleanup(json_t **j)
{
	json_decref(*j);
}

int json_parse(const char *data, size_t len, const char *what, json_t **ret, struct err *e)
{
	json_error_t error;
	json_t *j = json_loadb(data, len, JSON_REJECT_DUPLICATES, &error);

	/* "... near 'a piece of the document'", which is anybody's */
	if (!j && !str_is_one_line(error.text))
		error.text[strcspn(error.text, "'")] = '\0';
	if (!j && !str_is_one_line(error.text))
		*error.text = '\0';
	if (!j)
		return err_set(e, EINVAL, "%s is not valid JSON: line %d: %s", what, error.line,
			error.text);
	*ret = j;
	return 0;
}

int json_read_file(int dirfd, const char *name, size_t max, json_t **ret, struct err *e)
{
	auto_free char *data = NULL, *what = NULL;
	size_t len = 0;
	int r = fs_read_file(dirfd, name, max, &data, &len, e);

	if (r < 0)
		return r;
	what = xasprintf("'%s'", name);
	return json_parse(data, len, what, ret, e);
}

char *json_text(const json_t *j)
{
	char *text = json_dumps(j, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);

	if (!text)
		abort(); /* out of memory, or a string that json_string() would have refused */
	return text;
}

int json_write_file(int dirfd, const char *name, const json_t *j, mode_t mode,
	enum fs_durability durability, struct err *e)
{
	auto_free char *text = json_text(j), *line = xasprintf("%s\n", text);

	return fs_write_file(dirfd, name, line, strlen(line), mode, durability, e);
}

const char *json_str(const json_t *object, const char *key, const char *otherwise)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : otherwise;
}

int64_t json_int(const json_t *object, const char *key, int64_t otherwise)
{
	const json_t *j = json_object_get(object, key);

	return json_is_integer(j) ? json_integer_value(j) : otherwise;
}

bool json_bool(const json_t *object, const char *key, bool otherwise)
{
	const json_t *j = json_object_get(object, key);

	return json_is_boolean(j) ? json_is_true(j) : otherwise;
}

void json_get_strv(const json_t *object, const char *key, struct strv *ret)
{
	const json_t *array = json_object_get(object, key), *item;
	size_t i;

	json_array_foreach(array, i, item) if (json_is_string(item))
		strv_push(ret, json_string_value(item));
}

json_t *json_from_strv(const struct strv *v)
{
	json_t *array = json_array();

	for (size_t i = 0; i < v->n; i++)
		json_array_append_new(array, json_string(v->v[i]));
	return array;
}
