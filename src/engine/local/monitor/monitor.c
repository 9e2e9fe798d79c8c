/*
 * redock-monitor: looks after one running container.
 *
 * It is the parent of the container's init; owns its stdio, log, exit status and control socket;
 * and cleans up when it ends.  A small static program without libraries, executed from a read-only
 * mount of itself, so that neither it nor the init that it forks shows the container a writable
 * file of the host (T02).  If it is killed, the container goes on, and the next command starts
 * another monitor with "adopt", which takes the pipes over from init.
 */
#include "base/fs.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/time.h"
#include "engine/local/files.h"
#include "engine/local/journal.h"
#include "engine/local/monitor/client.h"
#include "engine/local/monitor/log.h"
#include "engine/local/monitor/ports.h"
#include "engine/local/state.h"
#include "runtime/cgroup.h"
#include "runtime/init.h"
#include "runtime/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#define OUTPUT_BLOCK 16384
#define DRAIN_MAX    1024 /* reads: more than a pipe can hold, 1 MiB in blocks of at least a page */

struct monitor {
	struct spec spec;
	struct process process;
	struct container_dirs dirs;
	int dir, run; /* this container's directories */
	int listener;
	bool adopted; /* init is not our child */
	struct run_state state;
	struct log log;
	struct clients clients;
	struct ports ports;
	char *input; /* for the container's stdin, not taken yet */
	size_t input_len;
	bool input_ended;
};

static void set_nonblocking(int fd)
{
	int flags = fd < 0 ? -1 : fcntl(fd, F_GETFL);

	if (flags >= 0)
		fcntl(fd, F_SETFL, flags | O_NONBLOCK);
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
	clients_output(&m->clients, stream == 2 ? FRAME_STDERR : FRAME_STDOUT, block, (size_t)n);
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
		/* fall through */
	case FRAME_WATCH:
		c->watching = true;
		if (m->state.ready)
			client_send(c, FRAME_READY, NULL, 0);
		break;
	case FRAME_STDIN:
		give_input(m, data, len);
		break;
	case FRAME_STDIN_END:
		/* the input of one that was started detached stays open, as Docker's (StdinOnce) */
		if (c->starter)
			end_input(m);
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

static void hear_client(struct monitor *m, struct client *c)
{
	char packet[sizeof(struct frame) + FRAME_MAX];
	struct frame header;
	ssize_t n = recv(c->fd, packet, sizeof packet, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < (ssize_t)sizeof header) {
		client_drop(c);
		return;
	}
	memcpy(&header, packet, sizeof header);
	if (header.len != (size_t)n - sizeof header) {
		client_drop(c);
		return;
	}
	handle_frame(m, c, header.type, packet + sizeof header, header.len);
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
		run_state_write(m->run, &m->state, &ignored);
		clients_tell(&m->clients, FRAME_READY, NULL, 0);
	}
}

enum { P_INIT, P_OUT, P_ERR, P_PTY, P_NOTIFY, P_LISTEN, P_PORTS, P_INPUT, P_CLIENTS };

