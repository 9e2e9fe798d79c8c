#include "store/reference.h"
#include "base/str.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool is_lower_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_alnum(char c)
{
	return is_lower_alnum(c) || (c >= 'A' && c <= 'Z');
}

/* One path component: runs of [a-z0-9] joined by '.', '_', '__' or any number of '-'. */
static bool is_component(const char *s, size_t n)
{
	size_t i = 0;

	for (;;) {
		size_t start = i, dashes;
		while (i < n && is_lower_alnum(s[i]))
			i++;
		if (i == start)
			return false;
		if (i == n)
			return true;
		if (s[i] == '.') {
			i++;
		} else if (s[i] == '_') {
			i += i + 1 < n && s[i + 1] == '_' ? 2 : 1;
		} else {
			for (dashes = 0; i < n && s[i] == '-'; dashes++)
				i++;
			if (!dashes)
				return false;
		}
	}
}

/* A registry's host name, with its port perhaps. */
static bool is_host(const char *s, size_t n)
{
	const char *colon = memchr(s, ':', n);
	size_t host = colon ? (size_t)(colon - s) : n;

	if (colon) {
		size_t digits = n - host - 1;
		if (digits < 1 || digits > 5)
			return false;
		for (size_t i = host + 1; i < n; i++)
			if (s[i] < '0' || s[i] > '9')
				return false;
	}
	for (size_t i = 0; i < host; i++) {
		bool edge = i == 0 || i + 1 == host || s[i - 1] == '.' || s[i + 1] == '.';
		if (is_alnum(s[i]))
			continue;
		if (edge || (s[i] != '-' && s[i] != '.'))
			return false;
	}
	return host > 0;
}

/* Docker's rule: the first of several components is a host if it could not be a path or has the
 * look of a host. */
static bool looks_like_host(const char *s, size_t n)
{
	if (n == 9 && memcmp(s, "localhost", 9) == 0)
		return true;
	for (size_t i = 0; i < n; i++)
		if (s[i] == '.' || s[i] == ':' || (s[i] >= 'A' && s[i] <= 'Z'))
			return true;
	return false;
}

size_t image_ref_host_length(const struct image_ref *ref)
{
	const char *slash = strchr(ref->repository, '/');
	size_t n = slash ? (size_t)(slash - ref->repository) : 0;

	return slash && looks_like_host(ref->repository, n) ? n : 0;
}

static bool is_repository(const char *s, size_t n)
{
	const char *slash = memchr(s, '/', n);

	if (slash && looks_like_host(s, (size_t)(slash - s))) {
		if (!is_host(s, (size_t)(slash - s)))
			return false;
		n -= (size_t)(slash + 1 - s);
		s = slash + 1;
	}
	for (;;) {
		size_t part;
		slash = memchr(s, '/', n);
		part = slash ? (size_t)(slash - s) : n;
		if (!is_component(s, part))
			return false;
		if (!slash)
			return true;
		s += part + 1;
		n -= part + 1;
	}
}

static bool is_tag(const char *s)
{
	size_t n = strlen(s);

	if (n < 1 || n > 128 || *s == '.' || *s == '-')
		return false;
	for (; *s; s++)
		if (!is_alnum(*s) && *s != '_' && *s != '.' && *s != '-')
			return false;
	return true;
}

static int bad_name(const char *text, struct err *e)
{
	err_set(e, EINVAL, "'%.*s' is not an image name", 300, str_is_one_line(text) ? text : "?");
	return err_hint(e, "REPOSITORY:TAG, the repository in lower-case letters and digits, with "
			   "single '.', '_' or '-' between them");
}

bool image_ref_is_nameless(const struct image_ref *ref)
{
	return str_eq(ref->repository, "sha256") && strlen(ref->tag) == 64 &&
	       strspn(ref->tag, "0123456789abcdef") == 64;
}

int image_ref_parse_stored(const char *text, struct image_ref *ret, struct err *e)
{
	struct digest d;

	if (digest_parse(text, &d) < 0)
		return image_ref_parse(text, ret, e);
	*ret = (struct image_ref){ .repository = "sha256" };
	memcpy(ret->tag, digest_hex(&d), 65);
	return 0;
}

/* How Docker writes the names of its own registry: without the host, and without "library/" before
 * a single word; unless the first part that is left could be taken for a host. */
static const char *familiar_name(const char *text)
{
	static const char *const hosts[] = { "docker.io/", "index.docker.io/" };
	const char *name = text, *slash;

	for (size_t i = 0; i < sizeof hosts / sizeof *hosts && name == text; i++)
		if (str_starts(text, hosts[i]))
			name = text + strlen(hosts[i]);
	if (str_starts(name, "library/") && !strchr(name + strlen("library/"), '/'))
		name += strlen("library/");
	slash = strchr(name, '/');
	return slash && looks_like_host(name, (size_t)(slash - name)) ? text : name;
}

