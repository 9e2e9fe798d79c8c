#include "base/str.h"
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void str_release(struct str *s)
{
	int keep = errno;

	free(s->data);
	s->data = NULL;
	s->len = s->size = 0;
	s->overflow = false;
	errno = keep;
}

const char *str_text(const struct str *s)
{
	return s->data ? s->data : "";
}

/* Room for `more` bytes and the NUL; false if the limit forbids it. */
static bool str_reserve(struct str *s, size_t more)
{
	size_t want;

	if (s->overflow || more > s->limit || s->len > s->limit - more) {
		s->overflow = true;
		return false;
	}
	want = s->len + more + 1;
	if (want > s->size) {
		size_t size = s->size ? s->size * 2 : 64;
		while (size < want)
			size *= 2;
		s->data = xrealloc_array(s->data, size, 1);
		s->size = size;
	}
	return true;
}

void str_add_data(struct str *s, const void *data, size_t len)
{
	if (!str_reserve(s, len))
		return;
	if (len)
		memcpy(s->data + s->len, data, len);
	s->len += len;
	s->data[s->len] = '\0';
}

void str_add(struct str *s, const char *text)
{
	str_add_data(s, text, strlen(text));
}

void str_add_char(struct str *s, char c)
{
	str_add_data(s, &c, 1);
}

void str_addf(struct str *s, const char *format, ...)
{
	auto_free char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, format);
	n = vasprintf(&text, format, ap);
	va_end(ap);
	if (n < 0)
		abort();
	str_add_data(s, text, (size_t)n);
}

void str_truncate(struct str *s, size_t len)
{
	if (len < s->len) {
		s->len = len;
		s->data[len] = '\0';
	}
}

char *str_take(struct str *s)
{
	char *data = s->data ? s->data : xstrdup("");

	s->data = NULL;
	s->len = s->size = 0;
	return data;
}

void strv_release(struct strv *v)
{
	int keep = errno;

	for (size_t i = 0; i < v->n; i++)
		free(v->v[i]);
	free(v->v);
	v->v = NULL;
	v->n = 0;
	errno = keep;
}

void strv_push_take(struct strv *v, char *s)
{
	/* grow in powers of two, without remembering a capacity */
	if (v->n == 0 || ((v->n + 1) & v->n) == 0)
		v->v = xrealloc_array(v->v, (v->n + 1) * 2, sizeof *v->v);
	v->v[v->n++] = s;
	v->v[v->n] = NULL;
}

void strv_push(struct strv *v, const char *s)
{
	strv_push_take(v, xstrdup(s));
}

void strv_pushf(struct strv *v, const char *format, ...)
{
	char *s = NULL;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&s, format, ap) < 0)
		abort();
	va_end(ap);
	strv_push_take(v, s);
}

void strv_extend(struct strv *v, char *const *more)
{
	for (; more && *more; more++)
		strv_push(v, *more);
}

bool strv_has(const struct strv *v, const char *s)
{
	for (size_t i = 0; i < v->n; i++)
		if (str_eq(v->v[i], s))
			return true;
	return false;
}

void strv_set_env(struct strv *v, const char *entry)
{
	const char *eq = strchr(entry, '=');
	size_t key = eq ? (size_t)(eq - entry) + 1 : strlen(entry) + 1;

	for (size_t i = 0; i < v->n; i++) {
		if (strncmp(v->v[i], entry, key) == 0) {
			free(v->v[i]);
			v->v[i] = xstrdup(entry);
			return;
		}
	}
	strv_push(v, entry);
}

const char *strv_get_env(const struct strv *v, const char *key)
{
	size_t n = strlen(key);

	for (size_t i = 0; i < v->n; i++)
		if (strncmp(v->v[i], key, n) == 0 && v->v[i][n] == '=')
			return v->v[i] + n + 1;
	return NULL;
}

bool str_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

int str_to_u64(const char *s, uint64_t min, uint64_t max, uint64_t *ret)
{
	uint64_t value = 0;

	if (!*s)
		return -EINVAL;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return -EINVAL;
		if (__builtin_mul_overflow(value, (uint64_t)10, &value) ||
			__builtin_add_overflow(value, (uint64_t)(*s - '0'), &value))
			return -EINVAL;
	}
	if (value < min || value > max)
		return -EINVAL;
	*ret = value;
	return 0;
}

bool str_is_one_line(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return false;
	return true;
}

unsigned str_distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	unsigned row[3][66];

	if (n > 64 || m > 64)
		return 1000;
	for (size_t j = 0; j <= m; j++)
		row[0][j] = (unsigned)j;
	for (size_t i = 1; i <= n; i++) {
		unsigned *now = row[i % 3], *up = row[(i + 2) % 3], *up2 = row[(i + 1) % 3];
		now[0] = (unsigned)i;
		for (size_t j = 1; j <= m; j++) {
			unsigned best = up[j - 1] + (a[i - 1] != b[j - 1]);
			if (up[j] + 1 < best)
				best = up[j] + 1;
			if (now[j - 1] + 1 < best)
				best = now[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
				up2[j - 2] + 1 < best)
				best = up2[j - 2] + 1;
			now[j] = best;
		}
	}
	return row[n % 3][m];
}
