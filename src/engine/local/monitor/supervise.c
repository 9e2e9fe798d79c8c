/* The lives of a container: made, looked after, and, if its policy wants it, made again. */
#include "base/fs.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/time.h"
#include "engine/local/monitor/monitor.h"
#include "runtime/cgroup.h"
#include "runtime/init.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#define REAP_WAIT_MS 2000

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

void monitor_watch_memory(struct monitor *m)
{
	if (m->oom < 0 && m->spec.resources.memory > 0)
		m->oom = cgroup_oom_fd(m->spec.cgroup, &m->oom_events);
}

/* Who looks after it. */
static void sign(struct run_state *s)
{
	s->monitor = getpid();
	s->monitor_inode = proc_inode(s->monitor);
}

/* Known before it runs: whoever finds us dead finds the container. */
static int announce(struct monitor *m, int exit_fd, struct err *e)
{
	m->state.pid = m->process.pid;
	m->state.start = proc_start_time(m->process.pid);
	if (m->state.start == 0)
		return err_set(e, EAGAIN, "cannot tell when the container's process began");
	m->state.inode = proc_inode(m->process.pid);
	sign(&m->state);
	m->state.started = time_now();
	m->state.ready = false;
	m->started = time_monotonic();
	proc_boot_id(m->state.boot);
	if (m->spec.address)
		snprintf(m->state.address, sizeof m->state.address, "%s", m->spec.address);
	m->state.monitor = getpid();
	/* in this order: one of which only the second is there has lost the first */
	if (monitor_write_state(m, e) < 0 || exit_file_write_state(exit_fd, &m->state, e) < 0)
		return -e->code;
	return 0;
}

static void give_up(struct monitor *m)
{
	if (m->process.pid > 0) {
		kill(m->process.pid, SIGKILL);
		proc_reap(m->process.pid, NULL);
	}
}

int monitor_launch(struct monitor *m, int (*go)(struct monitor *, struct err *), int *ret_status,
	struct err *e)
{
	auto_close int exit_fd =
		openat(m->dir, "exit", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	int r = 0;

	*ret_status = 125;
	m->adopted = false;
	if (exit_fd < 0)
		return err_errno(e, "cannot write the container's state");
	r = cgroup_create(m->spec.cgroup, &m->spec.resources, e);
	if (r == 0)
		r = process_create(&m->spec, exit_fd, &m->process, e);
	if (r == 0 && m->listener < 0)
		r = open_listener(m, e);
	if (r == 0 && go)
		r = go(m, e);
	if (r == 0)
		r = announce(m, exit_fd, e);
	if (r == 0)
		r = process_start(&m->spec, &m->process, m->netns, ret_status, e);
	if (r < 0) {
		give_up(m);
		return r;
	}
	m->oom_kills = m->oom_told = 0;
	monitor_watch_memory(m);
	unlinkat(m->dir, "last", 0); /* how it ended before is history */
	return 0;
}

int monitor_take_over(struct monitor *m, struct err *e)
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

	auto_free char *netns = NULL;
	auto_close int exit_fd = -1;
	struct err ignored;

	m->adopted = true;
	if (run_state_read(m->run, &m->state, e) < 0)
		return -e->code;
	m->life.restarts = m->state.restarts;
	m->process = (struct process)PROCESS_INIT;
	m->process.pid = m->state.pid;
	m->process.pidfd = proc_open(m->state.pid, m->state.start);
	if (m->process.pidfd < 0)
		return err_set(e, ESRCH, "the container is not running");
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		int *here = (int *)((char *)&m->process + fds[i].here);
		*here = (int)syscall(SYS_pidfd_getfd, m->process.pidfd, fds[i].there, 0);
	}
	netns = xasprintf("/proc/%d/ns/net", m->state.pid);
	if (m->spec.network == SPEC_NETWORK_PREPARED)
		m->netns = open(netns, O_RDONLY | O_CLOEXEC);
	/* not by state.started: the clock may have been set since */
	m->started = time_monotonic() - proc_age(m->state.start);
	m->oom_kills = 0;
	m->oom_told = cgroup_oom_kills(m->spec.cgroup);
	monitor_watch_memory(m);
	/* on a full disk it stays unsaid, and is asked for by the lock on `alive` */
	sign(&m->state);
	run_state_write(m->run, &m->state, &ignored);
	exit_fd = openat(m->dir, "exit", O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (exit_fd >= 0)
		exit_file_write_state(exit_fd, &m->state, &ignored);
	return open_listener(m, e);
}

