#pragma once
/* jansson with our rules: bounded input, no duplicate keys, type errors that name the key. */
#include "base/err.h"
#include "base/fs.h"

#include <jansson.h>

void json_cleanup(json_t **j);
#define auto_json __attribute__((cleanup(json_cleanup))) json_t

/* Parses `len` bytes; `what` names the document in errors. */
int json_parse(const char *data, size_t len, const char *what, json_t **ret, struct err *e);
int json_read_file(int dirfd, const char *name, size_t max, json_t **ret, struct err *e);
/* Writes compact, sorted JSON and a newline, atomically. */
int json_write_file(int dirfd, const char *name, const json_t *j, mode_t mode, enum fs_durability,
	struct err *e);
/* Compact, sorted text; the caller frees. */
char *json_text(const json_t *j);
/* Members with a default; a member of another type counts as missing. */
const char *json_str(const json_t *object, const char *key, const char *otherwise);
int64_t json_int(const json_t *object, const char *key, int64_t otherwise);
bool json_bool(const json_t *object, const char *key, bool otherwise);
/* Appends an array's strings to *ret (others are left out); missing is fine. */
void json_get_strv(const json_t *object, const char *key, struct strv *ret);
json_t *json_from_strv(const struct strv *v); /* new reference, [] when empty */