/* One turn: waits for something and deals with it. Returns false when init has ended. */
static bool turn(struct monitor *m, bool only_clients)
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
		p[P_LISTEN] = (struct pollfd){ m->listener, POLLIN, 0 };
		p[P_PORTS] = (struct pollfd){ m->ports.epoll, POLLIN, 0 };
		p[P_INPUT] = (struct pollfd){ idle_input ? -1 : *input_fd(m), POLLOUT, 0 };
	}
	for (int i = 0; i < CLIENTS_MAX; i++) {
		const struct client *c = &m->clients.v[i];
		p[P_CLIENTS + i] = (struct pollfd){ c->fd,
			(short)((idle_input && !only_clients ? POLLIN : 0) |
				(c->first ? POLLOUT : 0)),
			0 };
	}
	if (poll(p, ARRAY_SIZE(p), -1) < 0)
		return true;
	for (int i = 0; i < CLIENTS_MAX; i++) {
		struct client *c = &m->clients.v[i];
		if (c->fd >= 0 && p[P_CLIENTS + i].revents & POLLOUT)
			client_flush(c);
		if (c->fd >= 0 && p[P_CLIENTS + i].revents & POLLIN && m->input_len == 0)
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
	if (p[P_PORTS].revents)
		ports_turn_away(&m->ports);
	if (p[P_LISTEN].revents) {
		int fd = accept4(m->listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			clients_add(&m->clients, fd, false);
	}
	return !p[P_INIT].revents;
}

/* Everything of the container's pid namespace is dead once init is: what it wrote is in the pipes.
 */
static void drain_output(struct monitor *m)
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

static int exit_code(struct monitor *m)
{
	int status, code = -1;
	int64_t when;

	if (!m->adopted) {
		if (waitpid(m->process.pid, &status, 0) == m->process.pid)
			code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	} else if (exit_file_read(m->dir, &code, &when) < 0) {
		code = -1;
	}
	return code;
}

/* Only what is still ours: somebody may have given it on while this process was stopped. */
static void release_claims(const struct monitor *m)
{
	struct err ignored;

	for (size_t i = 0; i < m->spec.release.n; i++) {
		auto_free char *owner = NULL;
		const char *path = m->spec.release.v[i];
		if (fs_read_file(AT_FDCWD, path, 256, &owner, NULL, &ignored) == 0 &&
			str_eq(owner, m->spec.id))
			unlink(path);
	}
}

/* Published ports, names and networks beyond the default one: of them the kernel and a name server
 * know, and a program that can speak to both takes them back. */
static void release_network(struct monitor *m)
{
	struct err ignored;

	if (m->spec.network_release.n && faccessat(m->run, "network", F_OK, 0) == 0)
		proc_run(m->spec.network_release.v, NULL, &ignored);
	ports_close(&m->ports);
}

/* Gives back what the container had, and makes its end known on disk. */
static void clean_up(struct monitor *m, int code, bool ran)
{
	struct last_state last = { .exit_code = code,
		.started = m->state.started,
		.finished = time_now(),
		.oom_killed = cgroup_oom_killed(m->spec.cgroup) };
	struct err ignored;

	cgroup_remove(m->spec.cgroup, &ignored);
	release_network(m);
	release_claims(m);
	if (m->spec.auto_remove) {
		container_hide_files(&m->dirs, m->spec.id, m->spec.name, m->spec.machine, &ignored);
		return;
	}
	if (ran)
		last_state_write(m->dir, &last, &ignored);
	else
		unlinkat(m->dir, "exit", 0); /* or it would say that it had been started */
	unlinkat(m->run, "state", 0);
	unlinkat(m->run, "control", 0);
}

static int open_listener(struct monitor *m, struct err *e)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	/* by the directory's fd: a private instance's path may be longer than a socket's */
	snprintf(a.sun_path, sizeof a.sun_path, "/proc/self/fd/%d/control", m->run);
	unlinkat(m->run, "control", 0);
	m->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (m->listener < 0 || bind(m->listener, (struct sockaddr *)&a, sizeof a) < 0 ||
		listen(m->listener, 8) < 0)
		return err_errno(e, "cannot make the control socket");
	return 0;
}

static int open_dirs(struct monitor *m, struct err *e)
{
	if (container_dirs_open(m->spec.state_dir, m->spec.run_root, &m->dirs, e) < 0)
		return -e->code;
	m->dir = fs_open_dir(m->dirs.containers, m->spec.id, e);
	m->run = m->dir < 0 ? -1 : fs_open_dir(m->dirs.run, m->spec.id, e);
	return m->run < 0 ? -e->code : 0;
}

static int read_spec(struct monitor *m, struct err *e)
{
	struct stat st;
	char *data;
	int r;

	if (fstat(MONITOR_FD_SPEC, &st) < 0 || st.st_size == 0 || st.st_size > 16 << 20)
		return err_set(e, EINVAL, "the container's specification is missing");
	data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, MONITOR_FD_SPEC, 0);
	if (data == MAP_FAILED)
		return err_errno(e, "cannot read the container's specification");
	r = spec_decode(data, (size_t)st.st_size, &m->spec, e);
	munmap(data, (size_t)st.st_size);
	close(MONITOR_FD_SPEC);
	return r;
}