/* "repository[:tag]@digest"; what is before '@' has been parsed into `ref`. */
static int parse_digest_form(const char *text, const char *at, struct image_ref *ref, struct err *e)
{
	struct digest d;

	if (digest_parse(at + 1, &d) < 0) {
		err_set(e, EINVAL, "'%.300s' has no digest that redock knows",
			str_is_one_line(text) ? text : "?");
		return err_hint(e, "NAME@sha256: and 64 digits of 0-9 and a-f");
	}
	memcpy(ref->tag, d.text, sizeof d.text);
	return 0;
}

bool image_ref_is_digest(const struct image_ref *ref)
{
	return str_starts(ref->tag, "sha256:");
}

int image_ref_parse(const char *given, struct image_ref *ret, struct err *e)
{
	const char *text = familiar_name(given), *at = strchr(text, '@');
	size_t len = at ? (size_t)(at - text) : strlen(text);
	const char *slash = memrchr(text, '/', len), *name = slash ? slash : text;
	const char *colon = memchr(name, ':', len - (size_t)(name - text));
	size_t n = colon ? (size_t)(colon - text) : len, tag_len;
	const char *tag = colon ? colon + 1 : "latest";
	char key[3 * IMAGE_REF_TEXT_SIZE];
	struct image_ref ref = { 0 };

	tag_len = colon ? len - n - 1 : strlen(tag);
	if (n < 1 || n > IMAGE_REF_MAX || !is_repository(text, n) || tag_len >= sizeof ref.tag)
		return bad_name(given, e);
	memcpy(ref.repository, text, n);
	memcpy(ref.tag, tag, tag_len);
	if (!is_tag(ref.tag))
		return bad_name(given, e);
	if (image_ref_is_nameless(&ref))
		return err_set(e, EINVAL, "'%.20s...' is an image's id and cannot be a name", text);
	/* as Docker has it: the digest says which, the tag is for the reader */
	if (at && parse_digest_form(given, at, &ref, e) < 0)
		return -e->code;
	image_ref_key(&ref, key);
	if (strlen(key) > 255) /* NAME_MAX: it has to be the name of a directory */
		return err_set(e, ENAMETOOLONG, "image name '%.60s...' is too long", text);
	*ret = ref;
	return 0;
}

void image_ref_text(const struct image_ref *ref, char ret[IMAGE_REF_TEXT_SIZE])
{
	snprintf(ret, IMAGE_REF_TEXT_SIZE, "%s%c%s", ref->repository,
		image_ref_is_digest(ref) ? '@' : ':', ref->tag);
}

void image_ref_key(const struct image_ref *ref, char ret[3 * IMAGE_REF_TEXT_SIZE])
{
	for (const char *s = ref->repository; *s; s++) {
		if (*s == '/') {
			memcpy(ret, "%2F", 3);
			ret += 3;
		} else {
			*ret++ = *s;
		}
	}
	*ret++ = image_ref_is_digest(ref) ? '@' : ':';
	memcpy(ret, ref->tag, strlen(ref->tag) + 1);
}

int image_ref_from_key(const char *key, struct image_ref *ret)
{
	char text[IMAGE_REF_TEXT_SIZE], again[3 * IMAGE_REF_TEXT_SIZE];
	struct image_ref ref;
	struct err e;
	size_t n = 0;

	for (const char *s = key; *s; n++) {
		if (n + 1 >= sizeof text)
			return -EINVAL;
		if (str_starts(s, "%2F")) {
			text[n] = '/';
			s += 3;
		} else {
			text[n] = *s++;
		}
	}
	text[n] = '\0';
	if (image_ref_parse_stored(text, &ref, &e) < 0)
		return -EINVAL;
	image_ref_key(&ref, again);
	if (!str_eq(again, key)) /* "a" for "a:latest", or a real '/' */
		return -EINVAL;
	*ret = ref;
	return 0;
}

int digest_parse(const char *text, struct digest *ret)
{
	const char *hex = text + 7;

	if (!str_starts(text, "sha256:") || strlen(hex) != 64)
		return -EINVAL;
	for (size_t i = 0; i < 64; i++)
		if (!((hex[i] >= '0' && hex[i] <= '9') || (hex[i] >= 'a' && hex[i] <= 'f')))
			return -EINVAL;
	memcpy(ret->text, text, DIGEST_SIZE);
	return 0;
}

const char *digest_hex(const struct digest *d)
{
	return d->text + 7;
}
