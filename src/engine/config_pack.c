/* A configuration as bytes for a program of the same build on the same host: by the table, like its
 * JSON, and twenty times faster to read back. */
#include "engine/config_pack.h"
#include "base/mem.h"
#include "engine/config_table.h"

#include <string.h>

/* A member is its place in the table, counted from 1, and its value; 0 ends them. */
static void pack(const struct table *t, const char *object, struct str *ret);

static void pack_u32(struct str *ret, size_t n)
{
	uint32_t u = (uint32_t)n;

	str_add_data(ret, &u, sizeof u);
}

void pack_text(struct str *ret, const char *text, size_t len)
{
	pack_u32(ret, len);
	str_add_data(ret, text, len);
}

void pack_list(struct str *ret, const struct strv *list)
{
	pack_u32(ret, list->n);
	for (size_t i = 0; i < list->n; i++)
		pack_text(ret, list->v[i], strlen(list->v[i]));
}

static size_t size_of(enum kind kind)
{
	switch (kind) {
	case FLAG:
		return sizeof(bool);
	case PORT:
		return sizeof(uint16_t);
	case MODE:
		return sizeof(mode_t);
	case NAMED:
		return sizeof(int);
	default:
		return sizeof(int64_t);
	}
}

static bool is_zero(const void *at, size_t size)
{
	static const char zero[sizeof(int64_t)];

	return memcmp(at, zero, size) == 0;
}

static void pack_member(const struct member *m, unsigned place, const char *at, struct str *ret)
{
	const char *text = m->kind == TEXT ? *(char *const *)(const void *)at : NULL;
	const struct strv *list = (const void *)at;
	const struct array *array = (const void *)at;
	char tag = (char)place;

	switch (m->kind) {
	case TEXT:
		if (!text)
			return;
		str_add_data(ret, &tag, 1);
		pack_text(ret, text, strlen(text));
		return;
	case LIST:
	case MAP:
	case SET:
		if (!list->n)
			return;
		str_add_data(ret, &tag, 1);
		pack_list(ret, list);
		return;
	case ARRAY:
		if (!array->n)
			return;
		str_add_data(ret, &tag, 1);
		pack_u32(ret, array->n);
		for (size_t i = 0; i < array->n; i++)
			pack(m->sub, array->v + i * m->sub->size, ret);
		return;
	default:
		if (is_zero(at, size_of(m->kind)))
			return;
		str_add_data(ret, &tag, 1);
		str_add_data(ret, at, size_of(m->kind));
	}
}

static void pack(const struct table *t, const char *object, struct str *ret)
{
	unsigned place = 1;

	for (const struct member *m = t->members; m->key; m++, place++)
		pack_member(m, place, object + m->offset, ret);
	str_add_data(ret, "", 1);
}

void container_config_pack(const struct container_config *c, struct str *ret)
{
	pack(&container_config_table, (const char *)c, ret);
}

/* ---- back ---- */

bool unpack_data(struct packed *p, void *ret, size_t size)
{
	if ((size_t)(p->end - p->at) < size)
		return false;
	memcpy(ret, p->at, size);
	p->at += size;
	return true;
}

bool unpack_text(struct packed *p, char **ret)
{
	uint32_t len;

	if (!unpack_data(p, &len, sizeof len) || (size_t)(p->end - p->at) < len)
		return false;
	*ret = xstrndup(p->at, len);
	p->at += len;
	return true;
}

bool unpack_list(struct packed *p, struct strv *ret)
{
	uint32_t n;

	/* each has at least its length before it */
	if (!unpack_data(p, &n, sizeof n) || (size_t)(p->end - p->at) / sizeof n < n)
		return false;
	ret->v = xcalloc((size_t)n + 1, sizeof *ret->v);
	for (; n > 0; n--, ret->n++)
		if (!unpack_text(p, &ret->v[ret->n]))
			return false;
	return true;
}

static bool unpack(const struct table *t, struct packed *p, char *object);

static bool unpack_array(const struct table *t, struct packed *p, struct array *ret)
{
	uint32_t n;

	if (!unpack_data(p, &n, sizeof n) || (size_t)(p->end - p->at) < n)
		return false;
	ret->v = xcalloc((size_t)n + 1, t->size);
	for (; n > 0; n--)
		if (!unpack(t, p, ret->v + ret->n++ * t->size))
			return false;
	return true;
}

static bool unpack_named(const struct member *m, struct packed *p, char *at)
{
	int value, known = 0;

	if (!unpack_data(p, &value, sizeof value))
		return false;
	while (m->names[known])
		known++;
	memcpy(at, &value, sizeof value);
	return value >= 0 && value < known;
}

static bool unpack_member(const struct member *m, struct packed *p, char *at)
{
	/* what was there already is a member that comes twice */
	switch (m->kind) {
	case TEXT:
		return !*(char **)(void *)at && unpack_text(p, (char **)(void *)at);
	case LIST:
	case MAP:
	case SET:
		return !((struct strv *)(void *)at)->v && unpack_list(p, (struct strv *)(void *)at);
	case ARRAY:
		return !((struct array *)(void *)at)->v &&
		       unpack_array(m->sub, p, (struct array *)(void *)at);
	case NAMED:
		return unpack_named(m, p, at);
	case FLAG:
		return unpack_data(p, at, 1) && (*at == 0 || *at == 1);
	default:
		return unpack_data(p, at, size_of(m->kind));
	}
}

static bool unpack(const struct table *t, struct packed *p, char *object)
{
	size_t members = 0;
	unsigned char tag;

	while (t->members[members].key)
		members++;
	for (;;) {
		const struct member *m;
		if (!unpack_data(p, &tag, 1) || tag > members)
			return false;
		if (tag == 0)
			return true;
		m = &t->members[tag - 1];
		if (!unpack_member(m, p, object + m->offset))
			return false;
	}
}

bool container_config_unpack(struct packed *p, struct container_config *ret)
{
	memset(ret, 0, sizeof *ret);
	if (unpack(&container_config_table, p, (char *)ret))
		return true;
	container_config_release(ret);
	return false;
}

static uint64_t print_of(const struct table *t, uint64_t hash)
{
	for (const struct member *m = t->members; m->key; m++) {
		for (const char *c = m->key; *c; c++)
			hash = (hash ^ (unsigned char)*c) * UINT64_C(1099511628211);
		hash = (hash ^ (uint64_t)m->kind) * UINT64_C(1099511628211);
		hash = (hash ^ (uint64_t)m->offset) * UINT64_C(1099511628211);
		for (int i = 0; m->names && m->names[i]; i++)
			hash = (hash ^ (unsigned char)*m->names[i]) * UINT64_C(1099511628211);
		if (m->sub)
			hash = print_of(m->sub, hash);
	}
	return hash;
}

uint64_t container_config_print(void)
{
	return print_of(&container_config_table, UINT64_C(14695981039346656037));
}
