#include "runtime/oci/launch.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/proc.h"
#include "runtime/cgroup.h"
#include "runtime/init.h"
#include "runtime/oci/hooks.h"
#include "runtime/root.h"
#include "runtime/namespace.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define STATE_MAX (4u << 20)

__attribute__((noreturn)) static void child_fail(int socket, int status, const struct err *e)
{
	struct init_message m = { .type = INIT_FAILED, .exec_status = status, .err = *e };

	init_send(socket, &m, NULL);
	_exit(status);
}

/* The next step, with the state for its hooks; the process ends with whoever wanted it. */
static char *wait_for_step(int control, struct err *e)
{
	struct init_message m;
	int fds[2] = { -1, -1 };
	auto_close int file = -1;
	struct stat st;
	char *text;

	if (init_receive(control, &m, fds) < 0)
		_exit(125);
	file = fds[0];
	if (file < 0 || fstat(file, &st) < 0 || st.st_size > STATE_MAX)
		child_fail(control, 125, e);
	text = xcalloc(1, (size_t)st.st_size + 1);
	if (fs_pread_full(file, text, (size_t)st.st_size, 0) != st.st_size)
		child_fail(control, 125, e);
	return text;
}

/* The null device that we were given is the host's, and whoever holds it can change its owner and
 * mode: the container's process gets the container's. */
static int replace_null(const struct root *r, struct err *e)
{
	auto_close int null_fd = rfd_open(r->fd, "dev/null", O_RDWR, 0);
	struct stat st;

	for (int fd = 0; null_fd >= 0 && fd < 3; fd++)
		if (fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3) &&
			dup3(null_fd, fd, 0) < 0)
			return err_errno(e, "cannot arrange the container's descriptors");
	return 0;
}

/* Before the root becomes read-only. */
static int make_workdir(const struct spec *s, const struct root *r, struct err *e)
{
	auto_close int dir = s->cwd ? rfd_open(r->fd, s->cwd, O_PATH, 0) : -1;

	if (s->cwd && dir == -ENOENT)
		dir = root_make_path(r->fd, s->cwd, true, e);
	return e->code ? err_wrap(e, "cannot make the working directory") : 0;
}

static void end(int sig)
{
	_exit(128 + sig);
}

/* A first process of a pid namespace ignores what it has no handler for: until it is somebody's
 * program, it ends with a signal as any other would. */
static void mind_signals(void)
{
	static const int fatal[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM };

	for (size_t i = 0; i < ARRAY_SIZE(fatal); i++)
		signal(fatal[i], end);
}

/* Never the host's own name: without a UTS namespace there is no other to change. */
static void name_host(const struct spec *s, int control, struct err *e)
{
	bool wanted = (s->hostname && *s->hostname) || (s->domainname && *s->domainname);

	if (wanted && !spec_namespace_of(s, CLONE_NEWUTS)) {
		err_set(e, EINVAL, "a host name needs a UTS namespace of the container's own");
		child_fail(control, 125, e);
	}
	if (s->hostname && *s->hostname && sethostname(s->hostname, strlen(s->hostname)) < 0) {
		err_errno(e, "cannot set host name '%s'", s->hostname);
		child_fail(control, 125, e);
	}
	if (s->domainname && *s->domainname &&
		setdomainname(s->domainname, strlen(s->domainname)) < 0) {
		err_errno(e, "cannot set domain name '%s'", s->domainname);
		child_fail(control, 125, e);
	}
}

struct start_hooks {
	const struct spec *s;
	const char *state;
};

/* config.md, "StartContainer Hooks": with no more than the container's process has. */
static int run_start_hooks(void *hooks, struct err *e)
{
	const struct start_hooks *h = hooks;

	return hooks_run(h->s, HOOK_START_CONTAINER, h->state, e);
}

__attribute__((noreturn)) static void child_main(
	const struct spec *s, struct root *root, int control, int gate)
{
	struct init_message ready = { .type = INIT_FDS };
	const struct spec_namespace *cgroup_ns = spec_namespace_of(s, CLONE_NEWCGROUP);
	struct err e = { 0 };
	struct start_hooks hooks = { .s = s };
	char *creating, *created;
	int conn, status;

	prctl(PR_SET_DUMPABLE, 0);
	setsid();
	mind_signals();
	root->report = control;
	if (spec_namespace_of(s, CLONE_NEWUSER) && namespace_become_root(&e) < 0)
		child_fail(control, 125, &e);
	creating = wait_for_step(control, &e);
	if (cgroup_ns && !cgroup_ns->path && unshare(CLONE_NEWCGROUP) < 0) {
		err_errno(&e, "cannot make a cgroup namespace");
		child_fail(control, 125, &e);
	}
	name_host(s, control, &e);
	if (root_enter(s, root, &e) < 0 || make_workdir(s, root, &e) < 0)
		child_fail(control, 125, &e);
	init_send(control, &ready, NULL);
	created = wait_for_step(control, &e);
	if (hooks_run(s, HOOK_CREATE_CONTAINER, creating, &e) < 0 || root_finish(s, root, &e) < 0 ||
		replace_null(root, &e) < 0)
		child_fail(control, 125, &e);
	for (int fd = 0; s->tty && fd < 3; fd++)
		dup3(root->pty_slave, fd, 0);
	ready.has_pty = root->pty >= 0;
	ready.n_fds = ready.has_pty;
	init_send(control, &ready, &root->pty);
	close_fd(&root->pty);
	close(control);
	root->report = -1;
	do
		conn = accept4(gate, NULL, NULL, SOCK_CLOEXEC);
	while (conn < 0 && errno == EINTR);
	close(gate);
	if (conn < 0)
		_exit(125);
	root->report = conn;
	if (!s->args.n) {
		err_set(&e, EINVAL, "there is no process to start");
		child_fail(conn, 125, &e);
	}
	hooks.state = created;
	status = init_exec_after(s, root, run_start_hooks, &hooks, &e);
	child_fail(conn, status, &e);
}