/* What a started container no longer needs of us: less memory for as long as it runs. */
static void shrink(struct monitor *m)
{
	strv_release(&m->spec.args);
	strv_release(&m->spec.env);
	strv_release(&m->spec.lower);
	strv_release(&m->process.warnings); /* of a restart: the first start has said the same */
	close_fd(&m->process.control);
	monitor_set_nonblocking(&m->process);
}

static int exit_code(struct monitor *m)
{
	int status, code = -1;
	int64_t when;

	if (!m->adopted) {
		if (proc_reap(m->process.pid, &status) == m->process.pid)
			code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	} else if (exit_file_read(m->dir, &code, &when) < 0) {
		/* init was killed: its parent, whoever that is now, reaps it, and the kernel tells
		 */
		code = proc_exit_status(m->process.pidfd, REAP_WAIT_MS);
	}
	return code < 0 ? -1 : code;
}

/* The specification as it is now: what shrink() has dropped, and what `update` has changed. One
 * that is removed at its end is never made again, and has no time to lose. */
static void refresh(struct monitor *m)
{
	auto_close int fd = -1;
	struct spec now = { 0 };
	struct err ignored;

	m->life.policy = POLICY_NO;
	if (m->spec.auto_remove)
		return;
	fd = openat(m->run, "spec", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || monitor_read_spec(fd, spec_decode, &now, &ignored) < 0)
		return;
	spec_release(&m->spec);
	m->spec = now;
	m->life.policy = (enum policy_kind)m->spec.restart;
	m->life.max = m->spec.restart_max;
	if (faccessat(m->dir, "stopped", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		life_step(&m->life, LIFE_STOPPED, 0, 0);
}

/* One life, to its end. */
static int32_t live(struct monitor *m)
{
	int32_t code;

	shrink(m);
	probe_begin(m);
	while (monitor_turn(m, false))
		continue;
	monitor_drain(m);
	if (m->state.health)
		probe_end(m);
	code = exit_code(m);
	refresh(m);
	life_step(&m->life, LIFE_EXITED, code, time_monotonic() - m->started);
	monitor_record_end(m, code);
	return code;
}

static void tell_end(struct monitor *m, int32_t code)
{
	const struct frame_exit end = { code, (uint32_t)m->oom_kills, m->spec.resources.memory };

	clients_tell(&m->clients, FRAME_EXIT, &end, sizeof end);
}

/* Waits for the next attempt, and makes it. */
static void live_again(struct monitor *m, int32_t code)
{
	struct err e;
	int status;

	m->due = time_monotonic() + m->life.delay;
	m->state.pid = 0;
	m->state.start = m->state.inode = 0;
	m->state.ready = false;
	monitor_write_state(m, &e);
	tell_end(m, code);
	monitor_reset_io(m);
	close_fd(&m->oom);
	while (m->life.state == LIFE_WAITING)
		monitor_turn(m, false);
	if (m->life.state != LIFE_STARTING)
		return;
	if (monitor_launch(m, NULL, &status, &e) < 0) {
		m->life.restarts--;
		monitor_record_failure(m, status, &e);
		life_step(&m->life, LIFE_FAILED, 0, 0);
		return;
	}
	life_step(&m->life, LIFE_STARTED, 0, 0);
	monitor_event(m, "start", NULL);
}

void monitor_supervise(struct monitor *m)
{
	struct err ignored;
	int32_t code;

	do {
		code = live(m);
		if (m->life.state == LIFE_WAITING)
			live_again(m, code);
	} while (m->life.state != LIFE_ENDED);
	monitor_clean_up(m, true);
	close(MONITOR_FD_ALIVE); /* all is on disk: who wants to start it again need not wait */
	tell_end(m, code);
	while (clients_are_behind(&m->clients))
		monitor_turn(m, true);
	/* nobody has to wait for this: removing directories is the slowest part of it all */
	if (m->spec.auto_remove)
		container_erase_files(&m->dirs, m->spec.id, &ignored);
}