/* Waits for GO; its network namespace, -1 without one, or -ECONNRESET. */
static int wait_for_go(int client, int *ret_netns)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct frame frame;
	struct iovec iov = { &frame, sizeof frame };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof control };
	ssize_t n;

	*ret_netns = -1;
	do
		n = recvmsg(client, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n != sizeof frame || frame.type != FRAME_GO)
		return -ECONNRESET;
	if (msg.msg_controllen >= CMSG_LEN(sizeof(int)))
		memcpy(ret_netns, CMSG_DATA(&control.header), sizeof(int));
	return 0;
}

static int make_container(struct monitor *m, int client, int *ret_status, struct err *e)
{
	auto_close int netns = -1, exit_fd = -1;
	int r;

	*ret_status = 125;
	exit_fd = openat(m->dir, "exit", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (exit_fd < 0)
		return err_errno(e, "cannot write the container's state");
	r = cgroup_create(m->spec.cgroup, &m->spec.resources, e);
	if (r == 0)
		r = process_create(&m->spec, exit_fd, &m->process, e);
	if (r == 0)
		r = open_listener(m, e);
	if (r == 0 && wait_for_go(client, &netns) < 0)
		r = err_set(e, ECONNRESET, "the command that started the container is gone");
	if (r == 0) {
		/* known before it runs: whoever finds us dead finds the container */
		m->state.pid = m->process.pid;
		m->state.start = proc_start_time(m->process.pid);
		m->state.started = time_now();
		proc_boot_id(m->state.boot);
		if (m->spec.address)
			snprintf(m->state.address, sizeof m->state.address, "%s", m->spec.address);
		r = run_state_write(m->run, &m->state, e);
	}
	if (r == 0)
		r = process_start(&m->spec, &m->process, netns, ret_status, e);
	if (r == 0)
		unlinkat(m->dir, "last", 0); /* how it ended before is history */
	return r;
}

static int take_over(struct monitor *m, struct err *e)
{
	static const struct {
		enum init_fd there;
		size_t here;
	} fds[] = {
		{ INIT_FD_STDOUT, offsetof(struct process, std_out) },
		{ INIT_FD_STDERR, offsetof(struct process, std_err) },
		{ INIT_FD_PTY, offsetof(struct process, pty) },
		{ INIT_FD_NOTIFY, offsetof(struct process, notify) },
	};

	m->adopted = true;
	if (run_state_read(m->run, &m->state, e) < 0)
		return -e->code;
	m->process = (struct process)PROCESS_INIT;
	m->process.pid = m->state.pid;
	m->process.pidfd = proc_open(m->state.pid, m->state.start);
	if (m->process.pidfd < 0)
		return err_set(e, ESRCH, "the container is not running");
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		int *here = (int *)((char *)&m->process + fds[i].here);
		*here = (int)syscall(SYS_pidfd_getfd, m->process.pidfd, fds[i].there, 0);
	}
	return open_listener(m, e);
}

static void tell_failure(struct monitor *m, int status, const struct err *e)
{
	struct frame_failed f = { .exec_status = status, .code = e->code };

	snprintf(f.text, sizeof f.text, "%s", e->text);
	snprintf(f.hint, sizeof f.hint, "%s", e->hint);
	clients_tell(&m->clients, FRAME_FAILED, &f, sizeof f);
}

/* An event of the container; `detail` is one more attribute, or NULL. */
static void tell_event(struct monitor *m, const char *action, const char *detail)
{
	auto_strv attributes = { 0 };
	auto_close int run = openat(m->dirs.run, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);

	strv_pushf(&attributes, "name=%s", m->spec.name);
	if (detail)
		strv_push(&attributes, detail);
	strv_extend(&attributes, m->spec.annotations.v);
	journal_add(run, "container", action, m->spec.id, attributes.v);
}

