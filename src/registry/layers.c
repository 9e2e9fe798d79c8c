/*
 * The layers of an image, several at once: each goes from its connection through a pipe into a
 * process that verifies and unpacks it meanwhile (store/ingest.h).  A slow disk pauses the
 * connection, a broken connection is made anew from where it broke.
 */
#include "base/mem.h"
#include "base/time.h"
#include "registry/events.h"
#include "registry/pull.h"

#include <fcntl.h>
#include <string.h>

#define PARALLEL 6
/* So much has to come for an attempt to count as none of the bounded number. */
#define PROGRESS  ((uint64_t)1 << 20)
#define SAY_EVERY ((int64_t)100000000)

enum layer_state {
	LAYER_WAITING,
	LAYER_LOADING,
	LAYER_BREAK,    /* until retry_at */
	LAYER_DRAINING, /* all of it is in the pipe */
	LAYER_DONE
};

struct layer {
	struct pull *pull;
	const struct descriptor *descriptor;
	size_t i;
	enum layer_state state;
	int pipe;
	struct http_transfer *transfer;
	char *authorization;
	uint64_t at;         /* bytes that have gone into the pipe, and were there before */
	uint64_t resumed;    /* of these, from an earlier attempt of another command */
	uint64_t attempt_at; /* where this attempt began */
	uint64_t skip;       /* of what the server sends once more, */
	uint64_t carry;      /* and of the piece that it is about to get once more */
	bool began, blocked, gone, again;
	unsigned tries, challenges;
	size_t place;
	int64_t retry_at, said_at;
};

static void say(struct layer *l, const char *status, bool always)
{
	int64_t now = time_monotonic();

	if (!always && now - l->said_at < SAY_EVERY)
		return;
	l->said_at = now;
	event_layer(l->descriptor->digest.text, status, l->at, l->descriptor->size);
}

/* An http_sink. */
static int take(void *arg, const void *data, size_t len, bool fresh)
{
	struct layer *l = arg;
	const char *from = data;
	size_t n = len;

	if (fresh && !l->began) /* it knows no ranges: what is here already is passed over */
		l->skip = l->attempt_at;
	l->began = true;
	if (l->skip >= n) {
		l->skip -= n;
		return 0;
	}
	from += l->skip + l->carry;
	n -= l->skip + l->carry;
	if (n > l->descriptor->size - l->at)
		return -EFBIG;
	while (n) {
		ssize_t w = write(l->pipe, from, n);
		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0 && errno == EAGAIN) {
			l->blocked = true;
			return -EAGAIN;
		}
		if (w < 0) {
			l->gone = true; /* its process says why */
			return -EPIPE;
		}
		from += w;
		n -= (size_t)w;
		l->carry += (size_t)w;
		l->at += (uint64_t)w;
	}
	l->skip = 0;
	l->carry = 0;
	say(l, STATUS_DOWNLOADING, false);
	return 0;
}

static void drained(struct layer *l)
{
	close_fd(&l->pipe);
	l->state = LAYER_DRAINING;
	say(l, STATUS_EXTRACTING, true);
}

/* Asks for what is missing. */
static int request(struct layer *l, struct err *e)
{
	struct pull *p = l->pull;
	struct registry *from = &p->places[l->place];
	auto_free char *path =
		xasprintf("/v2/%s/blobs/%s", p->remote.path, l->descriptor->digest.text);
	auto_free char *url = registry_url(from, path);
	struct http_request q = {
		.method = "GET", .url = url, .range_from = l->at, .sink = take, .sink_arg = l
	};

	secret_free(l->authorization);
	l->authorization = registry_authorization(from, url, p->scope);
	q.authorization = l->authorization;
	l->attempt_at = l->at;
	l->skip = l->carry = 0;
	l->began = l->blocked = false;
	l->state = LAYER_LOADING;
	return http_begin(p->http, &q, &l->transfer, e);
}

