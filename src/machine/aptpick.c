/* Which of a host's package sources and settings a base image is made with. */
#include "machine/aptsources.h"
#include "base/mem.h"

#include <string.h>

/* ---- URLs ---- */

/* What is behind "http://" or "https://", NULL for any other kind of URL. */
static const char *after_scheme(const char *url)
{
	if (str_starts(url, "http://"))
		return url + 7;
	if (str_starts(url, "https://"))
		return url + 8;
	return NULL;
}

/* "name", "name:80", "[::1]:80": strictly, so that half a password is not taken for a port. */
static bool host_is_valid(const char *host, size_t n)
{
	static const char digits[] = "0123456789";
	static const char name[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
	size_t len = *host == '[' ? strspn(host + 1, "0123456789abcdefABCDEF:.") + 2
				  : strspn(host, name);

	if (n == 0 || len == 0 || len > n || (*host == '[' && host[len - 1] != ']'))
		return false;
	if (len == n)
		return true;
	return host[len] == ':' && strspn(host + len + 1, digits) >= n - len - 1;
}

int apt_url_check(const char *url)
{
	const char *host = after_scheme(url);
	size_t n;

	if (!host || strlen(url) > 2000)
		return -EINVAL;
	for (const char *p = url; *p; p++)
		if (*p <= 0x20 || *p >= 0x7f || strchr("\"'\\<>`", *p))
			return -EINVAL;
	n = strcspn(host, "/?#");
	if (memchr(host, '@', n))
		return -EPERM;
	return host_is_valid(host, n) ? 0 : -EINVAL;
}

/* The URL without what stands before '@'. */
static char *without_credentials(const char *url)
{
	const char *host = after_scheme(url), *at;

	if (!host)
		return xstrdup("(unreadable)");
	at = memchr(host, '@', strcspn(host, "/?#"));
	/* a password may hold a '/' or '#' where it should not: then the last '@' counts */
	if (!at)
		at = strrchr(host, '@');
	return xasprintf("%.*s%s", (int)(host - url), url, at ? at + 1 : host);
}

/* apt's own way (URItoFileName): no scheme, unusual bytes as %xx, '/' as '_'. */
void apt_list_name(const char *uri, const char *suite, const char *file, struct str *ret)
{
	auto_free char *plain = without_credentials(uri), *all = NULL;
	size_t n = strlen(plain);
	const char *p;

	while (n && plain[n - 1] == '/')
		plain[--n] = '\0';
	all = xasprintf("%s/dists/%s/%s", plain, suite, file);
	p = after_scheme(all);
	for (p = p ? p : all; *p; p++) {
		if (*p == '/')
			str_add_char(ret, '_');
		else if (*p <= 0x20 || *p >= 0x7f || strchr("\\|{}[]<>\"^~_=!@#$%&*", *p))
			str_addf(ret, "%%%02x", (unsigned char)*p);
		else
			str_add_char(ret, *p);
	}
}

/* ---- sources ---- */

enum suite_kind { SUITE_OTHER, SUITE_NAMED, SUITE_ROLE };

/* `suite` belongs to release `codename` by its name, or may do so by its role ("stable"). */
static enum suite_kind suite_kind(const char *suite, const char *codename)
{
	static const char *const roles[] = { "stable", "oldstable", "testing", "unstable" };
	static const char *const parts[] = { "", "-updates", "-security", "/updates" };

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		auto_free char *named = xasprintf("%s%s", codename, parts[i]);

		if (str_eq(suite, named))
			return SUITE_NAMED;
		for (size_t k = 0; k < ARRAY_SIZE(roles); k++) {
			auto_free char *role = xasprintf("%s%s", roles[k], parts[i]);

			if (str_eq(suite, role))
				return SUITE_ROLE;
		}
	}
	return SUITE_OTHER;
}

/* Without a release file to read: the archive's own keys are a good sign, other keys a bad one, and
 * with none named (keys in trusted.gpg.d) the address decides. */
static bool looks_like_debian(const char *uri, const char *signed_by)
{
	const char *host = after_scheme(uri), *slash;
	size_t n, end;

	if (signed_by) {
		slash = strrchr(signed_by, '/');
		return *signed_by == '/' && str_starts(slash + 1, "debian-archive-");
	}
	n = strcspn(host, ":/");
	if (n >= 10 && strncmp(host + n - 10, "debian.org", 10) == 0 &&
		(n == 10 || host[n - 11] == '.'))
		return true;
	end = strlen(host);
	while (end && host[end - 1] == '/')
		end--;
	return (end > 7 && strncmp(host + end - 7, "/debian", 7) == 0) ||
	       (end > 16 && strncmp(host + end - 16, "/debian-security", 16) == 0);
}

static bool suite_fits(const struct apt_source *s, const char *uri, const char *suite,
	const char *codename, apt_release_lookup *lookup, void *arg)
{
	enum suite_kind kind = suite_kind(suite, codename);
	enum apt_release known;

	if (kind == SUITE_OTHER)
		return false;
	known = lookup ? lookup(arg, uri, suite, codename) : APT_RELEASE_UNKNOWN;
	if (known != APT_RELEASE_UNKNOWN)
		return known == APT_RELEASE_MAIN_ARCHIVE;
	return looks_like_debian(uri, s->signed_by);
}

/* Adds a word of a field only where it cannot end the field. */
static void copy_words(const struct strv *from, struct strv *to)
{
	for (size_t i = 0; i < from->n; i++)
		if (str_is_one_line(from->v[i]))
			strv_push(to, from->v[i]);
}

