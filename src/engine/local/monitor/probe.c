#include "engine/local/monitor/probe.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/time.h"
#include "engine/local/monitor/monitor.h"
#include "runtime/cgroup.h"
#include "runtime/exec.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define END_WAIT_MS 5000

static bool has_check(const struct monitor *m)
{
	return m->spec.health.n > 1;
}

static void write_down(struct monitor *m)
{
	auto_str text = STR_INIT(HEALTH_PROBES_MAX * (HEALTH_OUTPUT_MAX * 6 + 256) + 256);
	struct err ignored;

	health_to_json(&m->probe.health, &text);
	fs_write_file(m->run, "health", text.data, text.len, 0600, FS_VOLATILE, &ignored);
	m->state.health = (int)m->probe.health.verdict;
	m->state.failing = m->probe.health.streak;
	monitor_write_state(m, &ignored);
}

void probe_begin(struct monitor *m)
{
	const struct health_settings s = { m->spec.health_interval, m->spec.health_timeout,
		m->spec.health_start_period, m->spec.health_start_interval,
		m->spec.health_retries };
	struct probe *p = &m->probe;

	p->process = (struct process)PROCESS_INIT;
	if (!has_check(m))
		return;
	health_begin(&p->health, &s, m->started);
	if (m->adopted && m->state.health != VERDICT_NONE) {
		p->health.verdict = (enum health_verdict)m->state.health;
		p->health.streak = m->state.failing;
		p->health.next = p->began + p->health.settings.interval;
	}
	write_down(m);
}

static bool is_busy(const struct probe *p)
{
	return p->entering || p->process.pid;
}

int64_t probe_due(const struct monitor *m)
{
	const struct probe *p = &m->probe;

	if (!has_check(m) || m->process.pidfd < 0 || p->late)
		return 0;
	return is_busy(p) ? p->deadline : p->health.next;
}

void probe_poll(const struct monitor *m, struct pollfd p[PROBE_FDS])
{
	const struct probe *probe = &m->probe;
	const struct process *process = &probe->process;
	const int fds[PROBE_FDS] = { process->pidfd, process->std_out, process->std_err };

	for (int i = 0; i < PROBE_FDS; i++)
		p[i] = (struct pollfd){ process->pid ? fds[i] : -1, POLLIN, 0 };
	if (probe->entering)
		p[0].fd = process_exec_fd(&probe->attempt);
}

/* "CMD" and its words; "CMD-SHELL" and a text for the container's own shell. */
static void set_command(struct spec *s)
{
	struct strv args = { 0 };

	if (str_eq(s->health.v[0], "CMD-SHELL")) {
		strv_push(&args, "/bin/sh");
		strv_push(&args, "-c");
		strv_push(&args, s->health.v[1]);
	} else {
		strv_extend(&args, s->health.v + 1);
	}
	strv_release(&s->args);
	s->args = args;
	s->tty = s->stdin_open = false;
}

/* A result is noted. */
static void conclude(struct monitor *m, int exit_code)
{
	struct probe *p = &m->probe;
	int64_t now = time_monotonic();
	char action[32];
	bool changed;

	health_note(&p->health, p->started, p->started + (now - p->began), exit_code,
		str_text(&p->output), p->output.len);
	changed = health_result(&p->health, exit_code, now);
	str_release(&p->output);
	write_down(m);
	if (!changed)
		return;
	snprintf(
		action, sizeof action, "health_status: %s", health_verdict_text(p->health.verdict));
	monitor_event(m, action, NULL);
}

/* It has taken too long: that counts now, even if it cannot die before it is thawed. */
static void give_up(struct monitor *m)
{
	struct probe *p = &m->probe;

	p->late = true;
	str_release(&p->output);
	p->output = (struct str)STR_INIT(HEALTH_OUTPUT_MAX);
	str_addf(&p->output, "the health check took longer than %lld ms",
		(long long)(p->health.settings.timeout / 1000000));
	if (p->process.pid)
		syscall(SYS_pidfd_send_signal, p->process.pidfd, SIGKILL, NULL, 0);
	conclude(m, -1);
}

