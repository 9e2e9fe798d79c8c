#include "runtime/process.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/proc.h"
#include "runtime/cgroup.h"
#include "runtime/init.h"
#include "runtime/namespace.h"
#include "runtime/root.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define WARNINGS_MAX 128 /* more than there are limits and capabilities */

void process_release(struct process *p)
{
	close_fd(&p->pidfd);
	close_fd(&p->control);
	close_fd(&p->std_in);
	close_fd(&p->std_out);
	close_fd(&p->std_err);
	close_fd(&p->pty);
	close_fd(&p->notify);
	close_fd(&p->seccomp);
	strv_release(&p->warnings);
}

/* fds of both sides while the child is being made: [0] is ours, [1] the child's. */
struct ends {
	int in[2], out[2], err[2], control[2];
	int exit_fd;
};

static void child_fail(int control, const struct err *e)
{
	struct init_message m = { .type = INIT_FAILED, .exec_status = 125, .err = *e };

	init_send(control, &m, NULL);
	_exit(125);
}

/* All but those of init and what somebody in between has taken from the host for us. */
static int close_others(struct root *root, struct err *e)
{
	auto_free int *keep = xcalloc(root->n_sources + 1, sizeof *keep);
	size_t n = 0;

	for (size_t i = 0; i < root->n_sources; i++)
		keep[n++] = root->sources[i];
	keep[n++] = root->filter;
	if (proc_close_others(INIT_FD_END, keep, n) < 0)
		return err_errno(e, "cannot close descriptors");
	return 0;
}

/* Numbers that init's own are about to take. */
static int move_away(int *fd)
{
	int high;

	if (*fd < 0 || *fd >= INIT_FD_END)
		return 0;
	high = fcntl(*fd, F_DUPFD_CLOEXEC, INIT_FD_END);
	*fd = high; /* the old one is closed when its number is taken */
	return high < 0 ? -errno : 0;
}

/* Puts everything where init.h says and closes all else, the monitor's fds included. */
static int arrange(const struct spec *s, const struct ends *ends, struct root *root, struct err *e)
{
	const int wanted[INIT_FD_END] = {
		[0] = ends->in[1],
		[1] = ends->out[1],
		[2] = ends->err[1],
		[INIT_FD_STDOUT] = ends->out[0],
		[INIT_FD_STDERR] = ends->err[0],
		[INIT_FD_PTY] = -1,
		[INIT_FD_NOTIFY] = -1,
		[INIT_FD_EXIT] = ends->exit_fd,
		[INIT_FD_CONTROL] = ends->control[1],
	};
	int high[INIT_FD_END];

	for (size_t i = 0; i < root->n_sources; i++)
		if (move_away(&root->sources[i]) < 0)
			return err_errno(e, "cannot arrange the container's descriptors");
	if (move_away(&root->filter) < 0)
		return err_errno(e, "cannot arrange the container's descriptors");
	/* unused numbers are held, too, until close_unused(): nothing else may get one of them */
	for (int i = 0; i < INIT_FD_END; i++) {
		int from = wanted[i] < 0 ? open("/dev/null", O_RDWR | O_CLOEXEC) : wanted[i];
		high[i] = from < 0 ? -1 : fcntl(from, F_DUPFD_CLOEXEC, 64);
	}
	for (int i = 0; i < INIT_FD_END; i++) {
		close(i);
		if (high[i] >= 0 && dup3(high[i], i, i < 3 ? 0 : O_CLOEXEC) < 0)
			return err_errno(e, "cannot arrange the container's descriptors");
	}
	return close_others(root, e);
}

/* The null device of fds 0-2 has been the host's so far, and whoever holds it can change its owner
 * and mode: from here on it is the container's. */
static int replace_null(const struct root *r, struct err *e)
{
	auto_close int null_fd = rfd_open_nolink(r->fd, "dev/null", O_RDWR, 0);
	struct stat st;

	for (int fd = 0; fd < 3; fd++)
		if (fstat(fd, &st) < 0 || (S_ISCHR(st.st_mode) && dup3(null_fd, fd, 0) < 0))
			return err_errno(e, "cannot arrange the container's descriptors");
	return 0;
}

