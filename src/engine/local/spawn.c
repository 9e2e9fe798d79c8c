/* Starts a monitor, and finds it again. */
#include "base/fault.h"
#include "base/mem.h"
#include "base/proc.h"
#include "engine/local/local.h"
#include "engine/local/protocol.h"
#include "runtime/cgroup.h"
#include "runtime/mnt.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/socket.h>
#include <sys/un.h>

void reserved_ports_release(struct reserved_ports *ports)
{
	for (size_t i = 0; i < ports->n; i++)
		close_fd(&ports->fds[i]);
	free(ports->fds);
	*ports = (struct reserved_ports){ 0 };
}

/* Copies of them beyond the numbers that they will have. */
static int lift_ports(const struct reserved_ports *ports, struct reserved_ports *ret, struct err *e)
{
	ret->fds = xcalloc(ports->n, sizeof *ret->fds);
	for (; ret->n < ports->n; ret->n++) {
		int fd = fcntl(ports->fds[ret->n], F_DUPFD_CLOEXEC, MONITOR_FD_END + (int)ports->n);
		if (fd < 0) {
			err_errno(e, "cannot reserve %zu ports", ports->n);
			reserved_ports_release(ret);
			return -e->code;
		}
		ret->fds[ret->n] = fd;
	}
	return 0;
}

/* Where systemd owns the tree, monitors have a group beside the containers', in the scope of this
 * instance; the first of them has the scope made. */
static pid_t start_in_scope(struct local *l, struct proc_spawn *p, struct err *e)
{
	auto_free char *lock = xasprintf("%s/scope", l->run_root);
	auto_free char *description = xasprintf("redock containers of %s", l->root);
	const struct cgroup_scope scope = { .slice = LOCAL_SLICE,
		.unit = l->scope,
		.description = description,
		.leaf = "monitors",
		.lock = lock };
	struct cgroup_hold hold = CGROUP_HOLD_INIT;
	pid_t pid = -ENODEV;

	if (!l->scope)
		return proc_start(p, NULL, e);
	/* a scope that ends between our look at it and the start is made again, once */
	for (int round = 0; round < 2 && pid == -ENODEV; round++) {
		auto_close int leaf = -1;
		if (cgroup_scope_ensure(&scope, &leaf, &hold, e) < 0)
			return -e->code;
		p->cgroup = leaf;
		pid = proc_start(p, NULL, e);
		cgroup_hold_release(&hold);
	}
	return pid;
}

int monitor_start(struct local *l, const char *mode, const char *name, int client, int spec_fd,
	int alive, const struct reserved_ports *ports, struct err *e)
{
	struct proc_spawn p = PROC_SPAWN_INIT;
	auto_free char *path = proc_helper_path("redock-monitor");
	auto_close int program = mnt_clone(AT_FDCWD, path, MOUNT_ATTR_RDONLY, e);
	char *argv[] = { (char *)"redock-monitor", (char *)mode, (char *)name, NULL };
	struct reserved_ports high = { 0 };
	pid_t pid;

	if (program < 0)
		return err_wrap(e, "cannot start the monitor '%s'", path);
	p.path = path;
	p.exec_fd = program;
	p.argv = argv;
	p.env = fault_environment();
	p.new_session = true;
	p.fds[0] = p.fds[1] = p.fds[2] = -1;
	p.fds[MONITOR_FD_CLIENT] = client;
	p.fds[MONITOR_FD_SPEC] = spec_fd;
	p.fds[MONITOR_FD_ALIVE] = alive;
	p.n_fds = MONITOR_FD_END;
	if (ports && lift_ports(ports, &high, e) < 0)
		return -e->code;
	p.more_fds = high.fds;
	p.n_more_fds = (int)high.n;
	pid = start_in_scope(l, &p, e);
	reserved_ports_release(&high);
	return pid < 0 ? err_wrap(e, "cannot start the monitor") : 0;
}

int monitor_connect(struct local *l, const char *id, struct err *e)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	auto_close int dir = fs_open_dir(l->dirs.run, id, e);
	auto_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (dir < 0)
		return dir;
	snprintf(a.sun_path, sizeof a.sun_path, "/proc/self/fd/%d/control", dir);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) < 0)
		return err_errno(e, "cannot reach the monitor of container '%.12s'", id);
	return take_fd(&fd);
}

int monitor_watch(struct local *l, const char *id, struct err *e)
{
	const struct frame watch = { FRAME_WATCH, 0 };
	auto_close int fd = monitor_connect(l, id, e);

	if (fd >= 0 && send(fd, &watch, sizeof watch, MSG_NOSIGNAL) < 0)
		return err_errno(e, "cannot speak to the monitor of container '%.12s'", id);
	return fd < 0 ? fd : take_fd(&fd);
}
