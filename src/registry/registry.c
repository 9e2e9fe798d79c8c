#include "registry/registry.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/time.h"

#include <string.h>

#define SECOND ((int64_t)1000000000)
/* How long a server may ask us to wait. */
#define WAIT_MAX 120
/* Docker Hub's images are "docker.io", its registry is elsewhere (Docker's reference/helpers.go).
 */
#define HUB      "docker.io"
#define HUB_WIRE "registry-1.docker.io"

/* Whether something that could be a registry answers there without TLS. It is told nothing. */
static bool answers_plainly(struct http *h, const char *base)
{
	auto_free char *url = xasprintf("%s/v2/", base);
	struct http_request r = { .method = "GET", .url = url };
	auto_reply reply = { 0 };
	struct err ignored = { 0 };

	return http_do(h, &r, &reply, &ignored) == 0 &&
	       (reply.status == 200 || reply.status == 401 || registry_is_busy(reply.status));
}

/* Where TLS is not demanded: loopback says what it is when asked plainly, others are asked for TLS
 * first. */
static int choose_scheme(struct registry *r, const char *host, struct err *e)
{
	auto_free char *plain = xasprintf("http://%s", host);
	auto_free char *probe = xasprintf("https://%s/v2/", host);
	struct http_request q = { .method = "GET", .url = probe };
	auto_reply reply = { 0 };

	if (origin_is_loopback(&r->origin)) {
		if (!answers_plainly(r->http, plain))
			return 0;
	} else if (http_do(r->http, &q, &reply, e) == 0 ||
		   (e->code != EPROTO && e->code != ECONNREFUSED)) {
		return 0; /* what is wrong will be said by the first request */
	}
	err_clear(e);
	free(r->base);
	r->base = take_ptr(&plain);
	return url_origin(r->base, &r->origin, e);
}

int registry_open(struct http *h, const struct registry_settings *s, const char *host,
	const char *path, const char *mirror, struct registry *ret, struct err *e)
{
	auto_registry r = { .http = h, .settings = s, .host = xstrdup(host) };
	const char *wire = str_eq(host, HUB) ? HUB_WIRE : host;
	char text[ORIGIN_TEXT_SIZE];

	r.path = xstrdup(path);
	r.mirror = mirror != NULL;
	if (mirror) {
		if (url_origin(mirror, &r.origin, e) < 0)
			return err_wrap(e, "redock.conf: 'registry_mirrors.%s'", host);
		origin_text(&r.origin, text);
		r.base = xstrdup(text);
		free(r.host);
		origin_host(&r.origin, text);
		r.host = xstrdup(text);
	} else {
		if (origin_of_host(wire, true, &r.origin, e) < 0)
			return -e->code;
		r.base = xasprintf("https://%s", wire);
		if (registry_may_be_plain(s, &r.origin) && choose_scheme(&r, wire, e) < 0)
			return -e->code;
	}
	*ret = r;
	r = (struct registry){ 0 };
	return 0;
}

void registry_close(struct registry *r)
{
	for (size_t i = 0; i < r->tokens.n; i++)
		explicit_bzero(r->tokens.v[i], strlen(r->tokens.v[i]));
	strv_release(&r->tokens);
	credentials_release(&r->credentials);
	free(r->host);
	free(r->path);
	free(r->base);
}

void registry_set_credentials(struct registry *r, struct credentials *take)
{
	credentials_release(&r->credentials);
	r->credentials = *take;
	r->looked = true;
	*take = (struct credentials){ 0 };
}

char *registry_url(const struct registry *r, const char *path)
{
	return *path == '/' ? xasprintf("%s%s", r->base, path) : xstrdup(path);
}

char *registry_authorization(const struct registry *r, const char *url, const char *scope)
{
	struct err ignored;
	struct origin to;
	char *basic, *value;

	/* a place that the server named (an upload's) may be somebody else's (T18) */
	if (url_origin(url, &to, &ignored) < 0 || !origin_same(&to, &r->origin))
		return NULL;
	if (r->basic) {
		basic = credentials_basic(&r->credentials);
		value = xasprintf("Basic %s", basic);
		secret_free(basic);
		return value;
	}
	for (size_t i = 0; scope && i + 1 < r->tokens.n; i += 2)
		if (str_eq(r->tokens.v[i], scope))
			return xasprintf("Bearer %s", r->tokens.v[i + 1]);
	return NULL;
}

