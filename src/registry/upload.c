#include "base/mem.h"
#include "base/time.h"
#include "registry/events.h"
#include "registry/push.h"

#include <string.h>

/* One PATCH; an interruption costs at most as much. Most layers are one piece. */
#define PIECE     ((uint64_t)64 << 20)
#define SAY_EVERY ((int64_t)100000000)
/* A registry may have to put the pieces together and to compute the digest before it answers. */
#define PATIENCE 10

void upload_release(struct upload *u)
{
	free(u->location);
	u->location = NULL;
}

int upload_exists(struct upload *u, struct err *e)
{
	auto_free char *path = xasprintf("/v2/%s/blobs/%s", u->path, u->digest.text);
	struct http_request q = { .method = "HEAD", .url = path };
	auto_reply reply = { 0 };
	int r = registry_request(u->registry, &q, u->scope, &reply, e);

	if (r < 0)
		return r;
	if (reply.status == 200 || reply.status == 404)
		return reply.status == 200;
	return registry_failure(u->registry, &reply, "such repository for you", e);
}

/* Where the upload goes on: each answer says it anew. */
static int take_location(struct upload *u, const struct http_reply *reply, struct err *e)
{
	char *url;

	if (!reply->location)
		return err_set(
			e, EPROTO, "'%s' does not say where to send a layer", u->registry->host);
	if (url_resolve(reply->url, reply->location, &url, e) < 0)
		return -e->code;
	free(u->location);
	u->location = url;
	return 0;
}

int upload_begin(struct upload *u, struct err *e)
{
	auto_free char *path = xasprintf("/v2/%s/blobs/uploads/", u->path), *mount = NULL;
	struct http_request q = { .method = "POST", .url = path };
	auto_reply reply = { 0 };
	int r;

	if (u->from) {
		auto_free char *half = url_with(path, "mount", u->digest.text);
		mount = url_with(half, "from", u->from);
		q.url = mount;
	}
	r = registry_request(u->registry, &q, u->scope, &reply, e);
	if (r < 0)
		return r;
	if (reply.status == 201 && u->from)
		return 1;
	if (reply.status != 202)
		return registry_failure(u->registry, &reply, "such repository for you", e);
	return take_location(u, &reply, e);
}

static void say(const struct upload *u, uint64_t sent, int64_t *said_at)
{
	int64_t now = time_monotonic();

	if (!u->shown || now - *said_at < SAY_EVERY)
		return;
	*said_at = now;
	event_layer(u->shown, STATUS_PUSHING, sent, u->size);
}

/* One request with a piece of the file as its body. */
static int send_piece(
	struct upload *u, int fd, uint64_t at, uint64_t n, struct http_reply *ret, struct err *e)
{
	struct registry *r = u->registry;
	char *authorization = registry_authorization(r, u->location, u->scope);
	struct http_request q = { .method = "PATCH",
		.url = u->location,
		.authorization = authorization,
		.content_type = "application/octet-stream",
		.body_fd = fd,
		.body_at = at,
		.body_size = n,
		.patience = PATIENCE };
	struct http_transfer *t = NULL;
	int64_t said_at = 0;
	int result = http_begin(r->http, &q, &t, e);

	secret_free(authorization);
	while (result == 0 && !http_is_done(t)) {
		result = http_step(r->http, NULL, 0, -1, e);
		say(u, at + http_sent(t), &said_at);
	}
	if (result < 0) {
		struct err ignored;
		if (t && http_end(t, ret, &ignored) == 0)
			http_reply_release(ret);
		return result;
	}
	return http_end(t, ret, e);
}

/* "0-1023" or "bytes=0-1023": how much has arrived. */
static uint64_t arrived(const char *range)
{
	auto_free char *digits = NULL;
	const char *dash = range ? strchr(range, '-') : NULL;
	uint64_t last;

	if (!dash)
		return 0;
	digits = xstrndup(dash + 1, strspn(dash + 1, "0123456789"));
	if (str_to_u64(digits, 0, INT64_MAX, &last) < 0 || last == 0)
		return 0; /* "0-0" is what some say of nothing */
	return last + 1;
}

/* After a failure: asks how far it has come. */
static int ask_how_far(struct upload *u, uint64_t *ret_at, struct err *e)
{
	struct http_request q = { .method = "GET", .url = u->location };
	auto_reply reply = { 0 };
	int r = registry_request(u->registry, &q, u->scope, &reply, e);

	if (r < 0)
		return r;
	if (reply.status != 204 && reply.status != 202 && reply.status != 200) {
		/* it is gone: from the start */
		u->from = NULL;
		*ret_at = 0;
		r = upload_begin(u, e);
		return r < 0 ? r : 0;
	}
	*ret_at = arrived(reply.range);
	if (*ret_at > u->size)
		return err_set(
			e, EPROTO, "'%s' has more of a layer than was sent", u->registry->host);
	return reply.location ? take_location(u, &reply, e) : 0;
}

static int pause_before(
	struct upload *u, const struct http_reply *reply, unsigned tries, struct err *e)
{
	int64_t wait, until, left;

	if (registry_retry(reply, tries, &wait, e) < 0)
		return -e->code;
	if (u->shown)
		event_layer(u->shown, STATUS_RETRYING, 0, u->size);
	until = time_monotonic() + wait;
	while ((left = until - time_monotonic()) > 0)
		if (http_step(u->registry->http, NULL, 0, (int)(left / 1000000) + 1, e) < 0)
			return -e->code;
	return 0;
}

/* Sends the pieces; what breaks is gone on with where the registry says. */
static int send_pieces(struct upload *u, int fd, struct err *e)
{
	unsigned tries = 0;
	uint64_t at = 0;

	while (at < u->size) {
		uint64_t n = u->size - at < PIECE ? u->size - at : PIECE;
		auto_reply reply = { 0 };
		int r = send_piece(u, fd, at, n, &reply, e);

		if (r == 0 && (reply.status == 202 || reply.status == 201 || reply.status == 204)) {
			if (take_location(u, &reply, e) < 0)
				return -e->code;
			at += n;
			tries = 0;
			continue;
		}
		if (r == 0 && reply.status == 401)
			r = registry_meet_challenge(
				u->registry, &reply, u->scope, tries ? "again" : NULL, e);
		else if (r == 0 && !registry_is_busy(reply.status) && reply.status != 416)
			return registry_failure(u->registry, &reply, "place for a layer", e);
		else if (r == 0)
			registry_failure(u->registry, &reply, "place for a layer", e);
		if ((r < 0 && r != -EAGAIN) || ++tries >= REGISTRY_TRIES)
			return -e->code;
		if (pause_before(u, r == 0 ? &reply : NULL, tries, e) < 0 ||
			ask_how_far(u, &at, e) < 0)
			return -e->code;
	}
	return 0;
}

int upload_send(struct upload *u, int fd, struct err *e)
{
	auto_free char *last = NULL;
	struct http_request q = { .method = "PUT", .patience = PATIENCE };
	auto_reply reply = { 0 };
	int r = send_pieces(u, fd, e);

	if (r < 0)
		return r;
	last = url_with(u->location, "digest", u->digest.text);
	q.url = last;
	r = registry_request(u->registry, &q, u->scope, &reply, e);
	if (r == 0 && reply.status != 201 && reply.status != 204)
		r = registry_failure(u->registry, &reply, "place for a layer", e);
	if (r == 0 && reply.digest && !str_eq(reply.digest, u->digest.text))
		r = err_set(
			e, EBADMSG, "'%s' has got another layer than was sent", u->registry->host);
	return r;
}
