/* Docker's token authentication (docs of "distribution", auth/token and auth/oauth). */
#include "base/json.h"
#include "base/mem.h"
#include "registry/registry.h"

#include <curl/curl.h>
#include <string.h>

#define TOKEN_MAX ((size_t)64 << 10)
/* Who hands out tokens for Docker Hub; other registries' are asked for at their own address unless
 * redock.conf says more. */
#define HUB_REALM "auth.docker.io"

/* Whether credentials for this registry may go there. */
static int check_realm(const struct registry *r, const char *realm, struct err *e)
{
	auto_strv allowed = { 0 };
	char host[ORIGIN_TEXT_SIZE];
	struct origin to;

	if (url_origin(realm, &to, e) < 0)
		return err_wrap(e, "'%s' names no place for tokens", r->host);
	if (origin_same(&to, &r->origin))
		return 0;
	origin_host(&to, host);
	if (registry_settings_list("registry_realms", r->host, &allowed, e) < 0)
		return -e->code;
	if (str_eq(r->host, "docker.io"))
		strv_push(&allowed, HUB_REALM);
	if (!strv_has(&allowed, host)) {
		err_set(e, EPERM, "'%s' wants your credentials to be sent to '%s'", r->host, host);
		return err_hint(e, "registry_realms.%s = %s, in redock.conf, if that is right",
			r->host, host);
	}
	if (!to.secure && !registry_may_be_plain(r->settings, &to))
		return err_set(e, EPERM, "'%s' wants tokens to be fetched without TLS", r->host);
	if (!to.secure && r->origin.secure)
		return err_set(e, EPERM, "'%s' wants tokens to be fetched without TLS", r->host);
	return 0;
}

/* A header's value, and nothing that could end it (RFC 6750's b64token and a little more). */
static bool is_token(const char *text)
{
	for (const char *s = text; *s; s++)
		if (*s <= 0x20 || *s >= 0x7f)
			return false;
	return *text && strlen(text) <= TOKEN_MAX;
}

static void remember(struct registry *r, const char *scope, const char *token)
{
	for (size_t i = 0; i + 1 < r->tokens.n; i += 2) {
		if (!str_eq(r->tokens.v[i], scope))
			continue;
		secret_free(r->tokens.v[i + 1]);
		r->tokens.v[i + 1] = xstrdup(token);
		return;
	}
	strv_push(&r->tokens, scope);
	strv_push(&r->tokens, token);
}

/* "a b" as two parameters: several scopes are several of them. */
static char *add_scopes(char *url, const char *scope)
{
	while (*(scope += strspn(scope, " "))) {
		size_t n = strcspn(scope, " ");
		auto_free char *one = xstrndup(scope, n);
		char *longer = url_with(url, "scope", one);
		free(url);
		url = longer;
		scope += n;
	}
	return url;
}

static char *token_url(const struct registry *r, const char *scope)
{
	const struct challenge *c = &r->challenge;
	char *url = *c->service ? url_with(c->realm, "service", c->service) : xstrdup(c->realm);

	if (r->credentials.user) {
		char *longer = url_with(url, "account", r->credentials.user);
		free(url);
		url = longer;
	}
	return add_scopes(url, scope);
}

static void add_field(struct str *form, const char *name, const char *value)
{
	char *escaped = curl_easy_escape(NULL, value, (int)strlen(value));

	if (!escaped)
		abort();
	str_addf(form, "%s%s=%s", form->len ? "&" : "", name, escaped);
	explicit_bzero(escaped, strlen(escaped));
	curl_free(escaped);
}

/* An identity token is exchanged as OAuth 2 has it. */
static int exchange(
	const struct registry *r, const char *scope, struct http_reply *ret, struct err *e)
{
	struct str form = STR_INIT(4 * TOKEN_MAX);
	struct http_request q = { .method = "POST",
		.url = r->challenge.realm,
		.content_type = "application/x-www-form-urlencoded",
		.max = 2 * TOKEN_MAX };
	int result;

	add_field(&form, "grant_type", "refresh_token");
	add_field(&form, "service", r->challenge.service);
	add_field(&form, "client_id", "redock");
	add_field(&form, "scope", scope);
	add_field(&form, "refresh_token", r->credentials.token);
	q.body = str_text(&form);
	q.body_len = form.len;
	result = form.overflow ? err_set(e, EFBIG, "the identity token is too long")
			       : http_do(r->http, &q, ret, e);
	explicit_bzero(form.data, form.len);
	str_release(&form);
	return result;
}

static int ask(const struct registry *r, const char *scope, struct http_reply *ret, struct err *e)
{
	auto_free char *url = token_url(r, scope);
	struct http_request q = { .method = "GET", .url = url, .max = 2 * TOKEN_MAX };
	char *basic = NULL, *authorization = NULL;
	int result;

	if (r->credentials.token)
		return exchange(r, scope, ret, e);
	if (r->credentials.user) {
		basic = credentials_basic(&r->credentials);
		authorization = xasprintf("Basic %s", basic);
		q.authorization = authorization;
	}
	result = http_do(r->http, &q, ret, e);
	secret_free(basic);
	secret_free(authorization);
	return result;
}

int registry_get_token(struct registry *r, const char *scope, struct err *e)
{
	auto_reply reply = { 0 };
	auto_json *j = NULL;
	const char *token;

	if (check_realm(r, r->challenge.realm, e) < 0)
		return -e->code;
	if (ask(r, scope, &reply, e) < 0)
		return err_wrap(e, "cannot get a token for '%s'", r->host);
	if (reply.status == 401 || reply.status == 403) {
		err_set(e, EACCES,
			credentials_some(&r->credentials)
				? "'%s' does not accept your user name and password"
				: "'%s' wants to know who you are",
			r->host);
		return err_hint(e, "redock login %s", r->host);
	}
	if (reply.status != 200)
		return err_set(e, registry_is_busy(reply.status) ? EAGAIN : EIO,
			"whoever hands out tokens for '%s' answers %ld", r->host, reply.status);
	if (json_parse(str_text(&reply.body), reply.body.len, "the token", &j, e) < 0)
		return err_wrap(e, "cannot get a token for '%s'", r->host);
	explicit_bzero(reply.body.data, reply.body.len);
	token = json_str(j, "token", NULL);
	if (!token || !*token)
		token = json_str(j, "access_token", "");
	if (!is_token(token))
		return err_set(e, EPROTO, "whoever hands out tokens for '%s' gives none", r->host);
	remember(r, scope, token);
	return 0;
}
