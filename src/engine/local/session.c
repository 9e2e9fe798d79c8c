/* A session over a monitor's socket. */
#include "base/mem.h"
#include "base/proc.h"
#include "engine/local/local.h"
#include "engine/local/protocol.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define ATTACH_WAIT_MS 2000

struct local_session {
	struct session session;
	int fd;
	char packet[sizeof(struct frame) + FRAME_MAX];
};

static struct local_session *local_session_of(const struct session *s)
{
	return (struct local_session *)s; /* its first member */
}

static int get_fd(const struct session *s)
{
	return local_session_of(s)->fd;
}

static int next(struct session *session, struct session_event *ret, struct err *e)
{
	struct local_session *s = local_session_of(session);
	struct frame header;
	struct frame_exit end;
	bool reset = false;
	ssize_t n;

	for (;;) {
		n = recv(s->fd, s->packet, sizeof s->packet, 0);
		/* ECONNRESET comes once, before what is queued, when the other end has closed with
		 * input of ours unread (unix(7) sockets of type SOCK_SEQPACKET) */
		if (n < 0 && (errno == EINTR || (errno == ECONNRESET && !reset))) {
			reset = errno == ECONNRESET;
			continue;
		}
		if (n < (ssize_t)sizeof header) {
			*ret = (struct session_event){ .type = SESSION_LOST };
			return 0;
		}
		memcpy(&header, s->packet, sizeof header);
		*ret = (struct session_event){ .data = s->packet + sizeof header,
			.len = (size_t)n - sizeof header };
		switch (header.type) {
		case FRAME_STDOUT:
		case FRAME_STDERR:
			ret->type = SESSION_OUTPUT;
			ret->stream = header.type == FRAME_STDERR ? 2 : 1;
			return 0;
		case FRAME_EXIT:
			if (ret->len != sizeof end)
				return err_set(e, EPROTO, "the monitor speaks another language");
			memcpy(&end, ret->data, sizeof end);
			ret->type = SESSION_EXIT;
			ret->exit_code = end.code;
			ret->oom_kills = end.oom_kills;
			ret->memory_limit = end.memory_limit;
			return 0;
		default: /* not to be passed over: the next recv(2) would block */
			ret->type = SESSION_OTHER;
			return 0;
		}
	}
}

static int send_frame(int fd, enum frame_type type, const void *data, size_t len, struct err *e)
{
	struct frame header = { type, (uint32_t)len };
	struct iovec iov[2] = { { &header, sizeof header }, { (void *)data, len } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = len ? 2 : 1 };

	while (sendmsg(fd, &msg, MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			return err_errno(e, "cannot speak to the container's monitor");
	return 0;
}

static int send_input(struct session *s, const void *data, size_t len, struct err *e)
{
	const char *p = data;
	int r = 0;

	while (r == 0 && len) {
		size_t n = len < FRAME_MAX ? len : FRAME_MAX;
		r = send_frame(get_fd(s), FRAME_STDIN, p, n, e);
		p += n;
		len -= n;
	}
	return r;
}

static int close_stdin(struct session *s, struct err *e)
{
	return send_frame(get_fd(s), FRAME_STDIN_END, NULL, 0, e);
}

static int resize(struct session *s, unsigned rows, unsigned columns, struct err *e)
{
	struct frame_resize size = { (uint16_t)rows, (uint16_t)columns };

	return send_frame(get_fd(s), FRAME_RESIZE, &size, sizeof size, e);
}

static void close_session(struct session *s)
{
	close(get_fd(s));
	free(s);
}

static struct session *new_session(int fd, enum frame_type how)
{
	static const struct session_ops ops = { get_fd, next, send_input, close_stdin, resize,
		close_session };
	struct local_session *s = xcalloc(1, sizeof *s);

	struct err ignored;

	s->session.ops = &ops;
	s->fd = fd;
	/* a lost monitor shows at the first event */
	send_frame(fd, how, NULL, 0, &ignored);
	return &s->session;
}

struct session *local_session_new(int fd)
{
	return new_session(fd, FRAME_ATTACH);
}

int local_attach(struct engine *en, const char *id, const struct attach_options *options,
	struct session **ret, struct err *e)
{
	struct local *l = local_of(en);
	auto_container c = { 0 };
	struct local_status s;
	int fd;

	if (container_load(l, id, &c, e) < 0 || local_status(l, &c, &s, e) < 0)
		return -e->code;
	if (s.state == CONTAINER_PAUSED) {
		err_set(e, EBUSY, "'%s' is paused", c.config.name);
		return err_hint(e, "redock unpause %s", c.config.name);
	}
	if (s.state != CONTAINER_RUNNING) {
		err_set(e, ESRCH, "'%s' does not run", c.config.name);
		return err_hint(e, "redock start -a %s", c.config.name);
	}
	fd = monitor_watch(l, id, e);
	if (fd < 0)
		return fd;
	*ret = new_session(fd, options->stdin_open ? FRAME_ATTACH : FRAME_ATTACH_OUTPUT);
	/* FRAME_ATTACHED, which next() calls SESSION_OTHER: whoever has heard of the attachment may
	 * rely on it. Bounded, since a monitor that is stopped (SIGSTOP) must not hold the command
	 * up. */
	proc_await(fd, ATTACH_WAIT_MS);
	local_container_event(l, &c, "attach", NULL);
	return 0;
}