static int open_layer(struct layer *l, struct ingest *in, struct err *e)
{
	l->pipe = ingest_layer_open(in, l->i, &l->at, e);
	if (l->pipe < 0)
		return l->pipe;
	if (fcntl(l->pipe, F_SETFL, fcntl(l->pipe, F_GETFL) | O_NONBLOCK) < 0)
		return err_errno(e, "cannot prepare a pipe");
	/* as much as the kernel allows: fewer changes between the two processes */
	(void)fcntl(l->pipe, F_SETPIPE_SZ, 1 << 20);
	l->resumed = l->at;
	l->gone = false;
	if (l->at >= l->descriptor->size) {
		drained(l);
		return 0;
	}
	return request(l, e);
}

/* Another attempt from where this one ended, if one is worth it. */
static int break_off(struct layer *l, const struct http_reply *reply, struct err *e)
{
	int64_t wait;

	if (l->at - l->attempt_at >= PROGRESS)
		l->tries = 0;
	if (++l->tries >= REGISTRY_TRIES)
		return -e->code;
	if (registry_retry(reply, l->tries, &wait, e) < 0)
		return -e->code;
	err_clear(e);
	l->retry_at = time_monotonic() + wait;
	l->state = LAYER_BREAK;
	say(l, STATUS_RETRYING, true);
	return 0;
}

/* What the server said instead of bytes. */
static int refused(struct layer *l, const struct http_reply *reply, struct err *e)
{
	struct registry *from = &l->pull->places[l->place];
	struct origin o;

	if (reply->status == 401 && l->challenges++ < 3 && url_origin(reply->url, &o, e) == 0 &&
		origin_same(&o, &from->origin)) {
		int r = registry_meet_challenge(from, reply, l->pull->scope,
			l->challenges > 1 ? l->authorization : NULL, e);
		return r < 0 ? r : request(l, e);
	}
	registry_failure(from, reply, "such layer", e);
	return registry_is_busy(reply->status) ? break_off(l, reply, e) : -e->code;
}

/* An attempt is over. */
static int attempt_ended(struct layer *l, struct err *e)
{
	auto_reply reply = { 0 };
	int r = http_end(take_ptr(&l->transfer), &reply, e);

	if (l->gone) { /* nobody takes it any more */
		err_clear(e);
		drained(l);
		return 0;
	}
	if (r < 0)
		return r == -EAGAIN || r == -ECONNREFUSED ? break_off(l, NULL, e) : r;
	if (reply.status != 200 && reply.status != 206)
		return refused(l, &reply, e);
	if (l->at == l->descriptor->size) {
		drained(l);
		return 0;
	}
	err_set(e, EAGAIN, "layer '%.19s' ends too early", l->descriptor->digest.text);
	return break_off(l, NULL, e);
}

/* Its process has ended: it has the layer, or says why not. */
static int process_ended(struct layer *l, struct ingest *in, struct err *e)
{
	int r = ingest_layer_wait(in, l->i, e);
	struct http_reply ignored;
	struct err unused;

	close_fd(&l->pipe);
	if (l->transfer) {
		if (http_end(take_ptr(&l->transfer), &ignored, &unused) == 0)
			http_reply_release(&ignored);
	}
	if (r == 0) {
		l->state = LAYER_DONE;
		say(l, STATUS_PULLED, true);
		return 0;
	}
	/* what an earlier command left was no good, or a mirror's copy is not: once more, afresh */
	if (r == -EBADMSG && !l->again && (l->resumed || l->place + 1 < l->pull->n_places)) {
		l->again = true;
		if (!l->resumed)
			l->place++;
		l->tries = 0;
		err_clear(e);
		say(l, STATUS_RETRYING, true);
		return open_layer(l, in, e);
	}
	return r;
}

/* A failure that another place may not have. */
static int elsewhere(struct layer *l, int r, struct err *e)
{
	if (r == 0 || l->pipe < 0 || l->place + 1 >= l->pull->n_places)
		return r;
	err_clear(e);
	l->place++;
	l->tries = l->challenges = 0;
	return elsewhere(l, request(l, e), e);
}