/* Lets go of numbers that arrange() has only held: what init does not have must be -1 there. */
static void close_unused(const struct spec *s, const struct root *r)
{
	for (int fd = INIT_FD_STDOUT; s->tty && fd <= INIT_FD_STDERR; fd++)
		close(fd);
	if (r->pty < 0)
		close(INIT_FD_PTY);
	if (r->notify < 0)
		close(INIT_FD_NOTIFY);
}

/* Gives the terminal and the notify socket to the monitor, and keeps them for a later one. */
static int hand_over(const struct spec *s, struct root *r, struct err *e)
{
	struct init_message m = {
		.type = INIT_FDS, .has_pty = r->pty >= 0, .has_notify = r->notify >= 0
	};
	int fds[2];

	if (m.has_pty)
		fds[m.n_fds++] = r->pty;
	if (m.has_notify)
		fds[m.n_fds++] = r->notify;
	if (init_send(INIT_FD_CONTROL, &m, fds) < 0)
		return err_set(e, EPIPE, "the monitor is gone");
	close_unused(s, r);
	if (r->pty >= 0 && dup3(r->pty, INIT_FD_PTY, O_CLOEXEC) >= 0)
		close_fd(&r->pty);
	if (r->notify >= 0 && dup3(r->notify, INIT_FD_NOTIFY, O_CLOEXEC) >= 0)
		close_fd(&r->notify);
	return 0;
}

/* Waits for "go", which brings the network namespace. */
static int wait_for_go(struct err *e)
{
	struct init_message m;
	int fds[2] = { -1, -1 };

	if (init_receive(INIT_FD_CONTROL, &m, fds) < 0)
		_exit(125); /* whoever wanted this container is gone */
	if (fds[0] >= 0 && setns(fds[0], CLONE_NEWNET) < 0)
		return err_errno(e, "cannot enter the network namespace");
	close_fd(&fds[0]);
	return 0;
}

/* Seen from the inside, the group that it is in by now is the topmost. */
static int separate_cgroups(const struct spec *s, struct err *e)
{
	const struct spec_namespace *n = spec_namespace_of(s, CLONE_NEWCGROUP);

	/* EINVAL: a kernel without cgroups */
	if (n && !n->path && unshare(CLONE_NEWCGROUP) < 0 && errno != EINVAL)
		return err_errno(e, "cannot make a cgroup namespace");
	return 0;
}

static int set_names(const struct spec *s, struct err *e)
{
	const struct spec_namespace *uts = spec_namespace_of(s, CLONE_NEWUTS);
	const bool own = uts && !uts->path; /* one that was there before has its name */

	if (own && s->hostname && sethostname(s->hostname, strlen(s->hostname)) < 0)
		return err_errno(e, "cannot set host name '%s'", s->hostname);
	if (own && s->domainname && setdomainname(s->domainname, strlen(s->domainname)) < 0)
		return err_errno(e, "cannot set domain name '%s'", s->domainname);
	return 0;
}

__attribute__((noreturn)) static void child_main(
	const struct spec *s, const struct ends *ends, struct root *root, bool staged)
{
	struct err e = { 0 };
	int status;

	prctl(PR_SET_DUMPABLE, 0);
	setsid();
	if (arrange(s, ends, root, &e) < 0)
		child_fail(INIT_FD_CONTROL, &e);
	root->report = INIT_FD_CONTROL;
	if ((staged ? (spec_namespace_of(s, CLONE_NEWUSER) && namespace_become_root(&e) < 0)
		    : cgroup_enter(s->cgroup, &e) < 0 || namespace_prepare(s, &e) < 0) ||
		separate_cgroups(s, &e) < 0 || root_enter(s, root, &e) < 0 ||
		replace_null(root, &e) < 0 || set_names(s, &e) < 0)
		child_fail(INIT_FD_CONTROL, &e);
	if (hand_over(s, root, &e) < 0 || wait_for_go(&e) < 0 || root_finish(s, root, &e) < 0)
		child_fail(INIT_FD_CONTROL, &e);
	for (int fd = 0; s->tty && fd < 3; fd++)
		dup3(root->pty_slave, fd, 0);
	if (!spec_namespace_of(s, CLONE_NEWPID)) /* what is left behind comes to us all the same */
		prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	if (s->init)
		init_main(s, root);
	status = init_exec(s, root, &e);
	struct init_message m = { .type = INIT_FAILED, .exec_status = status, .err = e };
	init_send(INIT_FD_CONTROL, &m, NULL);
	_exit(status);
}

