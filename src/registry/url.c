#include "registry/url.h"
#include "base/mem.h"
#include "base/str.h"

#include <ctype.h>
#include <curl/curl.h>
#include <string.h>

#define URL_MAX 8192

static void url_cleanup(CURLU **u)
{
	curl_url_cleanup(*u);
}
static void text_cleanup(char **text)
{
	curl_free(*text);
}
#define auto_curlu    __attribute__((cleanup(url_cleanup))) CURLU
#define auto_curltext __attribute__((cleanup(text_cleanup))) char

static int bad_url(const char *url, struct err *e)
{
	return err_set(e, EINVAL, "'%.200s' is no http or https address, or has a user in it",
		str_is_one_line(url) ? url : "?");
}

static int part(CURLU *u, CURLUPart which, char **ret)
{
	return curl_url_get(u, which, ret, CURLU_DEFAULT_PORT) ? -EINVAL : 0;
}

static int read_origin(CURLU *u, struct origin *ret)
{
	auto_curltext *scheme = NULL, *host = NULL, *port = NULL;
	uint64_t number;

	if (part(u, CURLUPART_SCHEME, &scheme) < 0 || part(u, CURLUPART_HOST, &host) < 0 ||
		part(u, CURLUPART_PORT, &port) < 0 || str_to_u64(port, 1, 65535, &number) < 0 ||
		strlen(host) >= sizeof ret->host || !*host)
		return -EINVAL;
	if (!str_eq(scheme, "https") && !str_eq(scheme, "http"))
		return -EINVAL;
	*ret = (struct origin){ .port = (uint16_t)number, .secure = str_eq(scheme, "https") };
	for (size_t i = 0; host[i]; i++)
		ret->host[i] = (char)tolower((unsigned char)host[i]);
	return 0;
}

int url_origin(const char *url, struct origin *ret, struct err *e)
{
	auto_curlu *u = curl_url();

	if (!u || strlen(url) > URL_MAX || !str_is_one_line(url) || strchr(url, ' ') ||
		curl_url_set(u, CURLUPART_URL, url, CURLU_DISALLOW_USER) || read_origin(u, ret) < 0)
		return bad_url(url, e);
	return 0;
}

int url_resolve(const char *base, const char *location, char **ret, struct err *e)
{
	auto_curlu *u = curl_url();
	auto_curltext *text = NULL;
	struct origin ignored;

	if (!u || strlen(location) > URL_MAX || !str_is_one_line(location) ||
		curl_url_set(u, CURLUPART_URL, base, CURLU_DISALLOW_USER) ||
		curl_url_set(u, CURLUPART_URL, location, CURLU_DISALLOW_USER | CURLU_URLENCODE) ||
		curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0) ||
		curl_url_get(u, CURLUPART_URL, &text, 0) || url_origin(text, &ignored, e) < 0)
		return bad_url(location, e);
	*ret = xstrdup(text);
	return 0;
}

char *url_with(const char *url, const char *name, const char *value)
{
	auto_curltext *escaped = curl_easy_escape(NULL, value, (int)strlen(value));

	if (!escaped)
		abort(); /* only memory can be missing */
	return xasprintf("%s%c%s=%s", url, strchr(url, '?') ? '&' : '?', name, escaped);
}

bool origin_same(const struct origin *a, const struct origin *b)
{
	return a->secure == b->secure && a->port == b->port && str_eq(a->host, b->host);
}

bool origin_is_loopback(const struct origin *o)
{
	const char *rest = o->host + strlen("127.");

	if (str_eq(o->host, "localhost") || str_eq(o->host, "[::1]"))
		return true;
	/* a name like 127.0.0.1.example.org is no address */
	return str_starts(o->host, "127.") && strspn(rest, "0123456789.") == strlen(rest);
}

void origin_host(const struct origin *o, char ret[ORIGIN_TEXT_SIZE])
{
	if (o->port == (o->secure ? 443 : 80))
		snprintf(ret, ORIGIN_TEXT_SIZE, "%s", o->host);
	else
		snprintf(ret, ORIGIN_TEXT_SIZE, "%s:%u", o->host, o->port);
}

void origin_text(const struct origin *o, char ret[ORIGIN_TEXT_SIZE])
{
	char host[ORIGIN_TEXT_SIZE];

	origin_host(o, host);
	snprintf(ret, ORIGIN_TEXT_SIZE, "http%s://%.280s", o->secure ? "s" : "", host);
}

int origin_of_host(const char *host, bool secure, struct origin *ret, struct err *e)
{
	auto_free char *url = xasprintf("http%s://%s/", secure ? "s" : "", host);

	return url_origin(url, ret, e);
}
