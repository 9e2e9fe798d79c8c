#include "engine/local/monitor/ring.h"
#include "base/mem.h"
#include "base/proc.h"

#include <poll.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHUNK_MAX 32768u /* one packet; a line always fits */

struct chunk {
	struct chunk *next;
	uint64_t lines; /* and those that they say are lost: what is gone with it */
	size_t len;
	char data[CHUNK_MAX];
};

struct ring {
	size_t max, used; /* bytes that wait, and may */
	struct chunk *first, *last;
	uint64_t lost;        /* lines that nobody has been told of */
	uint64_t lines;       /* that the writer has not confirmed */
	unsigned unconfirmed; /* packets */
	int socket;           /* to the writer, -1 while there is none */
	pid_t writer;
	int dir;
	ring_write *write;
	void *arg;
};

struct ring *ring_new(size_t max, int dir, ring_write *write, void *arg)
{
	struct ring *r = xcalloc(1, sizeof *r);

	*r = (struct ring){ .max = max, .socket = -1, .dir = dir, .write = write, .arg = arg };
	return r;
}

/* Each packet is confirmed when it is written. The monitor's end is the end of it all. */
__attribute__((noreturn)) static void writer_main(struct ring *r, int socket)
{
	int keep[] = { socket, r->dir };
	char *packet = xmalloc(CHUNK_MAX);
	ssize_t n;

	prctl(PR_SET_NAME, "redock-log");
	proc_close_others(3, keep, ARRAY_SIZE(keep));
	while ((n = recv(socket, packet, CHUNK_MAX, 0)) > 0 || (n < 0 && errno == EINTR)) {
		struct ring_line line;
		for (size_t at = 0; n > 0 && at + sizeof line <= (size_t)n; at += line.len) {
			memcpy(&line, packet + at, sizeof line);
			at += sizeof line;
			r->write(r->arg, &line, packet + at);
		}
		r->write(r->arg, NULL, NULL);
		if (send(socket, "", 1, MSG_NOSIGNAL) < 0)
			continue; /* the monitor is gone: what it has sent is still here */
	}
	_exit(0);
}

static void start_writer(struct ring *r)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return;
	r->writer = fork();
	if (r->writer == 0)
		writer_main(r, pair[1]);
	close(pair[1]);
	if (r->writer < 0)
		close(pair[0]);
	else
		r->socket = pair[0];
}

/* What it had is lost, for all we know; the next line gets another writer. */
static void bury_writer(struct ring *r)
{
	close_fd(&r->socket);
	waitpid(r->writer, NULL, 0);
	r->lost += r->lines;
	r->lines = 0;
	r->unconfirmed = 0;
}

static void drop_first(struct ring *r)
{
	struct chunk *c = r->first;

	r->first = c->next;
	if (!r->first)
		r->last = NULL;
	r->used -= c->len;
	free(c);
}

void ring_free(struct ring *r)
{
	if (!r)
		return;
	while (r->first)
		drop_first(r);
	close_fd(&r->socket);
	free(r);
}

/* Where `len` more bytes go; NULL: nowhere. One that is alone may be larger than all the room. */
static struct chunk *room_for(struct ring *r, size_t len)
{
	if (r->used && r->used + len > r->max)
		return NULL;
	if (!r->last || r->last->len + len > CHUNK_MAX) {
		struct chunk *c = xmalloc(sizeof *c);
		c->next = NULL;
		c->lines = c->len = 0;
		if (r->last)
			r->last->next = c;
		else
			r->first = c;
		r->last = c;
	}
	return r->last;
}

void ring_add(struct ring *r, const struct ring_line *line, const char *data)
{
	struct ring_line header = *line;
	size_t len = sizeof header + line->len;
	struct chunk *c = line->len <= RING_LINE_MAX ? room_for(r, len) : NULL;

	if (!c) {
		r->lost++;
		return;
	}
	header.lost = r->lost;
	r->lost = 0;
	memcpy(c->data + c->len, &header, sizeof header);
	memcpy(c->data + c->len + sizeof header, data, line->len);
	c->len += len;
	c->lines += 1 + header.lost;
	r->used += len;
}

static int send_packet(struct ring *r, const void *data, size_t len)
{
	ssize_t n;

	if (r->socket < 0)
		start_writer(r);
	if (r->socket < 0)
		return -EAGAIN;
	do
		n = send(r->socket, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	r->unconfirmed++;
	return 0;
}

void ring_turn(struct ring *r)
{
	char confirmed;

	while (r->unconfirmed) {
		ssize_t n = recv(r->socket, &confirmed, sizeof confirmed, MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			bury_writer(r);
			break;
		}
		r->unconfirmed--;
		r->lines = 0;
	}
	while (r->first && !r->unconfirmed) {
		int sent = send_packet(r, r->first->data, r->first->len);
		if (sent == -EAGAIN)
			return;
		r->lines = r->first->lines;
		if (sent < 0)
			bury_writer(r);
		drop_first(r);
	}
}

int ring_fd(const struct ring *r)
{
	return r->unconfirmed ? r->socket : -1;
}

void ring_drain(struct ring *r, int wait_ms)
{
	int64_t deadline = time_monotonic() + (int64_t)wait_ms * 1000000;
	struct ring_line note = { 0 };

	for (ring_turn(r); ring_fd(r) >= 0; ring_turn(r)) {
		int64_t left = (deadline - time_monotonic()) / 1000000;
		struct pollfd p = { ring_fd(r), POLLIN, 0 };
		if (left <= 0 || (poll(&p, 1, (int)left) < 0 && errno != EINTR))
			break;
	}
	while (r->first) {
		r->lost += r->first->lines;
		drop_first(r);
	}
	/* nobody may come after this who could tell it: it is said when the writer goes on */
	note.lost = r->lost;
	if (r->lost && send_packet(r, &note, sizeof note) == 0)
		r->lost = 0;
}
