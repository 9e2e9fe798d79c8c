#include "runtime/oci/members.h"
#include "base/mem.h"

#include <string.h>

int members_bad(struct err *e, const char *where, const char *what)
{
	return err_set(e, EINVAL, "config.json: '%s' %s", *where ? where : "it", what);
}

/* A string with a NUL inside would be another string to the kernel. */
static bool is_text(const json_t *j)
{
	return json_is_string(j) && strlen(json_string_value(j)) == json_string_length(j);
}

static int read_list(const json_t *value, struct strv *list, const char *where, struct err *e)
{
	const json_t *item;
	size_t i;

	if (!json_is_array(value) || json_array_size(value) > MEMBERS_LIST_MAX)
		return members_bad(e, where, "is not a list of strings");
	strv_release(list);
	*list = (struct strv){ 0 };
	json_array_foreach(value, i, item)
	{
		if (!is_text(item))
			return members_bad(e, where, "is not a list of strings");
		strv_push(list, json_string_value(item));
	}
	return 0;
}

static int read_number(
	const json_t *value, const struct member *m, int64_t *ret, const char *where, struct err *e)
{
	int64_t n = json_integer_value(value);

	if (!json_is_integer(value))
		return members_bad(e, where, "is not a whole number");
	if ((m->min || m->max) && (n < m->min || n > m->max))
		return err_set(e, EINVAL, "config.json: '%s' is %lld: it must be from %lld to %lld",
			where, (long long)n, (long long)m->min, (long long)m->max);
	*ret = n;
	return 0;
}

static int read_member(
	const json_t *value, const struct member *m, void *out, const char *where, struct err *e)
{
	void *at = (char *)out + m->offset;

	switch (m->type) {
	case MEMBER_TEXT:
		if (!is_text(value))
			return members_bad(e, where, "is not a string");
		free(*(char **)at);
		*(char **)at = xstrdup(json_string_value(value));
		return 0;
	case MEMBER_LIST:
		return read_list(value, at, where, e);
	case MEMBER_FLAG:
		if (!json_is_boolean(value))
			return members_bad(e, where, "is neither true nor false");
		*(bool *)at = json_is_true(value);
		return 0;
	case MEMBER_NUMBER:
		return read_number(value, m, at, where, e);
	case MEMBER_OWN:
		return m->read(value, out, where, e);
	}
	return 0;
}

int members_read(const json_t *object, const struct member *table, void *out, const char *where,
	struct err *e)
{
	if (!json_is_object(object))
		return members_bad(e, where, "is not an object");
	for (const struct member *m = table; m->key; m++) {
		const json_t *value = json_object_get(object, m->key);
		auto_free char *name = xasprintf("%s%s%s", where, *where ? "." : "", m->key);
		if (!value || json_is_null(value)) {
			if (m->required)
				return members_bad(e, name, "is missing");
			continue;
		}
		if (read_member(value, m, out, name, e) < 0)
			return -e->code;
	}
	return 0;
}

int members_each(const json_t *array, void *out, const char *where, struct err *e,
	int (*read)(const json_t *item, void *out, const char *where, struct err *e))
{
	const json_t *item;
	size_t i;

	if (!json_is_array(array))
		return members_bad(e, where, "is not a list");
	if (json_array_size(array) > MEMBERS_LIST_MAX)
		return members_bad(e, where, "is too long a list");
	json_array_foreach(array, i, item)
	{
		auto_free char *name = xasprintf("%s[%zu]", where, i);
		if (read(item, out, name, e) < 0)
			return -e->code;
	}
	return 0;
}
