/* Moves bytes between the container, its log and its clients: the loop that a monitor is in. */
#include "base/mem.h"
#include "base/time.h"
#include "engine/local/monitor/monitor.h"
#include "runtime/cgroup.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define OUTPUT_BLOCK 65536
#define DRAIN_MAX    1024 /* reads: more than a pipe can hold, 1 MiB in blocks of at least a page */

static void set_nonblocking(int fd)
{
	int flags = fd < 0 ? -1 : fcntl(fd, F_GETFL);

	if (flags >= 0)
		fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

void monitor_set_nonblocking(struct process *p)
{
	set_nonblocking(p->std_in);
	set_nonblocking(p->std_out);
	set_nonblocking(p->std_err);
	set_nonblocking(p->pty);
}

/* Output of the container: to the log and to whoever is attached. Returns false at its end. */
static bool take_output(struct monitor *m, int *fd, int stream)
{
	char block[OUTPUT_BLOCK];
	ssize_t n = read(*fd, block, sizeof block);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) { /* EIO is how a terminal says that nobody has it open any more */
		if (n == 0 || !m->spec.tty)
			close_fd(fd);
		return false;
	}
	log_add(&m->log, stream, block, (size_t)n);
	for (ssize_t at = 0; at < n; at += FRAME_MAX)
		clients_output(&m->clients, stream == 2 ? FRAME_STDERR : FRAME_STDOUT, block + at,
			n - at < (ssize_t)FRAME_MAX ? (size_t)(n - at) : FRAME_MAX);
	return true;
}

static int *input_fd(struct monitor *m)
{
	return m->spec.tty ? &m->process.pty : &m->process.std_in;
}

static void flush_input(struct monitor *m)
{
	while (m->input_len && *input_fd(m) >= 0) {
		ssize_t n = write(*input_fd(m), m->input, m->input_len);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0 && errno != EINTR) { /* nobody reads it: EPIPE */
			m->input_len = 0;
			break;
		}
		if (n > 0) {
			m->input_len -= (size_t)n;
			memmove(m->input, m->input + n, m->input_len);
		}
	}
	free(m->input);
	m->input = NULL;
	m->input_len = 0;
	if (m->input_ended && !m->spec.tty)
		close_fd(&m->process.std_in);
}

static void give_input(struct monitor *m, const char *data, size_t len)
{
	if (!len || *input_fd(m) < 0)
		return;
	m->input = xmalloc(len);
	memcpy(m->input, data, len);
	m->input_len = len;
	flush_input(m);
}

static void end_input(struct monitor *m)
{
	m->input_ended = true;
	flush_input(m);
}

static void handle_frame(
	struct monitor *m, struct client *c, uint32_t type, const char *data, size_t len)
{
	struct frame_resize size;

	switch (type) {
	case FRAME_ATTACH:
		c->feeds = true;
		/* fall through */
	case FRAME_ATTACH_OUTPUT:
		c->attached = true;
		if (!c->starter)
			client_send(c, FRAME_ATTACHED, NULL, 0);
		/* fall through */
	case FRAME_WATCH:
		if (!clients_watch(&m->clients, c))
			break;
		if (m->state.ready)
			client_send(c, FRAME_READY, NULL, 0);
		if (m->life.state == LIFE_WAITING)
			client_send(c, FRAME_WAITING, NULL, 0);
		break;
	case FRAME_STDIN:
		if (c->watching)
			give_input(m, data, len);
		break;
	case FRAME_STDIN_END:
		/* the input of one that was started detached stays open, as Docker's (StdinOnce) */
		if (c->starter)
			end_input(m);
		break;
	case FRAME_STOP:
		life_step(&m->life, LIFE_STOPPED, 0, 0);
		/* it was told to one that waited, and has just been started instead */
		if (m->process.pidfd >= 0)
			syscall(SYS_pidfd_send_signal, m->process.pidfd, SIGKILL, NULL, 0);
		break;
	case FRAME_UPDATE:
		monitor_update(m);
		break;
	case FRAME_RESIZE:
		if (len == sizeof size && m->process.pty >= 0) {
			memcpy(&size, data, sizeof size);
			struct winsize w = { .ws_row = size.rows, .ws_col = size.columns };
			ioctl(m->process.pty, TIOCSWINSZ, &w);
		}
		break;
	}
}

