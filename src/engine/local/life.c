/* The end of a container and its pauses: kill, stop, pause, unpause. */
#include "base/mem.h"
#include "base/proc.h"
#include "base/time.h"
#include "engine/local/local.h"
#include "engine/local/protocol.h"
#include "runtime/cgroup.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define STOP_TIMEOUT    10    /* seconds, Docker's */
#define DEATH_WAIT_MS   30000 /* after SIGKILL: longer, and a process hangs in the kernel */
#define MONITOR_WAIT_MS 4000

static const char *shown(const struct container *c)
{
	return c->config.machine ? c->config.machine : c->config.name;
}

static bool runs(const struct local_status *s)
{
	return s->state == CONTAINER_RUNNING || s->state == CONTAINER_PAUSED;
}

static int does_not_run(const struct container *c, struct err *e)
{
	err_set(e, ESRCH, "'%s' does not run", shown(c));
	return err_hint(e, "redock start %s", shown(c));
}

static int signal_of(const struct container *c)
{
	int n = c->config.stop_signal ? proc_signal(c->config.stop_signal) : SIGTERM;

	return n > 0 ? n : SIGTERM;
}

int local_end_policy(struct local *l, const struct container *c, struct err *e)
{
	auto_close int dir = -1;

	if (c->config.restart == RESTART_NO)
		return 0;
	dir = fs_open_dir(l->dirs.containers, c->id, e);
	/* durable: after a reboot unless-stopped has to know */
	return dir < 0 ? dir : fs_write_file(dir, "stopped", "", 0, 0600, FS_DURABLE, e);
}

int local_begin_policy(struct local *l, const struct container *c, struct err *e)
{
	auto_close int dir = -1;

	if (c->config.restart == RESTART_NO)
		return 0;
	dir = fs_open_dir(l->dirs.containers, c->id, e);
	if (dir < 0)
		return dir;
	if (unlinkat(dir, "stopped", 0) < 0 && errno != ENOENT)
		return err_errno(e, "cannot start '%s' again", shown(c));
	return 0;
}

/* Wakes a monitor that waits for its next attempt; it looks at `stopped`. */
static void tell_stop(struct local *l, const char *id)
{
	const struct frame stop = { FRAME_STOP, 0 };
	struct err ignored;
	auto_close int fd = monitor_watch(l, id, &ignored);

	int64_t deadline = time_monotonic() + (int64_t)MONITOR_WAIT_MS * 1000000;
	struct pollfd p = { fd, POLLIN, 0 };
	char frame[64];

	/* a monitor that is gone has nothing to be told */
	if (fd < 0 || send(fd, &stop, sizeof stop, MSG_NOSIGNAL) < 0)
		return;
	/* until it goes: of one who has hung up it would not read this */
	while (time_monotonic() < deadline && poll(&p, 1, MONITOR_WAIT_MS) > 0 &&
		recv(fd, frame, sizeof frame, MSG_DONTWAIT) > 0)
		continue;
}

/* Until the monitor has recorded the end. It has nothing else to do: if it is stopped itself
 * (SIGSTOP), we go on without. */
static void await_record(struct local *l, const char *id)
{
	struct err ignored;
	auto_close int run_dir = fs_open_dir(l->dirs.run, id, &ignored), gone = -1;

	if (run_dir >= 0) /* else it was made with --rm, and all is gone already */
		gone = fs_lock(run_dir, "alive", MONITOR_WAIT_MS, &ignored);
}

/* SIGKILL to init, which takes everything in its pid namespace along; a frozen task dies only
 * when it is thawed (F29). */
static int kill_now(struct local *l, const struct container *c, const struct local_status *s,
	int pidfd, struct err *e)
{
	auto_free char *cgroup = local_cgroup(l, c->id);
	struct err ignored;

	syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
	if (s->state == CONTAINER_PAUSED || cgroup_is_frozen(cgroup, s->run.pid))
		cgroup_thaw(cgroup, s->run.pid, &ignored);
	if (!proc_await(pidfd, DEATH_WAIT_MS))
		return err_set(e, ETIMEDOUT,
			"container '%s' does not die: a process of it hangs in the kernel",
			shown(c));
	return 0;
}