static int tend(struct layer *l, struct ingest *in, const struct pollfd *process,
	const struct pollfd *pipe, struct err *e)
{
	int r = 0;

	if (process && process->revents)
		return process_ended(l, in, e);
	if (l->state == LAYER_LOADING && l->transfer && http_is_done(l->transfer))
		r = elsewhere(l, attempt_ended(l, e), e);
	else if (l->state == LAYER_LOADING && pipe && pipe->revents && l->blocked) {
		l->blocked = false;
		http_resume(l->transfer);
	} else if (l->state == LAYER_BREAK && time_monotonic() >= l->retry_at) {
		r = elsewhere(l, request(l, e), e);
	}
	return r;
}

struct watch {
	struct pollfd fds[2 * PARALLEL];
	struct pollfd *process[PARALLEL], *pipe[PARALLEL];
	struct layer *layers[PARALLEL];
	unsigned n, n_fds;
	int timeout;
};

/* Collects what the active layers wait for. */
static void watch_active(struct watch *w, struct layer *layers, size_t n, struct ingest *in)
{
	*w = (struct watch){ .timeout = -1 };
	for (size_t i = 0; i < n && w->n < PARALLEL; i++) {
		struct layer *l = &layers[i];
		int64_t left;
		if (l->state == LAYER_WAITING || l->state == LAYER_DONE)
			continue;
		w->layers[w->n] = l;
		w->fds[w->n_fds] = (struct pollfd){ ingest_layer_pidfd(in, l->i), POLLIN, 0 };
		w->process[w->n] = &w->fds[w->n_fds++];
		if (l->state == LAYER_LOADING && l->blocked) {
			w->fds[w->n_fds] = (struct pollfd){ l->pipe, POLLOUT, 0 };
			w->pipe[w->n] = &w->fds[w->n_fds++];
		}
		left = (l->retry_at - time_monotonic()) / 1000000 + 1;
		if (l->state == LAYER_BREAK && (w->timeout < 0 || left < w->timeout))
			w->timeout = left > 0 ? (int)left : 0;
		w->n++;
	}
}

static int run(struct pull *p, struct ingest *in, struct layer *layers, size_t n, struct err *e)
{
	struct watch w;

	for (;;) {
		size_t active = 0;
		for (size_t i = 0; i < n; i++)
			active += layers[i].state != LAYER_WAITING && layers[i].state != LAYER_DONE;
		for (size_t i = 0; i < n && active < PARALLEL; i++) {
			if (layers[i].state != LAYER_WAITING)
				continue;
			if (elsewhere(&layers[i], open_layer(&layers[i], in, e), e) < 0)
				return -e->code;
			active++;
		}
		if (active == 0)
			return 0;
		watch_active(&w, layers, n, in);
		if (http_step(p->http, w.fds, w.n_fds, w.timeout, e) < 0)
			return -e->code;
		for (unsigned i = 0; i < w.n; i++)
			if (tend(w.layers[i], in, w.process[i], w.pipe[i], e) < 0)
				return -e->code;
	}
}

static void release(struct layer *layers, size_t n)
{
	struct http_reply reply;
	struct err ignored;

	for (size_t i = 0; i < n; i++) {
		if (layers[i].transfer && http_end(layers[i].transfer, &reply, &ignored) == 0)
			http_reply_release(&reply);
		close_fd(&layers[i].pipe);
		secret_free(layers[i].authorization);
	}
	free(layers);
}

int pull_layers(struct pull *p, struct ingest *in, struct err *e)
{
	const struct manifest *m = ingest_get_manifest(in);
	struct layer *layers = xcalloc(m->n_parts + 1, sizeof *layers);
	size_t n = 0;
	int r;

	for (size_t i = 0; i < m->n_parts; i++) {
		const struct descriptor *d = &m->parts[i];
		if (!ingest_wants_layer(in, i)) {
			event_layer(d->digest.text, STATUS_HAVE, d->size, d->size);
			continue;
		}
		layers[n] = (struct layer){
			.pull = p, .descriptor = d, .i = i, .pipe = -1, .place = p->place
		};
		event_layer(d->digest.text, STATUS_WAITING, 0, d->size);
		n++;
	}
	r = run(p, in, layers, n, e);
	release(layers, n);
	return r;
}
