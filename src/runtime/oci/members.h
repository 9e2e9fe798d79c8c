#pragma once
/*
 * The members of a JSON object, read by a table into a struct: each has its type, its place and
 * its bounds, and an error names it as a person finds it ("process.user.uid"). Members that no
 * table has are left alone, as config.md, "Extensibility", wants it; null counts as missing.
 */
#include "base/err.h"
#include "base/str.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#define MEMBERS_LIST_MAX 65536

enum member_type {
	MEMBER_TEXT,   /* char * */
	MEMBER_LIST,   /* struct strv */
	MEMBER_FLAG,   /* bool */
	MEMBER_NUMBER, /* int64_t, from `min` to `max` (both 0: any) */
	MEMBER_OWN,    /* whatever `read` makes of it */
};
struct member {
	const char *key;
	enum member_type type;
	size_t offset;
	bool required;
	int64_t min, max;
	/* `out` is the whole struct; `where` names the value */
	int (*read)(const json_t *value, void *out, const char *where, struct err *e);
};
#define MEMBER(type, key, struct_, member_, ...)                                                   \
	{                                                                                          \
		key, type, offsetof(struct_, member_), __VA_ARGS__                                 \
	}
#define MEMBER_READ(key, required, function)                                                       \
	{                                                                                          \
		key, MEMBER_OWN, 0, required, 0, 0, function                                       \
	}

/* Reads what `table` (ended by a NULL key) has of `object` into `out`. -EINVAL. */
int members_read(const json_t *object, const struct member *table, void *out, const char *where,
	struct err *e);
/* Calls `read` for each item of an array; "where[3]" names it. */
int members_each(const json_t *array, void *out, const char *where, struct err *e,
	int (*read)(const json_t *item, void *out, const char *where, struct err *e));
/* "where: what" with -EINVAL. */
int members_bad(struct err *e, const char *where, const char *what);