int local_end_now(
	struct local *l, const struct container *c, const struct local_status *s, struct err *e)
{
	auto_close int pidfd = -1;
	int r = local_end_policy(l, c, e);

	if (r < 0)
		return r;
	if (s->state == CONTAINER_RESTARTING)
		tell_stop(l, c->id);
	else
		pidfd = proc_open(s->run.pid, s->run.start);
	if (pidfd >= 0 && (r = kill_now(l, c, s, pidfd, e)) < 0)
		return r;
	await_record(l, c->id);
	return 0;
}

/* The container's own process, for signals that an init of ours cannot pass on: the kernel stops
 * init itself with SIGSTOP, and SIGCHLD means something to it. The first of init's children is the
 * one that it has started (proc(5), task/TID/children). */
static int open_process(pid_t init)
{
	struct err ignored;
	auto_free char *path = xasprintf("/proc/%d/task/%d/children", init, init), *text = NULL;
	auto_free char *stat = NULL, *line = NULL;
	auto_close int fd = -1;
	const char *parent;
	long pid;

	if (fs_read_file(AT_FDCWD, path, 1 << 20, &text, NULL, &ignored) < 0 ||
		(pid = strtol(text, NULL, 10)) <= 0)
		return -ESRCH;
	fd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
	if (fd < 0)
		return -ESRCH;
	/* still init's, now that we hold it */
	stat = xasprintf("/proc/%ld/stat", pid);
	if (fs_read_file(AT_FDCWD, stat, 8192, &line, NULL, &ignored) < 0)
		return -ESRCH;
	parent = strrchr(line, ')');
	if (!parent || strlen(parent) < 5 || strtol(parent + 4, NULL, 10) != init)
		return -ESRCH;
	return take_fd(&fd);
}

static int send_signal(
	const struct container *c, const struct local_status *s, int signal, struct err *e)
{
	auto_close int pidfd = proc_open(s->run.pid, s->run.start), process = -1;

	if (pidfd >= 0 && (signal == SIGSTOP || signal == SIGCHLD))
		process = open_process(s->run.pid);
	if (pidfd < 0 ||
		syscall(SYS_pidfd_send_signal, process >= 0 ? process : pidfd, signal, NULL, 0) < 0)
		return does_not_run(c, e);
	return 0;
}

int local_kill(struct engine *en, const char *id, int signal, struct err *e)
{
	struct local *l = local_of(en);
	auto_container c = { 0 };
	auto_free char *cgroup = local_cgroup(l, id);
	struct local_status s;
	bool final;
	char number[12];
	int r;

	if (container_load(l, id, &c, e) < 0 || local_status(l, &c, &s, e) < 0)
		return -e->code;
	final = signal == SIGKILL || signal == signal_of(&c);
	snprintf(number, sizeof number, "%d", signal);
	if (s.state == CONTAINER_RESTARTING && final) {
		r = local_end_now(l, &c, &s, e);
		if (r == 0)
			local_container_event(l, &c, "kill", "signal", number, NULL);
		return r;
	}
	if (!runs(&s)) {
		does_not_run(&c, e);
		return err_hint(e, "redock rm %s, if it is to be gone", shown(&c));
	}
	if (final && local_end_policy(l, &c, e) < 0)
		return -e->code;
	r = send_signal(&c, &s, signal, e);
	if (r == 0)
		local_container_event(l, &c, "kill", "signal", number, NULL);
	/* a frozen task waits to die, or to be told so */
	if (r == 0 && final && s.state == CONTAINER_PAUSED)
		r = cgroup_thaw(cgroup, s.run.pid, e);
	return r;
}

