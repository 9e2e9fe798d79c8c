/* The sessions of test_cli_fake.h: a shell command of the host and a small monitor that pumps. */
#include "test_cli_fake.h"
#include "base/mem.h"
#include "base/proc.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

struct fake_session {
	struct session session;
	int fd;
	char block[70000];
};

/* One message: its first byte tells what it is. */
static void say(int fd, char type, const void *data, size_t len)
{
	char block[70000] = { type };

	memcpy(block + 1, data, len);
	if (send(fd, block, len + 1, MSG_NOSIGNAL) < 0 && type == 'x')
		_exit(0); /* others: pump_client() finds the same */
}

struct pump {
	int client, in, streams[2];
	pid_t child;
	char input[70000];
	size_t len, done;
};

static void pump_input(struct pump *p)
{
	ssize_t n = write(p->in, p->input + p->done, p->len - p->done);

	if (n < 0 && errno != EAGAIN)
		close_fd(&p->in);
	else if (n > 0)
		p->done += (size_t)n;
	if (p->in < 0 || p->done == p->len)
		p->len = p->done = 0;
}

static void pump_client(struct pump *p)
{
	char block[70000];
	ssize_t n = recv(p->client, block, sizeof block, 0);

	if (n <= 0) { /* detached: a container would go on, a test must leave nothing behind */
		kill(-p->child, SIGKILL);
		_exit(0);
	}
	if (block[0] == 'e')
		close_fd(&p->in);
	if (block[0] == 'i' && p->in >= 0) {
		p->len = (size_t)n - 1;
		memcpy(p->input, block + 1, p->len);
	}
}

static void pump_stream(struct pump *p, int i)
{
	char block[65536];
	ssize_t n = read(p->streams[i], block, sizeof block);

	if (n > 0)
		say(p->client, i ? '2' : '1', block, (size_t)n);
	else
		close_fd(&p->streams[i]);
}

__attribute__((noreturn)) static void monitor(struct pump *p)
{
	int status;

	signal(SIGPIPE, SIG_IGN);
	fcntl(p->in, F_SETFL, O_NONBLOCK);
	while (p->streams[0] >= 0 || p->streams[1] >= 0) {
		struct pollfd fds[4] = {
			{ p->client, p->len && p->in >= 0 ? 0 : POLLIN,
				0 }, /* a hang-up counts always */
			{ p->len ? p->in : -1, POLLOUT, 0 },
			{ p->streams[0], POLLIN, 0 },
			{ p->streams[1], POLLIN, 0 },
		};
		if (poll(fds, 4, -1) < 0)
			continue;
		if (fds[0].revents)
			pump_client(p);
		if (fds[1].revents)
			pump_input(p);
		for (int i = 0; i < 2; i++)
			if (fds[2 + i].revents)
				pump_stream(p, i);
	}
	status = proc_wait(p->child);
	say(p->client, 'x', &status, sizeof status);
	_exit(0);
}

static void run_container(struct fake_engine *engine, int client)
{
	int in[2], out[2], err[2];
	sigset_t none;
	pid_t child;

	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0)
		_exit(99);
	child = fork();
	if (child == 0) {
		auto_str command = STR_INIT(4096);

		/* words are given without blanks: "a_b" is "a b" */
		str_add(&command, engine->session_command);
		for (size_t i = 0; i < command.len; i++)
			if (command.data[i] == '_')
				command.data[i] = ' ';
		setpgid(0, 0);
		dup2(in[0], 0), dup2(out[1], 1), dup2(err[1], 2);
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		signal(SIGPIPE, SIG_DFL);
		execl("/bin/sh", "sh", "-c", str_text(&command), (char *)NULL);
		_exit(127);
	}
	setpgid(child, child);
	*engine->session_pid = child;
	close(in[0]), close(out[1]), close(err[1]);
	close(0), close(1), close(2);
	monitor(&(struct pump){
		.client = client,
		.in = in[1],
		.streams = { out[0], err[0] },
		.child = child,
	});
}

static int fake_fd(const struct session *s)
{
	return ((const struct fake_session *)s)->fd;
}

static int fake_next(struct session *session, struct session_event *ret, struct err *e)
{
	struct fake_session *s = (struct fake_session *)session;
	ssize_t n;

	/* a peer that closes with our input unread resets us, once, before what it sent last */
	do
		n = recv(s->fd, s->block, sizeof s->block, 0);
	while (n < 0 && (errno == EINTR || errno == ECONNRESET));
	*ret = (struct session_event){ .type = SESSION_LOST };
	if (n <= 0)
		return 0;
	if (s->block[0] == 'x') {
		ret->type = SESSION_EXIT;
		memcpy(&ret->exit_code, s->block + 1, sizeof ret->exit_code);
		return 0;
	}
	ret->type = SESSION_OUTPUT;
	ret->stream = s->block[0] - '0';
	ret->data = s->block + 1;
	ret->len = (size_t)n - 1;
	return 0;
}

static int send_message(struct session *session, char type, const void *data, size_t len)
{
	struct fake_session *s = (struct fake_session *)session;
	char block[70000] = { type };

	if (len)
		memcpy(block + 1, data, len);
	/* must never block: the loop asks only when there is room */
	if (send(s->fd, block, len + 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return -errno;
	return 0;
}

static int fake_send(struct session *s, const void *data, size_t len, struct err *e)
{
	int r = send_message(s, 'i', data, len);

	if (r == -EAGAIN)
		abort();
	return r;
}

static int fake_close_stdin(struct session *s, struct err *e)
{
	return send_message(s, 'e', NULL, 0);
}

static int fake_resize(struct session *s, unsigned rows, unsigned columns, struct err *e)
{
	note("resize %ux%u\n", rows, columns);
	return 0;
}

static void fake_close(struct session *s)
{
	close(((struct fake_session *)s)->fd);
	free(s);
}

static const struct session_ops fake_session_ops = {
	.fd = fake_fd,
	.next = fake_next,
	.send = fake_send,
	.close_stdin = fake_close_stdin,
	.resize = fake_resize,
	.close = fake_close,
};

int fake_session(struct fake_engine *engine, struct session **ret, struct err *e)
{
	struct fake_session *s;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_errno(e, "socketpair");
	if (fork() == 0) {
		close(pair[0]);
		run_container(engine, pair[1]);
	}
	close(pair[1]);
	s = xcalloc(1, sizeof *s);
	s->session.ops = &fake_session_ops;
	s->fd = pair[0];
	*ret = &s->session;
	return 0;
}
