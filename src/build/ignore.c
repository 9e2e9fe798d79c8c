#include "build/ignore.h"
#include "base/mem.h"

#include <errno.h>
#include <string.h>

#define PATTERNS_MAX 10000
#define PATTERN_MAX  4096
#define BLANKS       " \t\r\n\v\f"

void ignore_release(struct ignore *i)
{
	for (size_t k = 0; k < i->n; k++)
		free(i->v[k].text);
	free(i->v);
	*i = (struct ignore){ 0 };
}

/* ---- one part of a path ---- */

/* The end of "[...]", NULL when it has none; *ret_matches says whether it has `c`. Go's
 * filepath.Match: '^' first negates, '-' between two is a range, a backslash takes any meaning. */
static const char *match_class(const char *p, unsigned char c, bool *ret_matches)
{
	bool negated = *p == '^', matches = false;
	const char *begun;

	p += negated;
	begun = p;
	while (*p && (*p != ']' || p == begun)) {
		unsigned char from, to;
		if (*p == '\\' && p[1])
			p++;
		from = to = (unsigned char)*p++;
		if (*p == '-' && p[1] && p[1] != ']') {
			p++;
			if (*p == '\\' && p[1])
				p++;
			to = (unsigned char)*p++;
		}
		matches |= from <= c && c <= to;
	}
	if (*p != ']')
		return NULL;
	*ret_matches = matches != negated;
	return p + 1;
}

/* One pattern character against `c`: the rest of the pattern, or NULL. */
static const char *match_one(const char *p, const char *p_end, unsigned char c)
{
	bool matches = false;
	const char *rest;

	if (p == p_end)
		return NULL;
	if (*p == '?')
		return p + 1;
	if (*p == '[') {
		rest = match_class(p + 1, c, &matches);
		return rest && rest <= p_end && matches ? rest : NULL;
	}
	if (*p == '\\' && p + 1 < p_end)
		p++;
	return (unsigned char)*p == c ? p + 1 : NULL;
}

/* One part with '*', which needs only ever go back to the last of them. */
static bool match_part(const char *p, const char *p_end, const char *t, const char *t_end)
{
	const char *star = NULL, *star_text = NULL, *rest;

	while (t < t_end) {
		if (p < p_end && *p == '*') {
			star = ++p;
			star_text = t;
		} else if ((rest = match_one(p, p_end, (unsigned char)*t))) {
			p = rest;
			t++;
		} else if (star) {
			p = star;
			t = ++star_text;
		} else {
			return false;
		}
	}
	while (p < p_end && *p == '*')
		p++;
	return p == p_end;
}

/* ---- whole paths ---- */

static const char *part_end(const char *p)
{
	return p + strcspn(p, "/");
}

static const char *next_part(const char *p)
{
	p = part_end(p);
	return *p ? p + 1 : p;
}

static bool is_any_depth(const char *p)
{
	return str_starts(p, "**") && (p[2] == '/' || !p[2]);
}

enum reach { BELOW, ABOVE };

/* True if `pattern` stands for `path` or a directory above it (the path is BELOW), or may stand for
 * something below `path` (it is ABOVE). As with '*' within a part, "**" need only ever go back to
 * the last of them. */
static bool match_path(const char *pattern, const char *path, enum reach how)
{
	const char *p = pattern, *t = path, *star = NULL, *star_text = NULL;

	while (*t) {
		if (!*p && how == BELOW)
			return true;
		if (*p && is_any_depth(p)) {
			if (how == ABOVE)
				return true;
			star = next_part(p);
			star_text = t;
			/* at the end it is everything below */
			if (!*star)
				return true;
			p = star;
		} else if (*p && match_part(p, part_end(p), t, part_end(t))) {
			p = next_part(p);
			t = next_part(t);
		} else if (star) {
			p = star;
			t = star_text = next_part(star_text);
		} else {
			return false;
		}
	}
	if (how == ABOVE)
		return *p != '\0';
	return !*p;
}