static void tell_death(struct monitor *m, int code)
{
	char detail[32];

	snprintf(detail, sizeof detail, "exitCode=%d", code);
	tell_event(m, "die", detail);
}

/* What a started container no longer needs of us: less memory for as long as it runs. */
static void shrink(struct monitor *m)
{
	strv_release(&m->spec.args);
	strv_release(&m->spec.env);
	strv_release(&m->spec.lower);
	close_fd(&m->process.control);
	set_nonblocking(m->process.std_in);
	set_nonblocking(m->process.std_out);
	set_nonblocking(m->process.std_err);
	set_nonblocking(m->process.pty);
}

static void look_after(struct monitor *m)
{
	struct err ignored;
	int32_t code;

	shrink(m);
	while (turn(m, false))
		continue;
	drain_output(m);
	code = exit_code(m);
	tell_death(m, code);
	clean_up(m, code, true);
	if (m->spec.auto_remove)
		tell_event(m, "destroy", NULL);
	close(MONITOR_FD_ALIVE); /* all is on disk: who wants to start it again need not wait */
	clients_tell(&m->clients, FRAME_EXIT, &code, sizeof code);
	while (clients_are_behind(&m->clients))
		turn(m, true);
	/* nobody has to wait for this: removing directories is the slowest part of it all */
	if (m->spec.auto_remove)
		container_erase_files(&m->dirs, m->spec.id, &ignored);
}

/* The limits of the shell that it was started from are not the container's, nor ours (R13). */
static void lift_limits(void)
{
	static const int resources[] = { RLIMIT_CPU, RLIMIT_FSIZE, RLIMIT_DATA, RLIMIT_AS,
		RLIMIT_NPROC };

	for (size_t i = 0; i < ARRAY_SIZE(resources); i++) {
		struct rlimit l = { RLIM_INFINITY, RLIM_INFINITY };
		if (setrlimit(resources[i], &l) == 0 || getrlimit(resources[i], &l) < 0)
			continue;
		l.rlim_cur = l.rlim_max; /* without CAP_SYS_RESOURCE that is all */
		setrlimit(resources[i], &l);
	}
	signal(SIGXFSZ, SIG_IGN); /* then a log that is too large is one that cannot be written */
}

int main(int argc, char **argv)
{
	static struct monitor m; /* one a process, and large */
	struct err e = { 0 };
	int status = 125, r, client = MONITOR_FD_CLIENT;
	bool adopt = argc > 1 && str_eq(argv[1], "adopt");

	prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_NAME, "redock-monitor");
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	lift_limits();
	for (int fd = MONITOR_FD_CLIENT; fd < MONITOR_FD_END; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	m.process = (struct process)PROCESS_INIT;
	m.dirs = (struct container_dirs)CONTAINER_DIRS_INIT;
	m.dir = m.run = m.listener = -1;
	clients_init(&m.clients);
	if (!adopt)
		clients_add(&m.clients, client, true);
	m.ports = (struct ports)PORTS_INIT;
	r = read_spec(&m, &e);
	if (r == 0 && adopt)
		ports_bind(&m.ports, &m.spec.ports);
	else if (r == 0)
		ports_take(&m.ports, m.spec.ports.n);
	if (r == 0)
		r = open_dirs(&m, &e);
	if (r == 0) {
		log_init(&m.log, m.dir);
		r = adopt ? take_over(&m, &e) : make_container(&m, client, &status, &e);
	}
	if (r < 0) {
		if (m.process.pid > 0 && !m.adopted) {
			kill(m.process.pid, SIGKILL);
			waitpid(m.process.pid, NULL, 0);
		}
		if (m.run >= 0 && !adopt)
			clean_up(&m, status, false);
		tell_failure(&m, status, &e);
		if (m.spec.auto_remove && !adopt)
			container_erase_files(&m.dirs, m.spec.id, &e);
		return 1;
	}
	if (!adopt) {
		clients_tell(&m.clients, FRAME_STARTED, NULL, 0);
		tell_event(&m, "start", NULL);
	}
	look_after(&m);
	return 0;
}