/* Tells the parent a pid, or why there is none. */
struct report {
	pid_t pid;
	struct err err;
};

/* What the container's process could not do by itself: take mounts from the host when it is in a
 * user namespace, and be born in namespaces that exist. */
static int gather(const struct spec *s, struct root *root, struct err *e)
{
	const struct spec_namespace *user = spec_namespace_of(s, CLONE_NEWUSER);
	auto_close int userns = -1;

	if (user) {
		userns = user->path ? namespace_open(user->path, 0, 0, e)
				    : namespace_with_maps(s->uid_maps, s->n_uid_maps, s->gid_maps,
					      s->n_gid_maps, e);
		if (userns < 0)
			return -e->code;
		if (root_sources(s, userns, root, e) < 0)
			return -e->code;
	}
	if (namespace_prepare(s, e) < 0)
		return -e->code;
	if (user && !user->path && setns(userns, CLONE_NEWUSER) < 0)
		return err_errno(e, "cannot enter the user namespace");
	return 0;
}

__attribute__((noreturn)) static void helper_main(
	const struct spec *s, int control, int gate, int report_fd)
{
	struct clone_args args = { .flags = CLONE_PARENT };
	struct report report = { 0 };
	struct root root = ROOT_INIT;
	auto_close int cgroup = -1;
	struct err *e = &report.err;
	long pid = -1;

	prctl(PR_SET_DUMPABLE, 0);
	if (*s->cgroup)
		cgroup = cgroup_open(s->cgroup);
	if (cgroup >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)cgroup;
	}
	if ((!*s->cgroup || cgroup_enter(s->cgroup, e) >= 0) &&
		root_open_filter(s, &root, e) >= 0 && gather(s, &root, e) >= 0) {
		args.flags |= namespace_flags(s) & ~(uint64_t)CLONE_NEWUSER;
		pid = syscall(SYS_clone3, &args, sizeof args);
		if (pid == 0) {
			close(report_fd);
			child_main(s, &root, control, gate);
		}
		if (pid < 0)
			err_errno(e, "cannot make the container's namespaces");
	}
	report.pid = (pid_t)pid;
	fs_write_all(report_fd, &report, sizeof report);
	_exit(0);
}

int launch_begin(const struct spec *s, int gate, int hold, struct process *ret, struct err *e)
{
	int control[2] = { -1, -1 }, pipe_fds[2] = { -1, -1 };
	struct report report = { .pid = -1 };
	pid_t helper = -1;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) < 0 ||
		pipe2(pipe_fds, O_CLOEXEC) < 0 || (helper = fork()) < 0) {
		err_errno(e, "cannot start the container's process");
	} else if (helper == 0) {
		close(control[0]);
		close(pipe_fds[0]);
		if (hold >= 0)
			close(hold);
		helper_main(s, control[1], gate, pipe_fds[1]);
	}
	close_fd(&control[1]);
	close_fd(&pipe_fds[1]);
	if (helper > 0) {
		if (fs_read_full(pipe_fds[0], &report, sizeof report) != sizeof report)
			err_set(e, ECHILD, "the process that makes the container died");
		else if (report.pid < 0)
			*e = report.err;
		proc_reap(helper, NULL);
	}
	close_fd(&pipe_fds[0]);
	if (report.pid < 0 || e->code) {
		close_fd(&control[0]);
		return -e->code;
	}
	*ret = (struct process)PROCESS_INIT;
	ret->pid = report.pid;
	ret->pidfd = (int)syscall(SYS_pidfd_open, ret->pid, 0);
	ret->control = control[0];
	return 0;
}

/* Lets it do its next step, and hears how that went. */
static int step(struct process *l, const char *state, struct err *e)
{
	auto_close int file = memfd_create("state", MFD_CLOEXEC);
	struct init_message m = { .type = INIT_STARTED, .n_fds = 1 };
	int fds[2] = { -1, -1 };

	if (file < 0 || fs_write_all(file, state, strlen(state)) < 0)
		return err_errno(e, "cannot hold the container's state");
	if (init_send(l->control, &m, &file) < 0)
		return err_set(e, ECONNRESET, "the container's first process died");
	if (process_hear(l, &m, fds, e) < 0)
		return -e->code;
	if (m.has_pty)
		l->pty = fds[0];
	return 0;
}

int launch_prepare(struct process *l, const char *state, struct err *e)
{
	return step(l, state, e);
}

int launch_finish(struct process *l, const char *state, struct err *e)
{
	return step(l, state, e);
}
