#include "cli/attach.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/detach.h"
#include "cli/progress.h"
#include "cli/terminal.h"
#include "cli/text.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

#define INPUT_MAX  4096      /* small enough for a writable socket to take it whole */
#define OUTPUT_MAX (1 << 24) /* bound of one event's data */
#define ORPHAN_MAX (1 << 20) /* more than all pipes and sockets on the way can hold */
#define PATIENCE   3         /* so many interrupts, as in Docker, and we leave */

struct loop {
	const struct attach *a;
	struct session *session;
	struct detach detach;
	int signals;
	bool raw, finished;
	int status;
	unsigned oom_kills;
	int64_t memory_limit;

	char input[INPUT_MAX + DETACH_KEYS_MAX]; /* read, not yet sent */
	size_t input_len;
	bool input_open;

	struct str output; /* received, not yet written */
	size_t output_done;
	int output_fd;
	bool orphaned[3]; /* nobody reads this fd any more */
	uint64_t dropped; /* bytes for orphaned fds */
	bool killed;
	int write_error;
	unsigned interrupts;
};

static sigset_t loop_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGWINCH);
	return set;
}

int attach_signals(struct err *e)
{
	sigset_t set = loop_signals();
	int fd = signalfd(-1, &set, SFD_CLOEXEC);

	if (fd < 0)
		return err_errno(e, "cannot make a signalfd");
	signal(SIGPIPE, SIG_IGN); /* write(2) tells */
	sigprocmask(SIG_BLOCK, &set, NULL);
	return fd;
}

void attach_signals_end(int *fd)
{
	sigset_t set = loop_signals();

	if (*fd >= 0) {
		sigprocmask(SIG_UNBLOCK, &set, NULL);
		signal(SIGPIPE, SIG_DFL);
	}
	close_fd(fd);
}

static void finish(struct loop *l, int status)
{
	l->finished = true;
	l->status = status;
}

static void stop_input(struct loop *l)
{
	l->input_open = false;
	l->input_len = 0;
}

static void resize(struct loop *l)
{
	struct err ignored = { 0 };
	unsigned rows, columns;

	if (l->a->tty && (terminal_size(1, &rows, &columns) || terminal_size(0, &rows, &columns)))
		session_resize(l->session, rows, columns, &ignored);
}

/* The reader of our output is gone: the program gets what it would get in a pipeline. */
static void orphan(struct loop *l, int fd, int code)
{
	struct err ignored = { 0 };

	l->orphaned[fd] = true;
	if (code != EPIPE && !l->write_error)
		l->write_error = code;
	if (l->a->guest) {
		finish(l, 128 + SIGPIPE);
		return;
	}
	engine_kill(l->a->engine, l->a->id, SIGPIPE, &ignored);
}

/* One that goes on writing although it got SIGPIPE would run for ever, unseen. */
static void drop(struct loop *l, size_t len)
{
	struct err ignored = { 0 };

	l->dropped += len;
	if (l->dropped <= ORPHAN_MAX || l->killed)
		return;
	l->killed = true;
	engine_kill(l->a->engine, l->a->id, SIGKILL, &ignored);
}

/* A pipe or terminal that poll(2) calls writable takes PIPE_BUF bytes without blocking. */
static size_t write_size(int fd, size_t len)
{
	struct stat st;

	if (len <= 4096 || (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)))
		return len;
	return 4096;
}

static void write_output(struct loop *l)
{
	const char *data = str_text(&l->output) + l->output_done;
	size_t len = l->output.len - l->output_done;
	ssize_t n = write(l->output_fd, data, write_size(l->output_fd, len));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n < 0) {
		orphan(l, l->output_fd, errno);
		n = (ssize_t)len;
	}
	l->output_done += (size_t)n;
	if (l->output_done == l->output.len) {
		str_truncate(&l->output, 0);
		l->output_done = 0;
	}
}

static int lost(struct loop *l, struct err *e)
{
	err_set(e, EPIPE, "the connection to container '%s' is lost; it may still run", l->a->name);
	return err_hint(e, "redock ps -a");
}

static int take_event(struct loop *l, struct err *e)
{
	struct session_event event = { 0 };
	int r = session_next(l->session, &event, e);

	if (r < 0)
		return r;
	switch (event.type) {
	case SESSION_OUTPUT:
		l->output_fd = event.stream == 2 ? 2 : 1;
		if (l->orphaned[l->output_fd])
			drop(l, event.len);
		else if (!l->a->streams || l->a->streams & l->output_fd)
			str_add_data(&l->output, event.data, event.len);
		return 0;
	case SESSION_EXIT:
		l->oom_kills = event.oom_kills;
		l->memory_limit = event.memory_limit;
		finish(l, event.exit_code);
		return 0;
	case SESSION_OTHER:
		return 0;
	default:
		return lost(l, e);
	}
}

static void leave(struct loop *l, int status)
{
	terminal_restore();
	if (isatty(2) && !l->a->cli->quiet)
		fputc('\n', stderr); /* the container's own line is not at its end */
	cli_note(l->a->cli, "detached from '%s', which goes on running", l->a->name);
	finish(l, status);
}