/* There is a process, or none can be made. */
static void enter(struct monitor *m)
{
	struct probe *p = &m->probe;
	struct err e = { 0 };
	int status, r = process_exec_step(&p->attempt, &p->process, &status, &e);

	if (r == 0)
		return;
	p->entering = false;
	if (r > 0) {
		monitor_set_nonblocking(&p->process);
		if (p->late)
			syscall(SYS_pidfd_send_signal, p->process.pidfd, SIGKILL, NULL, 0);
		return;
	}
	if (!p->late) {
		str_add(&p->output, e.text);
		conclude(m, status);
	}
	p->late = false;
}

static void begin(struct monitor *m)
{
	struct probe *p = &m->probe;
	auto_close int fd = -1;
	auto_spec s = { 0 };
	struct err e;

	p->output = (struct str)STR_INIT(HEALTH_OUTPUT_MAX);
	p->started = time_now();
	p->began = time_monotonic();
	p->deadline = p->began + p->health.settings.timeout;
	/* nothing begins in one that is frozen: it is asked when it goes on */
	if (cgroup_is_frozen(m->spec.cgroup, m->process.pid)) {
		p->health.next = time_monotonic() + p->health.settings.interval;
		return;
	}
	fd = openat(m->run, "spec", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || monitor_read_spec(fd, spec_decode, &s, &e) < 0 || s.health.n < 2)
		return conclude(m, -1);
	set_command(&s);
	/* frozen from now on, it takes as long as that: nothing here waits for it */
	if (process_exec_begin(&s, m->process.pid, m->process.pidfd, false, &p->attempt, &e) < 0) {
		str_add(&p->output, e.text);
		conclude(m, 125);
		return;
	}
	p->entering = true;
}

static void take_output(struct probe *p, int *fd)
{
	char block[4096];
	ssize_t n;

	while (*fd >= 0 && (n = read(*fd, block, sizeof block)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return;
		/* what is beyond is read, so that the probe does not wait, and dropped */
		if ((size_t)n > HEALTH_OUTPUT_MAX - p->output.len)
			n = (ssize_t)(HEALTH_OUTPUT_MAX - p->output.len);
		str_add_data(&p->output, block, (size_t)n);
	}
	close_fd(fd);
}

static void reap(struct monitor *m)
{
	struct probe *p = &m->probe;
	int status = 0, code = -1;

	take_output(p, &p->process.std_out);
	take_output(p, &p->process.std_err);
	if (proc_reap(p->process.pid, &status) == p->process.pid)
		code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	if (!p->late)
		conclude(m, code);
	p->late = false;
	process_release(&p->process);
	p->process = (struct process)PROCESS_INIT;
	str_release(&p->output);
}

void probe_turn(struct monitor *m, const struct pollfd fds[PROBE_FDS])
{
	struct probe *p = &m->probe;
	int64_t due = probe_due(m);

	if (p->process.pid && fds[1].revents)
		take_output(p, &p->process.std_out);
	if (p->process.pid && fds[2].revents)
		take_output(p, &p->process.std_err);
	if (p->entering && fds[0].revents)
		enter(m);
	else if (p->process.pid && fds[0].revents)
		reap(m);
	else if (due && time_monotonic() >= due)
		is_busy(p) ? give_up(m) : begin(m);
}

/* A container that is no more holds nobody up for long, unless it is frozen still. */
static void end_attempt(struct monitor *m)
{
	struct probe *p = &m->probe;
	struct err ignored;
	int status;

	cgroup_thaw(m->spec.cgroup, m->process.pid, &ignored);
	while (poll(&(struct pollfd){ process_exec_fd(&p->attempt), POLLIN, 0 }, 1, END_WAIT_MS) >
		0)
		if (process_exec_step(&p->attempt, &p->process, &status, &ignored) != 0)
			break;
	p->entering = false;
}

void probe_end(struct monitor *m)
{
	struct probe *p = &m->probe;

	if (p->entering)
		end_attempt(m);
	if (p->process.pid) { /* init is dead, and so is all that was in its namespace */
		syscall(SYS_pidfd_send_signal, p->process.pidfd, SIGKILL, NULL, 0);
		proc_reap(p->process.pid, NULL);
		process_release(&p->process);
	}
	p->process = (struct process)PROCESS_INIT;
	p->late = false;
	str_release(&p->output);
	strv_release(&p->health.log);
	unlinkat(m->run, "health", 0);
	m->state.health = VERDICT_NONE;
	m->state.failing = 0;
}
