/* A container that runs although its run directory is gone: somebody has emptied the run root. What
 * lasts says so: its monitor has written into the file `exit` which process it is. */
#include "engine/local/lost.h"
#include "base/mem.h"
#include "base/proc.h"
#include "runtime/cgroup.h"
#include "runtime/spec.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>

#define LOCK_WAIT_MS  10000
#define DEATH_WAIT_MS 5000

/* A monitor holds the directory of its container. */
static bool is_monitor_of(pid_t pid, const char *id)
{
	auto_free char *path = xasprintf("/proc/%d/fd", pid), *comm = NULL, *name = NULL;
	auto_dir DIR *d = opendir(path);
	struct dirent *ent;
	struct err ignored;

	name = xasprintf("/proc/%d/comm", pid);
	if (fs_read_file(AT_FDCWD, name, 64, &comm, NULL, &ignored) < 0 ||
		!str_eq(comm, "redock-monitor\n"))
		return false;
	while (d && (ent = readdir(d))) {
		char target[4096];
		ssize_t n = readlinkat(dirfd(d), ent->d_name, target, sizeof target - 1);
		target[n > 0 ? n : 0] = '\0';
		if (strstr(target, id))
			return true;
	}
	return false;
}

/* Nobody can reach it any more, and it writes where nobody looks: the container outlives it. */
static int end_monitor(const char *id, pid_t monitor, struct err *e)
{
	auto_close int pidfd = monitor > 0 ? (int)syscall(SYS_pidfd_open, monitor, 0) : -1;
	struct pollfd p = { pidfd, POLLIN, 0 };

	/* opened first, looked at second: the number cannot change hands in between */
	if (pidfd < 0 || !is_monitor_of(monitor, id))
		return 0;
	syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
	while (poll(&p, 1, DEATH_WAIT_MS) < 0 && errno == EINTR)
		continue;
	return p.revents ? 0 : err_set(e, ETIMEDOUT, "monitor %d does not end", monitor);
}

/* The specification as it would be made today, and the claim on its address. */
static int write_again(struct local *l, const struct container *c, int run_dir,
	const struct run_state *run, struct err *e)
{
	auto_str data = STR_INIT(16 << 20);
	auto_close int net = -1, addresses = -1;
	auto_spec s = { 0 };

	if (local_build_spec(l, c, &s, e) < 0)
		return -e->code;
	s.network_release = (struct strv){ 0 };
	if (*run->address) {
		s.address = xstrdup(run->address);
		if (!strchr(run->address, '/') && str_eq(c->config.network, "bridge")) {
			strv_pushf(&s.release, "%s/net/addresses/%s", l->run_root, run->address);
			net = fs_open_dir_make(l->run, "net", 0700, e);
			addresses = net < 0 ? net : fs_open_dir_make(net, "addresses", 0700, e);
			if (addresses < 0 || fs_write_file(addresses, run->address, c->id,
						     strlen(c->id), 0600, FS_VOLATILE, e) < 0)
				return -e->code;
		}
	}
	spec_encode(&s, &data);
	if (data.overflow)
		return err_set(e, E2BIG, "the container's specification is too long");
	if (fs_write_file(run_dir, "spec", data.data, data.len, 0600, FS_VOLATILE, e) < 0)
		return -e->code;
	return run_state_write(run_dir, run, e);
}

/* The file can be written by init, which somebody inside may have got hold of: no other process is
 * taken for the container's. */
static bool is_in_group(pid_t pid, const char *id)
{
	auto_free char *path = xasprintf("/proc/%d/cgroup", pid), *text = NULL;
	struct err ignored;

	if (cgroup_layout() == CGROUP_NONE)
		return true;
	return fs_read_file(AT_FDCWD, path, 64 << 10, &text, NULL, &ignored) == 0 &&
	       strstr(text, id);
}

bool local_find_lost(struct local *l, const struct container *c, int dir, struct err *e)
{
	auto_close int run_dir = -1, lock = -1;
	struct run_state run;

	if (exit_file_state(dir, &run) < 0)
		return false;
	if (!*l->boot)
		proc_boot_id(l->boot);
	if (!str_eq(run.boot, l->boot) || !proc_lives(run.pid, run.start) ||
		!is_in_group(run.pid, c->id))
		return false;
	run_dir = local_run_dir(l, c->id, e);
	lock = run_dir < 0 ? run_dir : fs_lock(run_dir, "lost", LOCK_WAIT_MS, e);
	if (lock < 0)
		return false;
	/* somebody else was faster */
	if (faccessat(run_dir, "state", F_OK, 0) == 0)
		return true;
	return end_monitor(c->id, run.monitor, e) == 0 && write_again(l, c, run_dir, &run, e) == 0;
}