static int read_input(struct loop *l, struct err *e)
{
	char block[INPUT_MAX];
	ssize_t n = read(0, block, sizeof block);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n <= 0) { /* a read error is the end, too: EIO is a terminal that hung up */
		struct err ignored = { 0 };
		stop_input(l);
		session_close_stdin(l->session, &ignored);
		return 0;
	}
	if (!l->raw) {
		memcpy(l->input, block, (size_t)n);
		l->input_len = (size_t)n;
	} else if (detach_scan(&l->detach, block, (size_t)n, l->input, &l->input_len)) {
		leave(l, 0);
	}
	return 0;
}

static void send_input(struct loop *l)
{
	struct err ignored = { 0 };
	int r = session_send(l->session, l->input, l->input_len, &ignored);

	if (r == -EAGAIN || r == -EINTR)
		return;
	l->input_len = 0;
	if (r < 0) /* the program closed its input or ended; what it has to say still comes */
		stop_input(l);
}

static void take_signal(struct loop *l)
{
	struct signalfd_siginfo info;
	struct err ignored = { 0 };
	int n;

	if (read(l->signals, &info, sizeof info) != sizeof info)
		return;
	n = (int)info.ssi_signo;
	if (n == SIGWINCH) {
		resize(l);
		return;
	}
	/* keys come as bytes then, so this was sent to us by somebody else */
	if (l->raw || l->a->no_signals) {
		leave(l, 128 + n);
		return;
	}
	if ((n == SIGINT || n == SIGTERM) && ++l->interrupts >= PATIENCE) {
		leave(l, 128 + n);
		return;
	}
	engine_kill(l->a->engine, l->a->id, n, &ignored);
}

/* What to wait for follows from what is in the two buffers; an fd that must not wake us is left
 * out altogether, since poll(2) reports a hang-up unasked. */
static void prepare(const struct loop *l, struct pollfd fds[4])
{
	bool pending = l->output.len > 0;

	fds[0] = (struct pollfd){ l->signals, POLLIN, 0 };
	fds[1] = (struct pollfd){ session_fd(l->session), 0, 0 };
	fds[1].events = (short)((pending ? 0 : POLLIN) | (l->input_len ? POLLOUT : 0));
	if (!fds[1].events)
		fds[1].fd = -1;
	fds[2] = (struct pollfd){ l->input_open && !l->input_len ? 0 : -1, POLLIN, 0 };
	fds[3] = (struct pollfd){ pending ? l->output_fd : -1, POLLOUT, 0 };
}

static int step(struct loop *l, struct err *e)
{
	struct pollfd fds[4];

	prepare(l, fds);
	if (poll(fds, 4, -1) < 0)
		return errno == EINTR ? 0 : err_errno(e, "cannot wait for the container");
	if (fds[0].revents)
		take_signal(l);
	if (!l->finished && fds[3].revents)
		write_output(l);
	if (!l->finished && fds[1].revents & POLLOUT)
		send_input(l);
	else if (!l->finished && fds[1].revents && !(fds[1].events & POLLIN))
		stop_input(l); /* hung up while output waits: nobody takes the input */
	if (!l->finished && fds[2].revents)
		read_input(l, e);
	if (!l->finished && fds[1].revents & ~POLLOUT && fds[1].events & POLLIN)
		return take_event(l, e);
	return 0;
}

static int exit_status(const struct loop *l, struct err *e)
{
	if (l->write_error) {
		errno = l->write_error;
		return err_errno(e, "cannot write the container's output");
	}
	if (l->status < 0)
		return err_set(e, ECHILD, "the exit code of container '%s' is unknown", l->a->name);
	return l->status;
}

/* An exit status of 137 says less than a person wants to know. */
static void note_oom(const struct loop *l)
{
	char limit[16] = "";

	if (!l->oom_kills)
		return;
	if (l->memory_limit > 0)
		text_size_binary((uint64_t)l->memory_limit, limit);
	cli_note(l->a->cli, "out of memory: %u %s killed %s%s", l->oom_kills,
		l->oom_kills == 1 ? "process" : "processes",
		l->memory_limit > 0 ? "at the limit of " : "because the host has no more", limit);
}

int attach_run(const struct attach *a, struct session *session, int signals, struct err *e)
{
	struct loop l = {
		.a = a,
		.session = session,
		.signals = signals,
		.input_open = a->stdin_open,
		.detach = a->detach,
		.output = STR_INIT(OUTPUT_MAX),
	};
	int r = 0;

	progress_clear();
	fflush(stdout);
	l.raw = a->tty && a->stdin_open && isatty(0);
	if (l.raw)
		r = terminal_raw(0, e);
	resize(&l);
	while (r >= 0 && !l.finished)
		r = step(&l, e);
	terminal_restore();
	note_oom(&l);
	str_release(&l.output);
	session_close(session);
	return r < 0 ? r : exit_status(&l, e);
}
