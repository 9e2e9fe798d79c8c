#pragma once
/*
 * `struct str`, a growing byte string that is always NUL-terminated and has its limit from birth;
 * `struct strv`, a NULL-terminated vector of owned strings (argv, environments, name lists).
 * A str that would pass its limit stops growing and remembers it in `overflow`.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct str {
	char *data; /* NULL while empty and never written to: use str_text() */
	size_t len, size, limit;
	bool overflow;
};
#define STR_INIT(max)                                                                              \
	{                                                                                          \
		.limit = (max)                                                                     \
	}
void str_release(struct str *s);
#define auto_str __attribute__((cleanup(str_release))) struct str
const char *str_text(const struct str *s);
void str_add(struct str *s, const char *text);
void str_add_data(struct str *s, const void *data, size_t len);
void str_add_char(struct str *s, char c);
void str_addf(struct str *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
void str_truncate(struct str *s, size_t len);
/* Gives the buffer away (never NULL); the str is empty afterwards. */
char *str_take(struct str *s);

struct strv {
	char **v; /* NULL when empty; else v[n] == NULL */
	size_t n;
};
void strv_release(struct strv *v);
#define auto_strv __attribute__((cleanup(strv_release))) struct strv
void strv_push(struct strv *v, const char *s); /* copies */
void strv_push_take(struct strv *v, char *s);  /* takes ownership */
void strv_pushf(struct strv *v, const char *format, ...) __attribute__((format(printf, 2, 3)));
void strv_extend(
	struct strv *v, char *const *more); /* copies a NULL-terminated list; NULL is fine */
bool strv_has(const struct strv *v, const char *s);
/* "KEY=value" lists: sets or replaces KEY.  `entry` without '=' is stored as it is. */
void strv_set_env(struct strv *v, const char *entry);
const char *strv_get_env(const struct strv *v, const char *key); /* value or NULL */

bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);
static inline bool str_eq(const char *a, const char *b)
{
	return __builtin_strcmp(a, b) == 0;
}
/* Whole-string decimal number in [min, max]; no sign, blanks or empty string.  0 or -EINVAL. */
int str_to_u64(const char *s, uint64_t min, uint64_t max, uint64_t *ret);
/* No byte below 0x20 and no 0x7f: fit for a line of a line-oriented file (R8, T21). */
bool str_is_one_line(const char *s);
/* Damerau-Levenshtein distance, for suggestions; inputs beyond 64 bytes count as far away. */
unsigned str_distance(const char *a, const char *b);