/* `exec` is asked for by one that says nothing else, on a socket of its own. */
static void handle_exec(struct monitor *m, struct client *c, const int fds[2])
{
	if (fds[1] >= 0)
		monitor_exec(m, fds[0], fds[1]);
	client_drop(c);
}

/* A packet, and the two descriptors that may come with it. */
static ssize_t receive(int socket, void *packet, size_t size, int fds[2])
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(2 * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { packet, size };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof control };
	ssize_t n = recvmsg(socket, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n >= 0 && msg.msg_controllen >= CMSG_LEN(sizeof(int)))
		memcpy(fds, CMSG_DATA(&control.header), control.header.cmsg_len - CMSG_LEN(0));
	return n;
}

static void hear_client(struct monitor *m, struct client *c)
{
	char packet[sizeof(struct frame) + FRAME_MAX];
	int fds[2] = { -1, -1 };
	struct frame header;
	ssize_t n = receive(c->fd, packet, sizeof packet, fds);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n >= (ssize_t)sizeof header)
		memcpy(&header, packet, sizeof header);
	if (n < (ssize_t)sizeof header || header.len != (size_t)n - sizeof header)
		client_drop(c);
	else if (header.type == FRAME_EXEC)
		handle_exec(m, c, fds);
	else
		handle_frame(m, c, header.type, packet + sizeof header, header.len);
	close_fd(&fds[0]);
	close_fd(&fds[1]);
}

static void take_notification(struct monitor *m)
{
	char text[1024];
	struct err ignored;
	ssize_t n = recv(m->process.notify, text, sizeof text - 1, MSG_DONTWAIT);

	if (n <= 0 || m->state.ready)
		return;
	text[n] = '\0';
	for (char *save = NULL, *line = strtok_r(text, "\n", &save); line;
		line = strtok_r(NULL, "\n", &save)) {
		if (!str_eq(line, "READY=1"))
			continue;
		m->state.ready = true;
		monitor_write_state(m, &ignored);
		clients_tell(&m->clients, FRAME_READY, NULL, 0);
	}
}

/* `notified`: by version 1's eventfd, which tells of a kill before it is counted. */
static void tell_oom(struct monitor *m, bool notified)
{
	uint64_t kills = cgroup_oom_kills(m->spec.cgroup);

	if (notified && kills == m->oom_told)
		kills++;
	if (kills <= m->oom_told)
		return;
	m->oom_told = kills;
	monitor_event(m, "oom", NULL);
}

static void take_oom(struct monitor *m)
{
	bool notified = m->oom_events == POLLIN;
	char text[1024];

	/* both kinds are read to be armed again: an eventfd, or a file from its beginning */
	lseek(m->oom, 0, SEEK_SET);
	if (read(m->oom, text, sizeof text) < 0 && errno != EAGAIN)
		close_fd(&m->oom);
	tell_oom(m, notified);
}

void monitor_look_at_memory(struct monitor *m)
{
	if (m->oom >= 0)
		return;
	monitor_watch_memory(m);
	if (m->oom >= 0)
		tell_oom(m, false);
}

enum {
	P_INIT,
	P_OUT,
	P_ERR,
	P_PTY,
	P_NOTIFY,
	P_LISTEN,
	P_PORTS,
	P_INPUT,
	P_OOM,
	P_LOG,
	P_GUESTS,
	P_PROBE,
	P_CLIENTS = P_PROBE + PROBE_FDS
};

/* Milliseconds until the next attempt, or until the health check wants to be looked after; -1 while
 * there is nothing to wait for. */
