#include "base/word_pattern.h"
#include "base/mem.h"

#include <errno.h>
#include <string.h>

#define PARTS_MAX 1024
#define STEPS_MAX ((size_t)200000000)

/* A pattern's parts: a character, or one of the two that stand for others. */
enum { ANY_ONE = 256, ANY_TEXT = 257 };
struct pattern {
	unsigned short part[PARTS_MAX];
	size_t n;
	size_t steps;
};

static int compile(const char *text, struct pattern *p, struct err *e)
{
	p->n = 0;
	p->steps = 0;
	for (; *text; text++) {
		unsigned short part = (unsigned char)*text;
		if (p->n == PARTS_MAX)
			return err_set(e, E2BIG, "a pattern is longer than %d", PARTS_MAX);
		if (*text == '*') {
			part = ANY_TEXT;
			if (p->n && p->part[p->n - 1] == ANY_TEXT)
				continue;
		} else if (*text == '?') {
			part = ANY_ONE;
		} else if (*text == '\\') {
			text++;
			if (!*text || !strchr("*?\\/}", *text))
				return err_set(e, EINVAL, "a pattern has a '\\' before '%.1s'",
					str_is_one_line(text) ? text : "?");
			part = (unsigned char)*text;
		}
		p->part[p->n++] = part;
	}
	return 0;
}

static void reverse(struct pattern *p)
{
	for (size_t i = 0; i < p->n / 2; i++) {
		unsigned short part = p->part[i];
		p->part[i] = p->part[p->n - 1 - i];
		p->part[p->n - 1 - i] = part;
	}
}

/* Length of the shortest or longest match at the beginning of `len` characters, read forwards
 * (`step` 1) or backwards (-1): 1 and *ret, or 0. All places in the pattern that can be reached
 * are followed at once, so that no pattern takes longer than its length times the text's. */
static int match(struct pattern *p, const char *text, size_t len, int step, bool longest,
	size_t *ret, struct err *e)
{
	bool at[PARTS_MAX + 1] = { true }, next[PARTS_MAX + 1];
	bool found = false;

	for (size_t i = 0;; i++) {
		bool alive = false;
		for (size_t k = 0; k < p->n; k++) /* any text may be none */
			if (at[k] && p->part[k] == ANY_TEXT)
				at[k + 1] = true;
		if (at[p->n]) {
			found = true;
			*ret = i;
			if (!longest)
				return 1;
		}
		if (i == len)
			return found;
		memset(next, 0, sizeof next);
		for (size_t k = 0; k < p->n; k++) {
			if (!at[k])
				continue;
			if (p->part[k] == ANY_TEXT)
				next[k] = alive = true;
			else if (p->part[k] == ANY_ONE || p->part[k] == (unsigned char)*text)
				next[k + 1] = alive = true;
		}
		p->steps += p->n + 1;
		if (p->steps > STEPS_MAX)
			return err_set(e, E2BIG, "a pattern and its text are too long");
		if (!alive)
			return found;
		memcpy(at, next, p->n + 1);
		text += step;
	}
}

int word_pattern_prefix(
	const char *pattern, const char *text, bool longest, size_t *ret, struct err *e)
{
	struct pattern p;
	int r;

	*ret = 0;
	r = compile(pattern, &p, e);
	if (r < 0)
		return r;
	r = match(&p, text, strlen(text), 1, longest, ret, e);
	return r < 0 ? r : 0;
}

int word_pattern_suffix(
	const char *pattern, const char *text, bool longest, size_t *ret, struct err *e)
{
	size_t len = strlen(text), n = 0;
	struct pattern p;
	int r;

	*ret = len;
	r = compile(pattern, &p, e);
	if (r < 0 || !len)
		return r;
	reverse(&p);
	r = match(&p, text + len - 1, len, -1, longest, &n, e);
	if (r > 0)
		*ret = len - n;
	return r < 0 ? r : 0;
}

int word_pattern_replace(const char *pattern, const char *text, const char *by, bool all,
	struct str *out, struct err *e)
{
	size_t len = strlen(text), i = 0, n;
	struct pattern p;
	int r = compile(pattern, &p, e);

	while (r >= 0 && i <= len && !out->overflow) {
		r = match(&p, text + i, len - i, 1, true, &n, e);
		if (r > 0) {
			str_add(out, by);
			i += n;
			if (!all || i == len)
				break;
			if (n)
				continue;
		}
		if (r >= 0 && i < len)
			str_add_char(out, text[i]);
		i++;
	}
	if (r >= 0 && i < len)
		str_add(out, text + i);
	return r < 0 ? r : 0;
}
