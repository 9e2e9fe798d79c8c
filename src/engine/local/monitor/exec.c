/*
 * One more process in the running container (redock exec).  The monitor makes a fork of itself for
 * it, which costs less than executing another program: that one enters the container, passes the
 * process's input and output on, and tells how it ended.  It outlives the monitor, and nothing of
 * it is on disk.
 */
#include "runtime/exec.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/proc.h"
#include "engine/local/monitor/monitor.h"
#include "runtime/cgroup.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static void replace(char **to, char **from)
{
	if (!*from)
		return;
	free(*to);
	*to = take_ptr(from);
}

/* The container's specification with what was asked for instead. */
static void change(struct spec *s, struct spec *want)
{
	strv_release(&s->args);
	s->args = want->args;
	want->args = (struct strv){ 0 };
	for (size_t i = 0; i < want->env.n; i++)
		strv_set_env(&s->env, want->env.v[i]);
	if (want->tty && !strv_get_env(&s->env, "TERM"))
		strv_push(&s->env, "TERM=xterm");
	replace(&s->cwd, &want->cwd);
	replace(&s->user, &want->user);
	s->tty = want->tty;
	s->stdin_open = want->stdin_open;
	s->console_rows = want->console_rows;
	s->console_columns = want->console_columns;
	if (want->caps.bounding)
		s->caps = want->caps;
	strv_release(&s->health); /* that is the container's, not this program's */
	strv_extend(&s->annotations, want->annotations.v);
}

/* As the container was started, which is not always as it would be started now. */
static int read_specs(struct monitor *m, int request, struct err *e)
{
	auto_close int fd = openat(m->run, "spec", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	auto_spec want = { 0 };

	if (fd < 0)
		return err_set(e, ESRCH, "the container is not running");
	if (monitor_read_spec(fd, spec_decode, &m->spec, e) < 0 ||
		monitor_read_spec(request, spec_decode_exec, &want, e) < 0)
		return -e->code;
	change(&m->spec, &want);
	return 0;
}

/* Frozen for a moment, by a command that reads its files: that is nobody's pause. */
static bool is_paused(const struct monitor *m, pid_t init)
{
	return cgroup_is_frozen(m->spec.cgroup, init) && faccessat(m->run, "freezing", F_OK, 0) < 0;
}

/* For events: as much of it as fits. */
static void tell_begin(struct monitor *m)
{
	auto_str command = STR_INIT(4096);
	char create[256], start[256];
	const char *const actions[] = { create, start, NULL };

	for (size_t i = 0; i < m->spec.args.n && !command.overflow; i++)
		str_addf(&command, "%s%s", i ? " " : "", m->spec.args.v[i]);
	snprintf(create, sizeof create, "exec_create: %s", str_text(&command));
	snprintf(start, sizeof start, "exec_start: %s", str_text(&command));
	monitor_events(m, actions, NULL);
}

static void relay(struct monitor *m)
{
	struct frame_exit end = { 0 };
	int32_t code = -1;
	int status;
	char detail[32];

	monitor_set_nonblocking(&m->process);
	while (monitor_turn(m, false))
		continue;
	monitor_drain(m);
	if (proc_reap(m->process.pid, &status) == m->process.pid)
		code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	end.code = code;
	clients_tell(&m->clients, FRAME_EXIT, &end, sizeof end);
	snprintf(detail, sizeof detail, "exitCode=%d", code);
	monitor_event(m, "exec_die", detail);
	while (clients_are_behind(&m->clients))
		monitor_turn(m, true);
}

/* The fork. Of what the monitor has, it keeps what it needs: the rest is the container's. */
__attribute__((noreturn)) static void guest_main(struct monitor *m, int session, int request)
{
	const int run = m->run, run_root = m->dirs.run, init_pidfd = m->process.pidfd;
	const pid_t init = m->process.pid;
	int keep[] = { session, request, run, run_root, init_pidfd }, status = 125, r;
	struct err e = { 0 };
	char nothing;

	proc_close_others(3, keep, ARRAY_SIZE(keep));
	setsid();
	memset(m, 0,
		sizeof *m); /* what it points to is the monitor's; we end without a look at it */
	monitor_init(m);
	m->run = run;
	m->dirs.run = run_root;
	if (recv(session, &nothing, sizeof nothing, MSG_PEEK | MSG_DONTWAIT) == 0)
		_exit(0); /* who asked waited for too long, and has gone */
	clients_add(&m->clients, session, true);
	r = init_pidfd < 0 ? err_set(&e, ESRCH, "the container is not running")
			   : read_specs(m, request, &e);
	close(request);
	if (r >= 0 && is_paused(m, init))
		r = err_set(&e, EBUSY, "the container is paused");
	if (r >= 0) {
		r = process_exec(&m->spec, init, init_pidfd, false, &m->process, &status, &e);
		if (r >= 0) { /* nobody need wait for the journal */
			monitor_tell_warnings(m);
			clients_tell(&m->clients, FRAME_STARTED, NULL, 0);
		}
		tell_begin(m);
	}
	if (r < 0) {
		monitor_tell_failure(m, status, &e);
		_exit(1);
	}
	relay(m);
	_exit(0);
}

void monitor_exec(struct monitor *m, int session, int request)
{
	struct clone_args args = { .flags = CLONE_PIDFD, .exit_signal = SIGCHLD };
	struct epoll_event event = { .events = EPOLLIN };
	int pidfd = -1;
	long pid;

	if (m->guests < 0)
		m->guests = epoll_create1(EPOLL_CLOEXEC);
	if (m->guests < 0)
		return; /* who asked sees the end of its socket */
	args.pidfd = (uintptr_t)&pidfd;
	pid = syscall(SYS_clone3, &args, sizeof args);
	if (pid == 0)
		guest_main(m, session, request);
	event.data.fd = pidfd;
	if (pid > 0 && epoll_ctl(m->guests, EPOLL_CTL_ADD, pidfd, &event) < 0)
		close_fd(&pidfd); /* reaped by whoever gets it when we end */
}

void monitor_exec_reap(struct monitor *m)
{
	struct epoll_event events[16];
	int n = epoll_wait(m->guests, events, ARRAY_SIZE(events), 0);

	for (int i = 0; i < n; i++) {
		siginfo_t ignored;
		int pidfd = events[i].data.fd;
		waitid(P_PIDFD, (id_t)pidfd, &ignored, WEXITED | WNOHANG);
		close(pidfd);
	}
}
