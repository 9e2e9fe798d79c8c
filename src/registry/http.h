#pragma once
/*
 * HTTP for registries: several transfers at once in one loop, over libcurl, which is told to decide
 * nothing: redirects are followed here, so that what may travel to another host is decided here.
 *
 * - `authorization` goes to the origin of the request's own URL and to no other (T18).
 * - From https a redirect leads to https alone; plain HTTP only where settings.h allows it.
 * - HTTP/1.1: a paused layer then holds up its own connection and no other's.
 */
#include "base/err.h"
#include "base/str.h"
#include "registry/challenge.h"
#include "registry/settings.h"

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

struct http;
struct http_transfer;

int http_open(const struct registry_settings *, struct http **ret, struct err *e);
void http_close(struct http *);

/* Takes a piece of a successful answer: 0; -EAGAIN to get the same again after http_resume(); else
 * a failure, which ends the transfer. `fresh`: the answer begins at the first byte although a range
 * was asked for. */
typedef int http_sink(void *arg, const void *data, size_t len, bool fresh);

struct http_request {
	const char *method, *url;
	const char *authorization; /* NULL: none */
	const char *accept, *content_type;
	const void *body; /* NULL: none */
	size_t body_len;
	int body_fd; /* with body_size > 0 instead: read by pread(2) from body_at on */
	uint64_t body_at, body_size;
	uint64_t range_from; /* > 0: only what follows so many bytes */
	http_sink *sink;     /* NULL: the answer is kept in memory */
	void *sink_arg;
	size_t max;        /* of that, 0: 64 KiB */
	unsigned patience; /* how many times the usual timeout, 0: 1 */
	bool plain;        /* without TLS is well: nothing that is nobody else's travels */
};

struct http_reply {
	long status;
	char *url; /* that answered */
	char *content_type, *location, *digest, *link, *range, *content_range, *last_modified;
	struct challenge challenge;
	int64_t retry_after; /* seconds, 0: not said */
	struct str body;     /* of a failure too, its beginning */
};
void http_reply_release(struct http_reply *);
#define auto_reply __attribute__((cleanup(http_reply_release))) struct http_reply

/* Begins; what the request points to (but body and texts) must live on until http_end(). */
int http_begin(
	struct http *, const struct http_request *, struct http_transfer **ret, struct err *e);
/* Does what can be done, and waits at most timeout_ms (-1: as long as nothing happens) for more, or
 * for one of `extra`. */
int http_step(struct http *, struct pollfd *extra, unsigned n, int timeout_ms, struct err *e);
bool http_is_done(const struct http_transfer *);
/* Of a sink that said -EAGAIN. */
void http_resume(struct http_transfer *);
uint64_t http_sent(const struct http_transfer *); /* bytes of the body */
/* Bytes of the answer, as it says itself; 0: it does not. */
uint64_t http_length(const struct http_transfer *);
/* How it ended, and frees it; before its end: breaks it off. Whatever the server answered is
 * success here. -EAGAIN: worth another attempt later; else what no attempt would change. */
int http_end(struct http_transfer *, struct http_reply *ret, struct err *e);
/* From begin to end; other transfers go on meanwhile. */
int http_do(struct http *, const struct http_request *, struct http_reply *ret, struct err *e);