static int wait_time(const struct monitor *m)
{
	int64_t due = m->life.state == LIFE_WAITING ? m->due : probe_due(m), left;

	if (due == 0)
		return -1;
	left = (due - time_monotonic() + 999999) / 1000000;
	return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

/* There is one buffer for input: while the container does not take it, others wait with theirs. One
 * that is new has none. */
static bool may_speak(const struct monitor *m, const struct client *c)
{
	return m->input_len == 0 || !c->watching;
}

bool monitor_turn(struct monitor *m, bool only_clients)
{
	struct pollfd p[P_CLIENTS + CLIENTS_MAX];
	bool behind = clients_are_behind(&m->clients);
	/* who does not read holds the container up, as a pipe would; nothing is lost */
	short output = behind ? 0 : POLLIN;
	bool idle_input = m->input_len == 0, fed = clients_feed(&m->clients);

	for (int i = 0; i < P_CLIENTS; i++)
		p[i] = (struct pollfd){ .fd = -1 };
	if (!only_clients) {
		p[P_INIT] = (struct pollfd){ m->process.pidfd, POLLIN, 0 };
		p[P_OUT] = (struct pollfd){ output ? m->process.std_out : -1, output, 0 };
		p[P_ERR] = (struct pollfd){ output ? m->process.std_err : -1, output, 0 };
		p[P_PTY] = (struct pollfd){ output ? m->process.pty : -1, output, 0 };
		p[P_NOTIFY] = (struct pollfd){ m->process.notify, POLLIN, 0 };
		/* without a place they wait: one that wants no more than an exec is gone at once */
		p[P_LISTEN] = (struct pollfd){ clients_have_place(&m->clients) ? m->listener : -1,
			POLLIN, 0 };
		p[P_PORTS] = (struct pollfd){ m->ports.epoll, POLLIN, 0 };
		probe_poll(m, p + P_PROBE);
		p[P_LOG] = (struct pollfd){ log_wait_fd(&m->log), POLLIN, 0 };
		p[P_GUESTS] = (struct pollfd){ m->guests, POLLIN, 0 };
		p[P_OOM] = (struct pollfd){ m->oom, m->oom_events, 0 };
		p[P_INPUT] = (struct pollfd){ idle_input ? -1 : *input_fd(m), POLLOUT, 0 };
	}
	for (int i = 0; i < CLIENTS_MAX; i++) {
		const struct client *c = &m->clients.v[i];
		p[P_CLIENTS + i] = (struct pollfd){ c->fd,
			(short)((may_speak(m, c) && !only_clients ? POLLIN : 0) |
				(c->first ? POLLOUT : 0)),
			0 };
	}
	if (poll(p, ARRAY_SIZE(p), only_clients ? -1 : wait_time(m)) < 0)
		return true;
	for (int i = 0; i < CLIENTS_MAX; i++) {
		struct client *c = &m->clients.v[i];
		if (c->fd >= 0 && p[P_CLIENTS + i].revents & POLLOUT)
			client_flush(c);
		if (c->fd >= 0 && p[P_CLIENTS + i].revents & POLLIN && may_speak(m, c))
			hear_client(m, c);
		else if (c->fd >= 0 && p[P_CLIENTS + i].revents & (POLLHUP | POLLERR))
			client_drop(c);
	}
	if (fed && !clients_feed(&m->clients)) /* its command died: nobody will say more */
		end_input(m);
	if (p[P_OUT].revents)
		take_output(m, &m->process.std_out, 1);
	if (p[P_ERR].revents && !clients_are_behind(&m->clients))
		take_output(m, &m->process.std_err, 2);
	if (p[P_PTY].revents)
		take_output(m, &m->process.pty, 1);
	if (p[P_NOTIFY].revents)
		take_notification(m);
	if (p[P_INPUT].revents)
		flush_input(m);
	if (p[P_LOG].revents)
		log_turn(&m->log);
	if (p[P_OOM].revents)
		take_oom(m);
	if (!only_clients && !p[P_INIT].revents)
		probe_turn(m, p + P_PROBE);
	if (p[P_PORTS].revents)
		ports_turn_away(&m->ports);
	if (p[P_GUESTS].revents)
		monitor_exec_reap(m);
	if (p[P_LISTEN].revents) {
		int fd = accept4(m->listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			clients_add(&m->clients, fd, false);
	}
	if (m->life.state == LIFE_WAITING && wait_time(m) == 0)
		life_step(&m->life, LIFE_DUE, 0, 0);
	return !p[P_INIT].revents;
}

void monitor_drain(struct monitor *m)
{
	/* bounded: somebody else, whom it gave a pipe to, may go on writing */
	for (int i = 0; i < DRAIN_MAX && m->process.std_out >= 0; i++)
		if (!take_output(m, &m->process.std_out, 1))
			break;
	for (int i = 0; i < DRAIN_MAX && m->process.std_err >= 0; i++)
		if (!take_output(m, &m->process.std_err, 2))
			break;
	for (int i = 0; i < DRAIN_MAX && m->process.pty >= 0; i++)
		if (!take_output(m, &m->process.pty, 1))
			break;
	log_finish(&m->log);
}

void monitor_reset_io(struct monitor *m)
{
	process_release(&m->process);
	m->process.pid = 0;
	free(m->input);
	m->input = NULL;
	m->input_len = 0;
	m->input_ended = false;
	clients_dismiss(&m->clients);
}
