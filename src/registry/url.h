#pragma once
/* Addresses: where something is (origin) and what it is. Parsed by libcurl, which is who uses them.
 */
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

/* RFC 6454: credentials belong to exactly one of these (rule R12). */
struct origin {
	char host[256]; /* lower case, an IPv6 address in brackets */
	uint16_t port;
	bool secure; /* https, else http */
};
#define ORIGIN_TEXT_SIZE 300

/* Of an http or https URL without user and password; -EINVAL. */
int url_origin(const char *url, struct origin *ret, struct err *e);
/* `location`, absolute or not, as `base` has it; without a fragment. The caller frees. */
int url_resolve(const char *base, const char *location, char **ret, struct err *e);
/* `url` with "name=value" added to its query; the caller frees. */
char *url_with(const char *url, const char *name, const char *value);
bool origin_same(const struct origin *, const struct origin *);
/* localhost, 127.0.0.0/8 and ::1. */
bool origin_is_loopback(const struct origin *);
/* "host" or "host:port", as in an image's name: the port only where it is not the scheme's own. */
void origin_host(const struct origin *, char ret[ORIGIN_TEXT_SIZE]);
/* "https://host:port" or without the port, as above. */
void origin_text(const struct origin *, char ret[ORIGIN_TEXT_SIZE]);
/* Of HOST[:PORT] and the choice of the scheme. */
int origin_of_host(const char *host, bool secure, struct origin *ret, struct err *e);
