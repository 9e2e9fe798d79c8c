/* How a container really is; and what a crash, a kill or a reboot left, repaired. */
#include "base/mem.h"
#include "base/proc.h"
#include "base/time.h"
#include "engine/local/endpoints.h"
#include "engine/local/local.h"
#include "engine/local/lost.h"
#include "engine/local/monitor/policy.h"
#include "engine/local/protocol.h"
#include "engine/local/seen.h"
#include "runtime/cgroup.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>

#define ADOPT_WAIT_MS 10000
#define RECORD_WAIT   INT64_C(10000000000) /* nanoseconds */

/* Gives the address back, unless another container has claimed it since. */
static void release_address(struct local *l, const char *id, const char *address)
{
	auto_free char *path = xasprintf("net/addresses/%s", address), *owner = NULL;
	struct in_addr parsed;
	struct err ignored;

	if (inet_pton(AF_INET, address, &parsed) == 1 &&
		fs_read_file(l->run, path, ENGINE_ID_SIZE, &owner, NULL, &ignored) == 0 &&
		str_eq(owner, id))
		unlinkat(l->run, path, 0);
}

/* The container died and nobody saw it: its monitor had died before, or the host was rebooted. */
static int bury(struct local *l, const struct container *c, int run_dir,
	const struct run_state *run, struct err *e)
{
	struct last_state last = { .exit_code = -1, .started = run->started };
	auto_free char *cgroup = local_cgroup(l, c->id);
	auto_close int dir = -1;
	struct err ignored;

	last.oom_killed = cgroup_oom_killed(cgroup);
	cgroup_remove(cgroup, &ignored);
	if (faccessat(run_dir, "network", F_OK, 0) == 0)
		container_net_end(l, c->id);
	release_address(l, c->id, run->address);
	if (c->config.auto_remove) {
		container_remove_files(
			&l->dirs, c->id, c->config.name, c->config.machine, &ignored);
		return err_set(e, ENOENT, "no container '%.12s'", c->id);
	}
	dir = fs_open_dir(l->dirs.containers, c->id, e);
	if (dir < 0)
		return dir;
	if (exit_file_read(dir, &last.exit_code, &last.finished) < 0)
		last.finished = time_now();
	/* one that waited for its next attempt has its end recorded already */
	if (!run->restarting && last_state_write(dir, &last, e) < 0)
		return -e->code;
	unlinkat(run_dir, "state", 0);
	unlinkat(run_dir, "control", 0);
	return 0;
}

