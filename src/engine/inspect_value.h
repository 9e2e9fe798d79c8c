#pragma once
/* Members of the JSON that inspect_json.h speaks of. Internal to engine/. */
#include "base/str.h"

#include <jansson.h>
#include <stdint.h>

json_t *value_string(const char *text); /* "" for NULL */
json_t *value_map(const struct strv *); /* of KEY=value */
json_t *value_set(const struct strv *); /* members that are empty objects */
void value_text(json_t *object, const char *key, const char *text);
void value_number(json_t *object, const char *key, int64_t);
void value_flag(json_t *object, const char *key, bool);
void value_time(json_t *object, const char *key, int64_t);             /* RFC 3339 */
void value_list(json_t *object, const char *key, const struct strv *); /* null when empty */
