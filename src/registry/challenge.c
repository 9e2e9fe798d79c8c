#include "registry/challenge.h"
#include "base/str.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

/* RFC 9110, section 5.6.2: tchar. */
static bool is_token_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

static size_t token_length(const char *s)
{
	size_t n = 0;

	while (is_token_char(s[n]))
		n++;
	return n;
}

static const char *skip_blanks(const char *s)
{
	return s + strspn(s, " \t");
}

/* Empty elements of a list are allowed: ", ,". */
static const char *skip_separators(const char *s)
{
	return s + strspn(s, " \t,");
}

/* A token or a quoted string behind '='; what does not fit counts as wrong. */
static const char *read_value(const char *s, char *ret, size_t size)
{
	size_t n = 0;

	if (*s != '"') {
		n = token_length(s);
		if (n == 0 || n >= size)
			return NULL;
		memcpy(ret, s, n);
		ret[n] = '\0';
		return s + n;
	}
	for (s++; *s != '"'; s++) {
		if (*s == '\\')
			s++;
		/* no line-oriented thing may ever get a control character (R8) */
		if ((unsigned char)*s < 0x20 || *s == 0x7f || n + 1 >= size)
			return NULL;
		ret[n++] = *s;
	}
	ret[n] = '\0';
	return s + 1;
}

/* Parameters of one challenge: up to the next thing that is no "name = value". */
static const char *read_parameters(const char *s, struct challenge *ret)
{
	char value[CHALLENGE_TEXT_MAX];

	for (;;) {
		const char *name = skip_separators(s), *after;
		size_t n = token_length(name);
		after = skip_blanks(name + n);
		if (n == 0 || *after != '=')
			return s;
		/* "Scheme token68==": no parameter, and nothing that is used here */
		s = read_value(skip_blanks(after + 1), value, sizeof value);
		if (!s)
			return NULL;
		if (n == 5 && strncasecmp(name, "realm", n) == 0)
			memcpy(ret->realm, value, sizeof value);
		if (n == 7 && strncasecmp(name, "service", n) == 0)
			memcpy(ret->service, value, sizeof value);
		s = skip_blanks(s);
		if (*s && *s != ',')
			return NULL;
	}
}

static enum challenge_scheme scheme_of(const char *s, size_t n)
{
	if (n == 6 && strncasecmp(s, "bearer", n) == 0)
		return CHALLENGE_BEARER;
	return n == 5 && strncasecmp(s, "basic", n) == 0 ? CHALLENGE_BASIC : CHALLENGE_NONE;
}

/* What stands for credentials of a scheme that has no parameters (token68). */
static const char *skip_token68(const char *s)
{
	const char *start = skip_blanks(s);
	size_t n = strspn(start, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "0123456789-._~+/");
	const char *end = start + n + strspn(start + n, "=");
	const char *next = skip_blanks(end);

	return n && (!*next || *next == ',') ? end : s;
}

int challenge_parse(const char *text, struct challenge *ret)
{
	struct challenge best = *ret;

	for (const char *s = skip_separators(text); *s; s = skip_separators(s)) {
		struct challenge one = { 0 };
		size_t n = token_length(s);

		if (n == 0 || (s[n] && s[n] != ' ' && s[n] != '\t' && s[n] != ','))
			return -EINVAL;
		one.scheme = scheme_of(s, n);
		s = skip_token68(s + n);
		s = read_parameters(s, &one);
		if (!s)
			return -EINVAL;
		if (one.scheme > best.scheme)
			best = one;
	}
	*ret = best;
	return 0;
}
