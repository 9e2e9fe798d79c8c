#pragma once
/*
 * What a server says in WWW-Authenticate (RFC 9110, section 11.6.1): a list of challenges, each a
 * scheme and parameters. A registry knows two schemes: Basic, and Bearer, whose token another
 * address hands out (distribution-spec's "token" document of Docker).
 */
#include <stdbool.h>
#include <stddef.h>

#define CHALLENGE_TEXT_MAX 2048

enum challenge_scheme { CHALLENGE_NONE, CHALLENGE_BASIC, CHALLENGE_BEARER };
struct challenge {
	enum challenge_scheme scheme;
	/* of Bearer: where tokens come from, and for whom; "" when they are not said */
	char realm[CHALLENGE_TEXT_MAX], service[CHALLENGE_TEXT_MAX];
};

/* Reads one header's value and keeps the best that it offers: Bearer before Basic before what
 * `ret` has already, so that several headers go into one. Schemes that nobody here knows are passed
 * over. -EINVAL when it is no list of challenges; `ret` is as it was then. */
int challenge_parse(const char *text, struct challenge *ret);