static void pick_one(const struct apt_source *s, const char *uri, const char *codename,
	apt_release_lookup *lookup, void *arg, struct apt_sources *ret, struct strv *notes)
{
	struct apt_source out = { .trusted = s->trusted,
		.ignore_valid_until = s->ignore_valid_until };
	int r = apt_url_check(uri);

	if (r == -EINVAL)
		return;
	for (size_t i = 0; i < s->suites.n; i++)
		if (suite_fits(s, uri, s->suites.v[i], codename, lookup, arg))
			strv_push(&out.suites, s->suites.v[i]);
	if (out.suites.n && r == -EPERM) {
		auto_free char *plain = without_credentials(uri);

		strv_pushf(notes,
			"left out: the package source '%s' needs a password, and an image "
			"must not carry one",
			plain);
	}
	if (!out.suites.n || r == -EPERM) {
		strv_release(&out.suites);
		return;
	}
	strv_push(&out.uris, uri);
	copy_words(&s->components, &out.components);
	out.signed_by = s->signed_by ? xstrdup(s->signed_by) : NULL;
	ret->v = xrealloc_array(ret->v, ret->n + 1, sizeof *ret->v);
	ret->v[ret->n++] = out;
}

void apt_sources_pick(const struct apt_sources *all, const char *codename,
	apt_release_lookup *lookup, void *arg, struct apt_sources *ret, struct strv *notes)
{
	for (size_t i = 0; i < all->n; i++) {
		const struct apt_source *s = &all->v[i];

		if (!strv_has(&s->components, "main"))
			continue;
		for (size_t k = 0; k < s->uris.n; k++)
			pick_one(s, s->uris.v[k], codename, lookup, arg, ret, notes);
	}
}

bool apt_source_has_release(const struct apt_source *s, const char *codename)
{
	for (size_t i = 0; i < s->suites.n; i++)
		if (!strchr(s->suites.v[i], '-') && !strchr(s->suites.v[i], '/') &&
			suite_kind(s->suites.v[i], codename) != SUITE_OTHER)
			return true;
	return false;
}

static bool is_security(const char *suite)
{
	return str_ends(suite, "-security") || str_ends(suite, "/updates");
}

void apt_sources_set_mirror(struct apt_sources *all, const char *mirror, const char *codename)
{
	struct apt_sources kept = { 0 };
	struct apt_source first = { 0 };
	bool updates = false;

	kept.v = xcalloc(all->n + 1, sizeof *kept.v);
	kept.n = 1;
	strv_push(&first.uris, mirror);
	strv_push(&first.suites, codename);
	strv_push(&first.components, "main");
	for (size_t i = 0; i < all->n; i++) {
		struct apt_source *s = &all->v[i], *k = &kept.v[kept.n];
		struct strv security = { 0 };

		for (size_t j = 0; j < s->suites.n; j++) {
			if (is_security(s->suites.v[j]))
				strv_push(&security, s->suites.v[j]);
			else if (str_ends(s->suites.v[j], "-updates"))
				updates = true;
		}
		if (!security.n)
			continue;
		*k = *s;
		*s = (struct apt_source){ 0 };
		strv_release(&k->suites);
		k->suites = security;
		kept.n++;
	}
	if (updates)
		strv_pushf(&first.suites, "%s-updates", codename);
	kept.v[0] = first;
	apt_sources_release(all);
	*all = kept;
}

/* ---- apt's configuration ---- */

static bool is_loopback(const char *url)
{
	const char *host = after_scheme(url);

	return host && (str_starts(host, "localhost") || str_starts(host, "127.") ||
			       str_starts(host, "[::1]") || str_starts(host, "0.0.0.0"));
}

/* A proxy's value may stand in an image; else `notes` says why not. */
static bool may_keep(const char *key, const char *value, struct strv *notes)
{
	auto_free char *plain = without_credentials(value);

	if (str_eq(value, "DIRECT"))
		return true;
	if (is_loopback(value)) {
		strv_pushf(notes,
			"the proxy '%s' is used to build the base image and cannot be "
			"reached from machines, which fetch packages without it",
			plain);
		return false;
	}
	if (apt_url_check(value) < 0) {
		strv_pushf(notes, "%s is used to build the base image, but not kept in it", key);
		return false;
	}
	return true;
}

static void pick_setting(const char *key, const char *value, struct str *build, struct str *image,
	struct strv *notes)
{
	bool proxy =
		str_starts(key, "Acquire::http::Proxy") || str_starts(key, "Acquire::https::Proxy");
	bool program = strstr(key, "Auto-Detect") || strstr(key, "AutoDetect");
	bool dates =
		str_eq(key, "Acquire::Check-Valid-Until") || str_eq(key, "Acquire::Check-Date");

	if (!*value || !str_is_one_line(value) || strpbrk(value, "\"\\") || !(proxy || dates))
		return;
	if (strspn(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:.-_[]") !=
		strlen(key))
		return;
	str_addf(build, "%s \"%s\";\n", key, value);
	/* the program that finds a proxy is the host's */
	if (dates || (!program && may_keep(key, value, notes)))
		str_addf(image, "%s \"%s\";\n", key, value);
}

void apt_conf_pick(
	const char *dump, struct str *ret_build, struct str *ret_image, struct strv *notes)
{
	while (*dump) {
		size_t n = strcspn(dump, "\n");
		auto_free char *line = xstrndup(dump, n);
		char *value = strstr(line, " \"");

		dump += n + (dump[n] == '\n');
		n = strlen(line);
		if (!value || n < 4 || !str_eq(line + n - 2, "\";"))
			continue;
		line[n - 2] = '\0';
		*value = '\0';
		pick_setting(line, value + 2, ret_build, ret_image, notes);
	}
}