static int make_pipe(int ends[2], bool child_writes, struct err *e)
{
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0)
		return err_errno(e, "cannot make a pipe");
	ends[0] = p[child_writes ? 0 : 1];
	ends[1] = p[child_writes ? 1 : 0];
	return 0;
}

static int make_ends(const struct spec *s, struct ends *ends, struct err *e)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends->control) < 0)
		return err_errno(e, "cannot make a socket");
	if (s->tty)
		return 0;
	if ((s->stdin_open && make_pipe(ends->in, false, e) < 0) ||
		make_pipe(ends->out, true, e) < 0 || make_pipe(ends->err, true, e) < 0)
		return -e->code;
	return 0;
}

/* Flags and group for the clone of the container's process, or of who makes that. */
static int clone_args_for(const struct spec *s, uint64_t flags, struct clone_args *ret,
	int *ret_cgroup, struct err *e)
{
	*ret = (struct clone_args){ .flags = flags, .exit_signal = SIGCHLD };
	*ret_cgroup = cgroup_open(s->cgroup);
	if (*ret_cgroup < 0 && cgroup_layout() == CGROUP_V2)
		return err_errno(e, "cannot open control group '%s'", s->cgroup);
	if (*ret_cgroup >= 0) {
		ret->flags |= CLONE_INTO_CGROUP;
		ret->cgroup = (uint64_t)*ret_cgroup;
	}
	return 0;
}

/* What a process in between tells: a pid, or why there is none. */
struct report {
	long pid;
	struct err err;
};

/* Goes where the container's process is to be born: what it cannot take from the host itself is
 * taken before, and it becomes a child of our parent (clone(2), CLONE_PARENT). */
__attribute__((noreturn)) static void stage_main(
	const struct spec *s, const struct ends *ends, int report_fd)
{
	const struct spec_namespace *user = spec_namespace_of(s, CLONE_NEWUSER);
	struct clone_args args = { .flags = CLONE_PARENT };
	struct report report = { .pid = -1 };
	struct root root = ROOT_INIT;
	struct err *e = &report.err;
	auto_close int userns = -1;
	int r;

	prctl(PR_SET_DUMPABLE, 0);
	r = cgroup_enter(s->cgroup, e);
	if (r >= 0 && user) {
		userns = user->path ? namespace_open(user->path, 0, 0, e)
				    : namespace_with_maps(s->uid_maps, s->n_uid_maps, s->gid_maps,
					      s->n_gid_maps, e);
		if (userns < 0)
			r = -e->code;
		if (r >= 0)
			r = root_sources(s, userns, &root, e);
	}
	if (r >= 0)
		r = namespace_prepare(s, e);
	if (r >= 0 && user && !user->path && setns(userns, CLONE_NEWUSER) < 0)
		r = err_errno(e, "cannot enter the user namespace");
	if (r >= 0) {
		args.flags |= namespace_flags(s) & ~(uint64_t)CLONE_NEWUSER;
		report.pid = syscall(SYS_clone3, &args, sizeof args);
		if (report.pid == 0)
			child_main(s, ends, &root, true);
		if (report.pid < 0)
			err_errno(e, "cannot make the container's namespaces");
	}
	fs_write_all(report_fd, &report, sizeof report);
	_exit(0);
}

static long create_staged(
	const struct spec *s, const struct ends *ends, int *ret_pidfd, struct err *e)
{
	struct report report = { .pid = -1 };
	struct clone_args args;
	auto_close int cgroup = -1;
	int fds[2];
	long stage;

	if (clone_args_for(s, 0, &args, &cgroup, e) < 0)
		return -1;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_errno(e, "cannot make a pipe");
	stage = syscall(SYS_clone3, &args, sizeof args);
	if (stage == 0)
		stage_main(s, ends, fds[1]);
	if (stage < 0)
		err_errno(e, "cannot start a process");
	close(fds[1]);
	if (stage > 0 && fs_read_full(fds[0], &report, sizeof report) != sizeof report) {
		report.pid = -1;
		err_set(&report.err, ECHILD, "the process that makes the container died");
	}
	close(fds[0]);
	if (stage < 0)
		return -1;
	while (waitpid((pid_t)stage, NULL, 0) < 0 && errno == EINTR)
		continue;
	if (report.pid < 0)
		*e = report.err;
	else /* our own child, not waited for: nobody else can have this pid */
		*ret_pidfd = (int)syscall(SYS_pidfd_open, report.pid, 0);
	return report.pid;
}