int registry_meet_challenge(struct registry *r, const struct http_reply *reply, const char *scope,
	const char *refused, struct err *e)
{
	r->challenge = reply->challenge;
	if (!r->looked && credentials_find(r->host, r->path, &r->credentials, e) < 0)
		return -e->code;
	r->looked = true;
	if (r->challenge.scheme == CHALLENGE_BEARER) {
		/* one token may have expired; a fresh one that is refused is an answer */
		return registry_get_token(r, scope ? scope : "", e);
	}
	if (r->challenge.scheme != CHALLENGE_BASIC)
		return err_set(e, EPROTO,
			"'%s' wants to know who you are in no way that redock knows", r->host);
	if (refused || !r->credentials.user) {
		err_set(e, EACCES,
			refused ? "'%s' does not accept your user name and password"
				: "'%s' wants to know who you are",
			r->host);
		return err_hint(e, "redock login %s", r->host);
	}
	r->basic = true;
	return 0;
}

bool registry_is_busy(long status)
{
	return status == 408 || status == 429 || status == 500 || (status >= 502 && status <= 504);
}

int registry_retry(const struct http_reply *reply, unsigned tries, int64_t *ret_wait, struct err *e)
{
	int64_t after = reply ? reply->retry_after : 0;

	if (after > WAIT_MAX)
		return err_set(e, EAGAIN, "it asks to come back in %lld seconds", (long long)after);
	*ret_wait = after > 0 ? after * SECOND : SECOND / 4 << (tries < 6 ? tries : 6);
	return 0;
}

static int wait_until(struct http *h, int64_t when, struct err *e)
{
	int64_t left;

	while ((left = when - time_monotonic()) > 0)
		if (http_step(h, NULL, 0, (int)(left / 1000000) + 1, e) < 0)
			return -e->code;
	return 0;
}

/* Once, with the credentials that the server turns out to want. */
static int request_once(struct registry *r, const struct http_request *q, const char *url,
	const char *scope, struct http_reply *ret, struct err *e)
{
	for (unsigned round = 0;; round++) {
		char *authorization = registry_authorization(r, url, scope);
		struct http_request with = *q;
		struct origin to;
		int result;

		with.url = url;
		with.authorization = authorization;
		result = http_do(r->http, &with, ret, e);
		if (result == 0)
			r->answered = true;
		/* only its own challenge is met, at its own place */
		if (result == 0 && ret->status == 401 && round < 2 &&
			url_origin(ret->url, &to, e) == 0 && origin_same(&to, &r->origin)) {
			result = registry_meet_challenge(
				r, ret, scope, round ? authorization : NULL, e);
			secret_free(authorization);
			http_reply_release(ret);
			if (result < 0)
				return result;
			continue;
		}
		secret_free(authorization);
		return result;
	}
}

int registry_request(struct registry *r, const struct http_request *q, const char *scope,
	struct http_reply *ret, struct err *e)
{
	auto_free char *url = registry_url(r, q->url);

	for (unsigned tries = 1;; tries++) {
		int result = request_once(r, q, url, scope, ret, e);
		bool passing = result == -EAGAIN || (result == -ECONNREFUSED && r->answered);
		int64_t wait;

		if (result == 0 ? !registry_is_busy(ret->status) : !passing)
			return result;
		/* a mirror is there to be quick: the next place is asked instead */
		if (tries >= (r->mirror ? 1 : REGISTRY_TRIES) || q->sink)
			return result;
		if (registry_retry(result == 0 ? ret : NULL, tries, &wait, e) < 0) {
			http_reply_release(ret);
			return -e->code;
		}
		http_reply_release(ret);
		if (wait_until(r->http, time_monotonic() + wait, e) < 0)
			return -e->code;
	}
}

/* distribution-spec, "Error Codes": {"errors": [{"code": ..., "message": ...}]} */
static void words_of(const struct http_reply *reply, char ret[200])
{
	auto_json *j = NULL;
	struct err ignored;
	const char *text = "";

	if (json_parse(str_text(&reply->body), reply->body.len, "it", &j, &ignored) == 0)
		text = json_str(json_array_get(json_object_get(j, "errors"), 0), "message", "");
	snprintf(ret, 200, "%s%.180s", *text ? ": " : "", str_is_one_line(text) ? text : "");
}

int registry_failure(
	const struct registry *r, const struct http_reply *reply, const char *what, struct err *e)
{
	char words[200];

	words_of(reply, words);
	switch (reply->status) {
	case 401:
	case 403:
		err_set(e, EACCES, "'%s' does not let you have %s%s", r->host, what, words);
		return err_hint(e, "redock login %s, if it exists", r->host);
	case 404:
		return err_set(e, ENOENT, "'%s' has no %s%s", r->host, what, words);
	case 429:
		return err_set(e, EAGAIN, "'%s' has had too many requests%s", r->host, words);
	default:
		return err_set(
			e, EIO, "'%s' answers %ld for %s%s", r->host, reply->status, what, words);
	}
}
