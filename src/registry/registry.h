#pragma once
/*
 * One registry, spoken to as distribution-spec 1.1 says: where it is, who we are to it, and
 * requests that are tried again when that can help.
 */
#include "registry/credentials.h"
#include "registry/http.h"

#define REGISTRY_TRIES 5

struct registry {
	struct http *http;
	const struct registry_settings *settings;
	char *host; /* as images are named: "docker.io", "localhost:5000" */
	char *base; /* "https://registry-1.docker.io" */
	struct origin origin;
	char *path; /* of the image that this is about, for choosing credentials; "" */
	struct credentials credentials; /* looked for when the server first asks */
	bool mirror, answered, basic, looked;
	struct challenge challenge; /* its last one */
	struct strv tokens;         /* scope, token, scope, token, ... */
};

/* For images at `path`. `mirror`: the address of one that stands in for `host`, or NULL. Finds out
 * whether it speaks TLS where it need not. */
int registry_open(struct http *, const struct registry_settings *, const char *host,
	const char *path, const char *mirror, struct registry *ret, struct err *e);
void registry_close(struct registry *);
#define auto_registry __attribute__((cleanup(registry_close))) struct registry
/* Uses these instead of what the files say. */
void registry_set_credentials(struct registry *, struct credentials *take);

/* What an operation needs: "repository:team/app:pull", several with blanks between; NULL: none. */
/* The request's URL is a path below the registry ("/v2/...") or absolute, its authorization is
 * filled in. Whatever the server answers but a challenge that can be met is success. */
int registry_request(struct registry *, const struct http_request *, const char *scope,
	struct http_reply *ret, struct err *e);
/* For requests that are not waited for: the whole URL (the caller frees), and what to send with it,
 * NULL when nothing is known yet (the caller wipes and frees). */
char *registry_url(const struct registry *, const char *path);
char *registry_authorization(const struct registry *, const char *url, const char *scope);
/* After a 401: finds out what would please it. -EACCES when nothing would. */
int registry_meet_challenge(struct registry *, const struct http_reply *, const char *scope,
	const char *refused, struct err *e);
/* Worth another attempt: *ret_wait gets the nanoseconds to wait before attempt `tries` (from 1). An
 * error when the server wants us to wait for too long. */
int registry_retry(const struct http_reply *, unsigned tries, int64_t *ret_wait, struct err *e);
bool registry_is_busy(long status);
/* Sets the error that the server's answer is; `what` is the noun ("image 'x'"). */
int registry_failure(
	const struct registry *, const struct http_reply *, const char *what, struct err *e);

/* ---- token.c ---- */

/* Gets a token for `scope` from where the registry's challenge says. */
int registry_get_token(struct registry *, const char *scope, struct err *e);