static long create_directly(
	const struct spec *s, const struct ends *ends, int *ret_pidfd, struct err *e)
{
	struct root root = ROOT_INIT;
	struct clone_args args;
	auto_close int cgroup = -1;
	long pid;

	if (clone_args_for(s, namespace_flags(s) | CLONE_PIDFD, &args, &cgroup, e) < 0)
		return -1;
	args.pidfd = (uintptr_t)ret_pidfd;
	pid = syscall(SYS_clone3, &args, sizeof args);
	if (pid == 0)
		child_main(s, ends, &root, false);
	if (pid < 0)
		err_errno(e, "cannot make the container's namespaces");
	return pid;
}

int process_create(const struct spec *s, int exit_fd, struct process *ret, struct err *e)
{
	struct ends ends = { { -1, -1 }, { -1, -1 }, { -1, -1 }, { -1, -1 }, exit_fd };
	int pidfd = -1, r = make_ends(s, &ends, e);
	long pid = -1;

	if (r == 0) {
		pid = namespace_needs_stage(s) ? create_staged(s, &ends, &pidfd, e)
					       : create_directly(s, &ends, &pidfd, e);
		r = pid < 0 ? -e->code : 0;
	}
	close_fd(&ends.in[1]);
	close_fd(&ends.out[1]);
	close_fd(&ends.err[1]);
	close_fd(&ends.control[1]);
	*ret = (struct process)PROCESS_INIT;
	ret->pid = (pid_t)pid;
	ret->pidfd = pidfd;
	ret->control = ends.control[0];
	ret->std_in = ends.in[0];
	ret->std_out = ends.out[0];
	ret->std_err = ends.err[0];
	if (r < 0)
		process_release(ret);
	return r;
}

int process_hear(struct process *p, struct init_message *m, int fds[2], struct err *e)
{
	for (;;) {
		int r;
		fds[0] = fds[1] = -1;
		r = init_receive(p->control, m, fds);
		if (r == -EAGAIN)
			return r;
		if (r < 0) {
			m->type = INIT_STARTED;
			return err_set(e, ECONNRESET, "the container's first process died");
		}
		switch (m->type) {
		case INIT_WARNING:
			close_fd(&fds[0]);
			close_fd(&fds[1]);
			if (p->warnings.n < WARNINGS_MAX)
				strv_push(&p->warnings, m->err.text);
			break;
		case INIT_SECCOMP:
			close_fd(&fds[1]);
			close_fd(&p->seccomp);
			p->seccomp = fds[0];
			if (p->on_listener &&
				p->on_listener(p->on_listener_data, p->pid, fds[0], e) < 0) {
				m->type = INIT_FAILED;
				m->exec_status = 125;
				return -e->code;
			}
			break;
		case INIT_FAILED:
			close_fd(&fds[0]);
			close_fd(&fds[1]);
			*e = m->err;
			return -m->err.code;
		case INIT_FDS:
		case INIT_STARTED:
			return 0;
		}
	}
}

int process_start(
	const struct spec *s, struct process *p, int netns_fd, int *ret_exec_status, struct err *e)
{
	struct init_message m, go = { .n_fds = netns_fd >= 0 };
	int fds[2] = { -1, -1 };

	*ret_exec_status = 125;
	if (process_hear(p, &m, fds, e) < 0)
		return -e->code;
	p->pty = m.has_pty ? fds[0] : -1;
	p->notify = m.has_notify ? fds[m.has_pty] : -1;
	/* it has made its device nodes, and nothing of the container's own has run */
	if (cgroup_set_devices(s->cgroup, &s->resources, e) < 0)
		return -e->code;
	if (init_send(p->control, &go, &netns_fd) < 0)
		return err_set(e, ECONNRESET, "the container's first process died");
	if (process_hear(p, &m, fds, e) < 0) {
		/* without an init of ours, exec closes the socket: that is the good news */
		if (m.type != INIT_FAILED && !s->init) {
			err_clear(e);
			return 0;
		}
		if (m.type == INIT_FAILED)
			*ret_exec_status = m.exec_status;
		return -e->code;
	}
	close_fd(&p->control);
	return 0;
}