/* Milliseconds to wait before SIGKILL; -1: for ever. */
static int grace(const struct container *c, int timeout)
{
	int64_t seconds = timeout;

	if (timeout == STOP_DEFAULT)
		seconds = c->config.stop_timeout == 0              ? STOP_TIMEOUT
			  : c->config.stop_timeout == STOP_AT_ONCE ? 0
								   : c->config.stop_timeout;
	if (seconds < 0)
		return -1;
	return seconds > INT_MAX / 1000 ? INT_MAX : (int)seconds * 1000;
}

/* Whether it ends by itself in time. */
static bool ends_in_time(int pidfd, int wait_ms)
{
	int64_t deadline = time_monotonic() + (int64_t)wait_ms * 1000000;
	struct pollfd p = { pidfd, POLLIN, 0 };

	for (;;) {
		int64_t left = (deadline - time_monotonic() + 999999) / 1000000;
		int r = poll(&p, 1, wait_ms < 0 ? -1 : left > 0 ? (int)left : 0);
		if (r >= 0 || errno != EINTR)
			return r > 0;
	}
}

static int stop_running(struct local *l, const struct container *c, const struct local_status *s,
	int timeout, struct err *e)
{
	auto_free char *cgroup = local_cgroup(l, c->id);
	auto_close int pidfd = proc_open(s->run.pid, s->run.start);
	int r = 0, signal = signal_of(c);
	char number[12];

	if (pidfd < 0)
		return 0; /* it has just ended */
	snprintf(number, sizeof number, "%d", signal);
	local_container_event(l, c, "kill", "signal", number, NULL);
	syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
	if (s->state == CONTAINER_PAUSED)
		r = cgroup_thaw(cgroup, s->run.pid, e);
	if (r < 0)
		return r;
	if (!ends_in_time(pidfd, grace(c, timeout))) {
		local_container_event(l, c, "kill", "signal", "9", NULL);
		r = kill_now(l, c, s, pidfd, e);
	}
	return r;
}

int local_stop(struct engine *en, const char *id, int timeout, struct err *e)
{
	struct local *l = local_of(en);
	auto_container c = { 0 };
	struct local_status s;
	int r;

	if (container_load(l, id, &c, e) < 0)
		return -e->code;
	/* before anything else: its end must not start it again */
	if (local_end_policy(l, &c, e) < 0)
		return -e->code;
	r = local_status(l, &c, &s, e);
	if (r < 0)
		return r == -ENOENT ? 0 : r; /* it ended, and went with that */
	if (s.state == CONTAINER_RESTARTING)
		return local_end_now(l, &c, &s, e);
	if (!runs(&s))
		return 0;
	r = stop_running(l, &c, &s, timeout, e);
	if (r == 0) {
		await_record(l, c.id);
		local_container_event(l, &c, "stop", NULL);
	}
	return r;
}

/* With the container's lock, so that no commit is about to freeze or thaw it. */
static int set_paused(struct engine *en, const char *id, bool pause, struct err *e)
{
	struct local *l = local_of(en);
	auto_container c = { 0 };
	auto_free char *cgroup = local_cgroup(l, id);
	auto_close int run_dir = -1, lock = -1;
	struct local_status s;
	int r;

	if (container_load(l, id, &c, e) < 0 || (run_dir = local_run_dir(l, id, e)) < 0 ||
		(lock = fs_lock(run_dir, "lock", -1, e)) < 0 || local_status(l, &c, &s, e) < 0)
		return -e->code;
	if (!runs(&s))
		return does_not_run(&c, e);
	if (pause == (s.state == CONTAINER_PAUSED))
		return err_set(e, EALREADY, pause ? "'%s' is already paused" : "'%s' is not paused",
			shown(&c));
	r = pause ? cgroup_freeze(cgroup, s.run.pid, e) : cgroup_thaw(cgroup, s.run.pid, e);
	if (r == 0)
		local_container_event(l, &c, pause ? "pause" : "unpause", NULL);
	return r;
}

int local_pause(struct engine *en, const char *id, struct err *e)
{
	return set_paused(en, id, true, e);
}

int local_unpause(struct engine *en, const char *id, struct err *e)
{
	return set_paused(en, id, false, e);
}
