#include "runtime/process.h"
#include "base/fs.h"
#include "base/mem.h"
#include "runtime/cgroup.h"
#include "runtime/init.h"
#include "runtime/root.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

void process_release(struct process *p)
{
	close_fd(&p->pidfd);
	close_fd(&p->control);
	close_fd(&p->std_in);
	close_fd(&p->std_out);
	close_fd(&p->std_err);
	close_fd(&p->pty);
	close_fd(&p->notify);
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

/* Puts everything where init.h says and closes all else, the monitor's fds included. */
static int arrange(const struct spec *s, const struct ends *ends, struct err *e)
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
	if (syscall(SYS_close_range, (unsigned)INIT_FD_END, ~0U, 0) < 0)
		return err_errno(e, "cannot close descriptors");
	return 0;
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
	if (unshare(CLONE_NEWCGROUP) < 0 && errno != EINVAL) /* EINVAL: a kernel without cgroups */
		return err_errno(e, "cannot make a cgroup namespace");
	return 0;
}

__attribute__((noreturn)) static void child_main(const struct spec *s, const struct ends *ends)
{
	struct root root = ROOT_INIT;
	struct err e = { 0 };
	int status;

	prctl(PR_SET_DUMPABLE, 0);
	setsid();
	if (arrange(s, ends, &e) < 0 || cgroup_enter(s->cgroup, &e) < 0 ||
		root_enter(s, &root, &e) < 0 || replace_null(&root, &e) < 0)
		child_fail(INIT_FD_CONTROL, &e);
	if (s->hostname && sethostname(s->hostname, __builtin_strlen(s->hostname)) < 0) {
		err_errno(&e, "cannot set host name '%s'", s->hostname);
		child_fail(INIT_FD_CONTROL, &e);
	}
	if (hand_over(s, &root, &e) < 0 || wait_for_go(&e) < 0 || root_finish(s, &root, &e) < 0)
		child_fail(INIT_FD_CONTROL, &e);
	for (int fd = 0; s->tty && fd < 3; fd++)
		dup3(root.pty_slave, fd, 0);
	if (s->init)
		init_main(s, &root);
	status = init_exec(s, &root, &e);
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

int process_create(const struct spec *s, int exit_fd, struct process *ret, struct err *e)
{
	struct ends ends = { { -1, -1 }, { -1, -1 }, { -1, -1 }, { -1, -1 }, exit_fd };
	struct clone_args args = { .exit_signal = SIGCHLD };
	auto_close int cgroup = -1;
	int pidfd = -1, r = make_ends(s, &ends, e);
	long pid = -1;

	args.flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_PIDFD;
	args.pidfd = (uintptr_t)&pidfd;
	cgroup = cgroup_open(s->cgroup);
	if (r == 0 && cgroup < 0 && cgroup_layout() == CGROUP_V2)
		r = err_errno(e, "cannot open control group '%s'", s->cgroup);
	if (cgroup >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)cgroup;
	}
	if (r == 0) {
		pid = syscall(SYS_clone3, &args, sizeof args);
		if (pid == 0)
			child_main(s, &ends);
		if (pid < 0)
			r = err_errno(e, "cannot make the container's namespaces");
	}
	close_fd(&ends.in[1]);
	close_fd(&ends.out[1]);
	close_fd(&ends.err[1]);
	close_fd(&ends.control[1]);
	*ret = (struct process){ (pid_t)pid, pidfd, ends.control[0], ends.in[0], ends.out[0],
		ends.err[0], -1, -1 };
	if (r < 0)
		process_release(ret);
	return r;
}

/* The next message; a failure that it tells is ours. */
static int hear(struct process *p, struct init_message *m, int fds[2], struct err *e)
{
	if (init_receive(p->control, m, fds) < 0)
		return err_set(e, ECONNRESET, "the container's first process died");
	if (m->type == INIT_FAILED) {
		*e = m->err;
		return -m->err.code;
	}
	return 0;
}

int process_start(
	const struct spec *s, struct process *p, int netns_fd, int *ret_exec_status, struct err *e)
{
	struct init_message m, go = { .n_fds = netns_fd >= 0 };
	int fds[2] = { -1, -1 };

	*ret_exec_status = 125;
	if (hear(p, &m, fds, e) < 0)
		return -e->code;
	p->pty = m.has_pty ? fds[0] : -1;
	p->notify = m.has_notify ? fds[m.has_pty] : -1;
	if (init_send(p->control, &go, &netns_fd) < 0)
		return err_set(e, ECONNRESET, "the container's first process died");
	if (hear(p, &m, fds, e) < 0) {
		/* without an init of ours, exec closes the socket: that is the good news */
		if (e->code == ECONNRESET && !s->init) {
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
