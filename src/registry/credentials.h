#pragma once
/*
 * Who a person is to a registry. Read from, the first that knows the host counts:
 *
 *   $REGISTRY_AUTH_FILE             if it is set
 *   our own auth.json               in the configuration folder; the one that `login` writes, 0600
 *   $DOCKER_CONFIG/config.json      (~/.docker/config.json): auths, credHelpers, credsStore
 *
 * All have Docker's format; a credential helper is a program docker-credential-NAME, which gets the
 * host on its standard input and nothing else. Docker's files are never written.
 */
#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>

struct credentials {
	char *user, *password; /* NULL: nobody in particular */
	char *token;           /* instead: an identity token, to exchange for others */
};
/* Forgets them, in memory too. */
void credentials_release(struct credentials *);
#define auto_credentials __attribute__((cleanup(credentials_release))) struct credentials
static inline bool credentials_some(const struct credentials *c)
{
	return c->user || c->token;
}

/* For image `path` ("team/app", may be "") on `host` (HOST[:PORT], "docker.io"). Nothing known is
 * success. */
int credentials_find(const char *host, const char *path, struct credentials *ret, struct err *e);
/* The same of a document's text, without helpers: a parser for tests. 1 when it knows the host. */
int credentials_parse(const char *text, size_t len, const char *host, const char *path,
	struct credentials *ret, char **ret_helper, struct err *e);
/* Writes them to our own file; NULL: takes them away. *ret_was (may be NULL) tells whether there
 * were any. */
int credentials_store(const char *host, const struct credentials *, bool *ret_was, struct err *e);
/* "user:password" in base64, as Basic has it; the caller wipes and frees. */
char *credentials_basic(const struct credentials *);
/* Overwrites and frees. NULL is fine. */
void secret_free(char *text);
