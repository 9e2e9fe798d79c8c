#include "machine/name.h"
#include "base/mem.h"

#include <pwd.h>
#include <string.h>
#include <unistd.h>

/* The whole name becomes one file name and one label. */
#define NAME_MAX_TOTAL 200

static bool is_lower_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_tag_char(char c)
{
	return is_lower_alnum(c) || (c >= 'A' && c <= 'Z') || c == '_' || c == '.' || c == '-';
}

void machine_shown(const char *text, char ret[MACHINE_SHOWN_SIZE])
{
	size_t n = strnlen(text, 61), keep = n > 60 ? 57 : n;

	for (size_t i = 0; i < keep; i++)
		ret[i] = text[i] >= 0x20 && text[i] < 0x7f ? text[i] : '?';
	ret[keep] = '\0';
	if (n > 60)
		memcpy(ret + keep, "...", 4);
}

/* One path component of an image reference (OCI distribution spec, "name"): runs of lower-case
 * letters and digits, joined by one '.', one or two '_', or dashes. No '/': a machine's
 * repository is a person or a project, not a registry's path. */
static bool repository_is_valid(const char *s)
{
	size_t i = 0;

	if (!is_lower_alnum(s[0]))
		return false;
	while (s[i]) {
		while (is_lower_alnum(s[i]))
			i++;
		if (!s[i])
			return true;
		if (s[i] == '.') {
			i++;
		} else if (s[i] == '_') {
			i += s[i + 1] == '_' ? 2 : 1;
		} else if (s[i] == '-') {
			i += strspn(s + i, "-");
		} else {
			return false;
		}
		if (!is_lower_alnum(s[i]))
			return false;
	}
	return true;
}

static bool tag_is_valid(const char *s)
{
	if (!*s || *s == '.' || *s == '-' || strlen(s) > 128)
		return false;
	for (; *s; s++)
		if (!is_tag_char(*s))
			return false;
	return true;
}

static int bad_name(const char *text, const char *why, struct err *e)
{
	char shown[MACHINE_SHOWN_SIZE];

	machine_shown(text, shown);
	err_set(e, EINVAL, "'%s' is not the name of a machine: %s", shown, why);
	return err_hint(e, "a name is TAG or REPOSITORY:TAG, such as 'demo' or 'web:v2'");
}

static int fill_name(const char *repository, const char *tag, struct machine_name *ret)
{
	size_t r = strlen(repository), t = strlen(tag);

	if (r >= sizeof ret->repository || t >= sizeof ret->tag || r + t + 1 > NAME_MAX_TOTAL)
		return -ENAMETOOLONG;
	memcpy(ret->repository, repository, r + 1);
	memcpy(ret->tag, tag, t + 1);
	memcpy(ret->text, repository, r);
	ret->text[r] = ':';
	memcpy(ret->text + r + 1, tag, t + 1);
	return 0;
}

int machine_name_parse(const char *text, struct machine_name *ret, struct err *e)
{
	const char *colon = strchr(text, ':'), *tag = colon ? colon + 1 : text;
	auto_free char *repository = NULL;

	if (strnlen(text, NAME_MAX_TOTAL + 1) > NAME_MAX_TOTAL)
		return bad_name(text, "it is too long", e);
	if (!*text)
		return bad_name(text, "it is empty", e);
	if (!tag_is_valid(tag))
		return bad_name(text,
			"its tag is letters, digits, '_', '.' and '-', and begins with a letter, "
			"digit or '_'",
			e);
	repository = colon ? xstrndup(text, (size_t)(colon - text)) : machine_default_repository();
	if (!repository_is_valid(repository)) {
		char shown[MACHINE_SHOWN_SIZE];

		if (colon)
			return bad_name(text,
				"its repository is lower-case letters and digits, joined by '.', "
				"'_' or '-'",
				e);
		machine_shown(repository, shown);
		err_set(e, EINVAL, "your login name '%s' cannot be a machine's repository", shown);
		return err_hint(e, "say REPOSITORY:TAG, such as 'my:%s'", tag);
	}
	if (fill_name(repository, tag, ret) < 0)
		return bad_name(text, "it is too long", e);
	return 0;
}

char *machine_default_repository(void)
{
	const char *name = geteuid() == 0 ? getenv("SUDO_USER") : NULL;
	struct passwd *pw;

	if (!name || !*name)
		name = getenv("USER");
	if (name && *name)
		return xstrdup(name);
	pw = getpwuid(geteuid());
	return pw ? xstrdup(pw->pw_name) : xasprintf("uid%u", (unsigned)geteuid());
}

int machine_slug(const char *text, char ret[64], struct err *e)
{
	char shown[MACHINE_SHOWN_SIZE], out[64];
	size_t n = 0;
	bool dash = false;

	machine_shown(text, shown);
	for (const char *p = text; *p; p++) {
		char c = *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p;

		if (!is_lower_alnum(c)) {
			dash = n > 0;
			continue;
		}
		if (n + dash + 1 >= sizeof out) {
			err_set(e, EINVAL, "host name '%s' is longer than 63 characters", shown);
			return err_hint(e, "choose a shorter one with --hostname");
		}
		if (dash)
			out[n++] = '-';
		out[n++] = c;
		dash = false;
	}
	if (n == 0) {
		err_set(e, EINVAL, "host name '%s' has neither a letter nor a digit", shown);
		return err_hint(e, "choose another one with --hostname, such as 'demo'");
	}
	out[n] = '\0';
	memcpy(ret, out, n + 1);
	return 0;
}

void machine_name_key(const struct machine_name *name, char ret[MACHINE_KEY_SIZE])
{
	snprintf(ret, MACHINE_KEY_SIZE, "%s+%s", name->repository, name->tag);
}

int machine_name_from_key(const char *key, struct machine_name *ret)
{
	const char *plus = strchr(key, '+');
	auto_free char *repository = plus ? xstrndup(key, (size_t)(plus - key)) : NULL;

	if (!plus || !repository_is_valid(repository) || !tag_is_valid(plus + 1))
		return -EINVAL;
	return fill_name(repository, plus + 1, ret) < 0 ? -EINVAL : 0;
}

void machine_alias(const char *slug, char ret[MACHINE_ALIAS_SIZE])
{
	snprintf(ret, MACHINE_ALIAS_SIZE, "%.63s-container", slug);
}