/* ---- patterns ---- */

/* Cleans as Go's filepath.Clean does: no empty, "." and ".." parts, no slash at the ends. */
static char *clean(const char *text)
{
	auto_strv parts = { 0 };
	auto_str s = STR_INIT(PATTERN_MAX);

	for (const char *p = text; *p; p = next_part(p)) {
		auto_free char *part = xstrndup(p, (size_t)(part_end(p) - p));
		if (!*part || str_eq(part, "."))
			continue;
		if (!str_eq(part, "..")) {
			strv_push(&parts, part);
		} else if (parts.n) {
			free(parts.v[--parts.n]);
			parts.v[parts.n] = NULL;
		}
	}
	for (size_t i = 0; i < parts.n; i++)
		str_addf(&s, "%s%s", i ? "/" : "", parts.v[i]);
	return str_take(&s);
}

bool ignore_glob(const char *pattern, const char *name)
{
	return match_part(pattern, pattern + strlen(pattern), name, name + strlen(name));
}

bool ignore_is_pattern(const char *p)
{
	bool unused;

	while (*p) {
		if (*p == '\\' && !p[1])
			return false;
		if (*p == '[') {
			p = match_class(p + 1, 'a', &unused);
			if (!p)
				return false;
			continue;
		}
		p += *p == '\\' ? 2 : 1;
	}
	return true;
}

int ignore_add(struct ignore *i, const char *pattern, struct err *e)
{
	bool back = *pattern == '!';
	const char *p = pattern + back;
	auto_free char *text = NULL;

	p += strspn(p, BLANKS);
	if (i->n == PATTERNS_MAX || strlen(p) >= PATTERN_MAX)
		return err_set(e, E2BIG,
			"there are more than %d patterns, or one is longer than %d", PATTERNS_MAX,
			PATTERN_MAX - 1);
	if (back && !*p)
		return err_set(e, EINVAL, "a '!' has no pattern behind it");
	text = clean(p);
	if (!ignore_is_pattern(text))
		return err_set(e, EINVAL,
			"'%.60s' is no pattern: a '[' is not closed, or a '\\' "
			"has nothing behind it",
			str_is_one_line(p) ? p : "?");
	if (!*text) /* "/", ".", "..": the context itself cannot be left out */
		return 0;
	i->v = xrealloc_array(i->v, i->n + 1, sizeof *i->v);
	i->v[i->n++] = (struct ignore_pattern){ take_ptr(&text), back };
	return 0;
}

int ignore_parse(
	const char *data, size_t len, struct ignore *ret, unsigned *ret_line, struct err *e)
{
	const char *end = data + len;

	*ret_line = 0;
	if (len > IGNORE_MAX)
		return err_set(e, E2BIG, "it is longer than %zu bytes", IGNORE_MAX);
	if (len >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0) /* a byte order mark */
		data += 3;
	while (data < end) {
		const char *newline = memchr(data, '\n', (size_t)(end - data));
		size_t n = (size_t)((newline ? newline : end) - data);
		auto_free char *line = xstrndup(data, n);
		char *p = line + strspn(line, BLANKS);
		(*ret_line)++;
		for (n = strlen(p); n && strchr(BLANKS, p[n - 1]); n--)
			p[n - 1] = '\0';
		data = newline ? newline + 1 : end;
		if (*line == '#' || !*p)
			continue;
		if (ignore_add(ret, p, e) < 0)
			return -e->code;
	}
	return 0;
}

bool ignore_matches(const struct ignore *i, const char *path)
{
	bool left_out = false;

	for (size_t k = 0; k < i->n; k++)
		if (left_out == i->v[k].back && match_path(i->v[k].text, path, BELOW))
			left_out = !i->v[k].back;
	return left_out;
}

bool ignore_may_take_back(const struct ignore *i, const char *path)
{
	for (size_t k = 0; k < i->n; k++)
		if (i->v[k].back && match_path(i->v[k].text, path, ABOVE))
			return true;
	return false;
}