/* The monitor is dead, the container is not: a new monitor takes over. */
static int adopt(struct local *l, const struct container *c, int run_dir, int alive, struct err *e)
{
	auto_close int spec = openat(run_dir, "spec", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int pair[2], r;

	if (spec < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_errno(e, "cannot take container '%.12s' over", c->id);
	r = monitor_start(l, "adopt", c->config.machine ? c->config.machine : c->config.name,
		pair[1], spec, alive, NULL, e);
	close(pair[1]);
	/* it closes its end when it can be connected to */
	if (r == 0 && !proc_await(pair[0], ADOPT_WAIT_MS))
		r = err_set(e, ETIMEDOUT, "the new monitor of container '%.12s' does not answer",
			c->id);
	close(pair[0]);
	return r;
}

/* True while a monitor lives. When none does, *ret_alive is its lock, held. */
static bool has_monitor(int run_dir, int *ret_alive)
{
	auto_close int fd =
		openat(run_dir, "alive", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return true;
	*ret_alive = take_fd(&fd);
	return false;
}

/* `state` of the run directory, or `last` of the container's. */
static int read_text(struct local *l, const char *id, const char *name, char **ret, struct err *e)
{
	auto_free char *path = NULL;
	int dirfd = str_eq(name, "state") ? l->dirs.run : l->dirs.containers;

	if (seen_is_at(l->seen, id))
		return seen_read(l->seen, l, name, ret, e);
	path = xasprintf("%s/%s", id, name);
	return fs_read_file(dirfd, path, STATE_TEXT_MAX, ret, NULL, e);
}

static int read_run(struct local *l, const char *id, struct run_state *ret, struct err *e)
{
	auto_free char *text = NULL;
	int r = read_text(l, id, "state", &text, e);

	return r < 0 ? r : run_state_parse(text, ret, e);
}

static int read_last(struct local *l, const char *id, struct last_state *ret, struct err *e)
{
	auto_free char *text = NULL;
	int r = read_text(l, id, "last", &text, e);

	return r < 0 ? r : last_state_parse(text, ret, e);
}

/* Nobody has recorded the end; what init wrote, if it could, is all that is known. */
static void ended_unseen(struct local *l, const struct container *c, struct local_status *ret)
{
	struct err ignored;
	auto_close int dir = fs_open_dir(l->dirs.containers, c->id, &ignored);

	ret->state = CONTAINER_EXITED;
	ret->last = (struct last_state){ .exit_code = -1 };
	if (exit_file_read(dir, &ret->last.exit_code, &ret->last.finished) < 0)
		ret->last.finished = 0;
}

static int look(
	struct local *, const struct container *, struct local_status *, bool again, struct err *e);

/* A container that does not run, from what is on disk: `last` says how it ended. If there is none
 * but the monitor's `exit`, it was started, and the host went down before its end was recorded. */
static int past(struct local *l, const struct container *c, struct local_status *ret, struct err *e)
{
	auto_close int dir = -1, run_dir = -1, alive = -1;
	struct err ignored;

	ret->state = CONTAINER_EXITED;
	if (read_last(l, c->id, &ret->last, &ignored) == 0)
		return 0;
	dir = openat(l->dirs.containers, c->id, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (dir < 0)
		return err_set(e, ENOENT, "no container '%.12s'", c->id);
	if (local_find_lost(l, c, dir, &ignored))
		return look(l, c, ret, true, e);
	ret->state = CONTAINER_CREATED;
	if (faccessat(dir, "exit", F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return 0; /* never started */
	run_dir = fs_open_dir(l->dirs.run, c->id, &ignored);
	if (run_dir >= 0 && has_monitor(run_dir, &alive))
		return 0; /* just being started */
	if (last_state_read(dir, &ret->last, &ignored) == 0) {
		ret->state = CONTAINER_EXITED;
		return 0;
	}
	if (c->config.auto_remove) {
		/* its monitor died before it knew the process: the group may be there already */
		auto_free char *cgroup = local_cgroup(l, c->id);
		cgroup_remove(cgroup, &ignored);
		container_remove_files(
			&l->dirs, c->id, c->config.name, c->config.machine, &ignored);
		return err_set(e, ENOENT, "no container '%.12s'", c->id);
	}
	ended_unseen(l, c, ret);
	return 0;
}

/* Being frozen for a moment, by a command that reads its files: that is nobody's pause. */
static bool is_being_read(struct local *l, const char *id)
{
	char path[ENGINE_ID_SIZE + sizeof "/freezing"];

	snprintf(path, sizeof path, "%s/freezing", id);
	return faccessat(l->dirs.run, path, F_OK, 0) == 0;
}

/* A commit that was killed has left the container frozen: nobody holds its lock any more. */
static void thaw_forgotten(struct local *l, const char *id, pid_t init)
{
	struct seen *seen = seen_is_at(l->seen, id) ? l->seen : NULL;
	auto_free char *cgroup = NULL;
	auto_close int run_dir = -1, lock = -1;
	struct err ignored;

	if (seen && seen_lacks(seen, "freezing"))
		return;
	if (!is_being_read(l, id)) {
		if (seen)
			seen_keep_lack(seen, "freezing");
		return;
	}
	run_dir = fs_open_dir(l->dirs.run, id, &ignored);
	if (run_dir < 0 || fs_is_locked(run_dir, "lock"))
		return;
	lock = fs_lock(run_dir, "lock", 1000, &ignored);
	if (lock >= 0 && is_being_read(l, id)) {
		cgroup = local_cgroup(l, id);
		cgroup_thaw(cgroup, init, &ignored);
		unlinkat(run_dir, "freezing", 0);
	}
}

static bool is_frozen(struct local *l, const char *id, pid_t init)
{
	if (!l->has_freezer)
		cgroup_freezer_open(l->cgroup_parent, &l->freezer);
	l->has_freezer = true;
	return cgroup_freezer_is_on(&l->freezer, id, init);
}

/* Whether its first process lives, and its monitor as far as that can be said at the same time. */
static bool lives(const struct run_state *run, bool *ret_monitor)
{
	int known = run->inode ? proc_is(run->pid, run->inode) : -ENOSYS;
	pid_t parent;

	*ret_monitor =
		known > 0 && run->monitor_inode && proc_is(run->monitor, run->monitor_inode) > 0;
	if (known >= 0)
		return known;
	if (!proc_lives_with(run->pid, run->start, &parent))
		return false;
	/* it would be another's child if the monitor had ended */
	*ret_monitor = run->monitor > 0 && parent == run->monitor;
	return true;
}

/* Its first process lives. `monitored`: its monitor, too; else it has to be asked for. */
static int present(struct local *l, const struct container *c, bool monitored,
	struct local_status *ret, struct err *e)
{
	auto_close int run_dir = -1, alive = -1;

	thaw_forgotten(l, c->id, ret->run.pid);
	ret->state = is_frozen(l, c->id, ret->run.pid) && !is_being_read(l, c->id)
			     ? CONTAINER_PAUSED
			     : CONTAINER_RUNNING;
	if (monitored)
		return 0;
	run_dir = fs_open_dir(l->dirs.run, c->id, e);
	if (run_dir < 0)
		return run_dir;
	return has_monitor(run_dir, &alive) ? 0 : adopt(l, c, run_dir, alive, e);
}

/* The process has ended, and its monitor is about to record that: it says when it has, or ends. */
static bool await_record(struct local *l, const char *id, int run_dir)
{
	int64_t deadline = time_monotonic() + RECORD_WAIT;
	struct err ignored;
	auto_close int fd = monitor_watch(l, id, &ignored), gone = -1;

	while (fd >= 0) {
		struct frame header = { 0 };
		struct pollfd p = { fd, POLLIN, 0 };
		int64_t left = (deadline - time_monotonic()) / 1000000;
		ssize_t n;
		if (left <= 0 || poll(&p, 1, (int)left) == 0)
			return false;
		n = recv(fd, &header, sizeof header, MSG_DONTWAIT);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n == sizeof header && header.type != FRAME_EXIT && header.type != FRAME_WAITING)
			continue;
		if (n == sizeof header)
			return true;
		break;
	}
	/* too late to be heard: it is ending, and its lock goes with it */
	gone = fs_lock(run_dir, "alive", RECORD_WAIT / 1000000, &ignored);
	return gone >= 0;
}

int local_end_wait(
	struct local *l, const struct container *c, const struct run_state *run, struct err *e)
{
	auto_close int run_dir = fs_open_dir(l->dirs.run, c->id, e);

	return run_dir < 0 ? run_dir : bury(l, c, run_dir, run, e);
}

/* It waited for its next attempt when its monitor died: would that make one? */
static bool is_forgotten(struct local *l, const struct container *c, const struct local_status *s)
{
	auto_free char *stopped = xasprintf("%s/stopped", c->id);
	struct life life = { .policy = (enum policy_kind)c->config.restart,
		.max = c->config.restart_max,
		.restarts = s->run.restarts };

	return faccessat(l->dirs.containers, stopped, F_OK, AT_SYMLINK_NOFOLLOW) < 0 &&
	       life_step(&life, LIFE_EXITED, s->last.exit_code, 0) == LIFE_WAITING;
}

static int look(struct local *l, const struct container *c, struct local_status *ret, bool again,
	struct err *e)
{
	struct err ignored;
	auto_close int run_dir = -1, alive = -1;
	bool this_boot, monitored;
	int r;

	memset(ret, 0, sizeof *ret);
	r = read_run(l, c->id, &ret->run, &ignored);
	if (r == -ENOENT)
		return past(l, c, ret, e);
	if (!*l->boot)
		proc_boot_id(l->boot);
	this_boot = r == 0 && str_eq(l->boot, ret->run.boot);
	/* a zombie has ended, and its monitor is about to reap it */
	if (this_boot && lives(&ret->run, &monitored))
		return present(l, c, monitored, ret, e);
	run_dir = fs_open_dir(l->dirs.run, c->id, &ignored);
	if (r < 0 && has_monitor(run_dir, &alive)) {
		/* damaged, or another version's: no reason to say that it does not run */
		ret->state = CONTAINER_RUNNING;
		return 0;
	}
	if (r < 0) {
		close_fd(&alive);
		return past(l, c, ret, e);
	}
	if (ret->run.restarting && this_boot && has_monitor(run_dir, &alive)) {
		ret->state = CONTAINER_RESTARTING;
		return read_last(l, c->id, &ret->last, e);
	}
	if (alive < 0 && has_monitor(run_dir, &alive)) {
		if (again)
			return past(l, c, ret, e);
		if (await_record(l, c->id, run_dir))
			return look(l, c, ret, true, e);
		r = past(l, c, ret, e);
		if (r == 0 && ret->state == CONTAINER_CREATED) /* its monitor hangs: it is dead */
			ended_unseen(l, c, ret);
		return r;
	}
	if (ret->run.restarting && this_boot) {
		r = past(l, c, ret, e);
		ret->forgotten =
			r == 0 && ret->state == CONTAINER_EXITED && is_forgotten(l, c, ret);
		if (r < 0 || ret->forgotten)
			return r;
	}
	r = bury(l, c, run_dir, &ret->run, e);
	return r < 0 ? r : past(l, c, ret, e);
}

int local_status(
	struct local *l, const struct container *c, struct local_status *ret, struct err *e)
{
	return look(l, c, ret, false, e);
}
