#include "runtime/exec.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/proc.h"
#include "runtime/cgroup.h"
#include "runtime/confine.h"
#include "runtime/init.h"
#include "runtime/namespace.h"
#include "runtime/root.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

/* What all sides of an exec need. Of the pairs, [0] is ours and [1] the process's. */
struct job {
	const struct spec *s;
	bool inherit;
	pid_t init;
	int init_pidfd, namespaces; /* CLONE_NEW* to enter */
	enum confine_way way;
	struct root root;
	int in[2], out[2], err[2], control[2];
	struct exec_report *report;
};

/* How the stage ended, in memory that it shares with us and with nobody else. */
struct exec_report {
	long pid;
	struct err err;
};

/* The descriptors that the program gets; the null device is the container's own, since whoever
 * holds a node can change its owner and mode. */
static int arrange(struct job *j, struct err *e)
{
	const int *const pipes[] = { j->in, j->out, j->err };
	auto_close int null_fd = rfd_open(j->root.fd, "dev/null", O_RDWR | O_NOCTTY, 0);
	struct stat st;

	if (null_fd >= 0 &&
		(fstat(null_fd, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3)))
		close_fd(&null_fd);
	for (int fd = 0; fd < 3; fd++) {
		int from = j->s->tty ? j->root.pty_slave : pipes[fd][1];
		if (!j->s->tty && j->inherit)
			from = fstat(fd, &st) == 0 ? fd : -1;
		if (from < 0 || (from == fd && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3)))
			from = null_fd;
		if (from < 0)
			return err_set(
				e, ENODEV, "the container's /dev/null is not the null device");
		if (from != fd && dup3(from, fd, 0) < 0)
			return err_errno(e, "cannot arrange the process's descriptors");
	}
	/* of the caller's own, what is not to be given on is closed by exec */
	for (unsigned fd = 3; fd < 3 + (unsigned)j->s->preserve_fds; fd++)
		if (fcntl((int)fd, F_SETFD, 0) < 0)
			return err_errno(e, "there is no descriptor %u to preserve", fd);
	return 0;
}

/* In the container, as a child of the caller's. Who is in there with CAP_SYS_PTRACE may look into
 * it from its first instruction on (T03): it holds nothing by then that the program does not get,
 * but a socket on which it may say why it failed. */
__attribute__((noreturn)) static void process_main(
	struct job *j, const struct init_program *p, const struct confine_rest *rest)
{
	struct init_message m = { .type = INIT_FAILED, .exec_status = 125 };

	if (init_take_terminal(j->s, &m.err) >= 0 &&
		confine_finish(j->s, &j->root, &p->user, rest, &m.err) >= 0)
		m.exec_status = init_execute(j->s, p, &m.err);
	init_send(j->control[1], &m, NULL);
	_exit(m.exec_status);
}

/* What the caller has open is of the host, and not for a process that somebody inside may look
 * into. */
static int close_callers(struct job *j, struct err *e)
{
	int keep[] = { j->init_pidfd, j->control[1], j->in[1], j->out[1], j->err[1],
		j->root.filter };

	if (proc_close_others(3 + (unsigned)j->s->preserve_fds, keep, ARRAY_SIZE(keep)) < 0)
		return err_errno(e, "cannot close descriptors");
	return 0;
}

/* While /proc is the host's. */
static int set_labels(struct job *j, struct err *e)
{
	int r = confine_labels(j->s, &j->root, e);

	close_fd(&j->root.own_proc);
	return r;
}

static int enter(struct job *j, struct err *e)
{
	if (j->s->cgroup && cgroup_enter(j->s->cgroup, e) < 0)
		return -e->code;
	if (close_callers(j, e) < 0)
		return -e->code;
	if (j->namespaces && setns(j->init_pidfd, j->namespaces) < 0)
		return err_errno(e, "cannot enter the container");
	close_fd(&j->init_pidfd);
	if (j->namespaces & CLONE_NEWUSER && namespace_become_root(e) < 0)
		return -e->code;
	j->root.fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return j->root.fd < 0 ? err_errno(e, "cannot open the container's root") : 0;
}

static int make_terminal(struct job *j, struct err *e)
{
	struct init_message m = { .type = INIT_FDS, .has_pty = true, .n_fds = 1 };

	if (root_terminal(j->s, j->root.fd, &j->root.pty, &j->root.pty_slave, e) < 0)
		return -e->code;
	if (init_send(j->control[1], &m, &j->root.pty) < 0)
		return err_set(e, EPIPE, "the monitor is gone");
	close_fd(&j->root.pty);
	return 0;
}

/* clone(2) and not clone3(2): the default filter, which is on by now, can look into its flags. Not
 * fork(3), since the process becomes a child of our parent. */
static long clone_process(void)
{
#if defined(__s390__) || defined(__CRIS__)
	return syscall(SYS_clone, 0L, (long)CLONE_PARENT, 0L, 0L, 0L);
#else
	return syscall(SYS_clone, (long)CLONE_PARENT, 0L, 0L, 0L, 0L);
#endif
}

/* Enters the container, becomes what the program is to be, and makes the process. Only children are
 * in the pid namespace that is entered, so that nobody inside can see us do it. */
static int stage(struct job *j, struct err *e)
{
	struct init_program program = { 0 };
	struct confine_rest rest;
	long pid;

	prctl(PR_SET_DUMPABLE, 0);
	/* or the process would have it, too */
	if (madvise(j->report, sizeof *j->report, MADV_DONTFORK) < 0)
		return err_errno(e, "cannot keep a page to ourselves");
	j->root.report = j->control[1];
	if (set_labels(j, e) < 0 || enter(j, e) < 0 || (j->s->tty && make_terminal(j, e) < 0) ||
		arrange(j, e) < 0 || init_prepare(j->s, &j->root, &program, e) < 0 ||
		confine_begin(j->s, &j->root, &program.user, j->way, &rest, e) < 0)
		return -e->code;
	pid = clone_process();
	if (pid == 0)
		process_main(j, &program, &rest);
	if (pid < 0)
		return err_errno(e, "cannot start a process in the container");
	j->report->pid = pid;
	return 0;
}

static int clone_stage(struct job *j, struct exec_attempt *a, struct err *e)
{
	struct clone_args args = {
		.flags = CLONE_PIDFD, .exit_signal = SIGCHLD, .pidfd = (uintptr_t)&a->stage_pidfd
	};
	auto_close int cgroup = j->s->cgroup ? cgroup_open(j->s->cgroup) : -1;
	long pid;

	if (cgroup >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)cgroup;
	}
	pid = syscall(SYS_clone3, &args, sizeof args);
	if (pid < 0 && errno == EBUSY && cgroup >= 0) {
		/* it has made groups inside its own, so that is no place for a process */
		close_fd(&cgroup);
		cgroup = cgroup_open_of(j->init);
		args.cgroup = (uint64_t)cgroup;
		pid = syscall(SYS_clone3, &args, sizeof args);
	}
	if (pid == 0) {
		stage(j, &j->report->err);
		_exit(0);
	}
	if (pid < 0)
		return err_errno(e, "cannot start a process");
	a->stage = (pid_t)pid;
	return 0;
}

static int start(struct job *j, struct exec_attempt *a, struct err *e)
{
	void *page = mmap(
		NULL, sizeof *j->report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return err_errno(e, "cannot share memory");
	j->report = a->report = page;
	j->report->pid = -1;
	return clone_stage(j, a, e);
}

static int make_pair(int ends[2], bool process_writes, struct err *e)
{
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0)
		return err_errno(e, "cannot make a pipe");
	ends[0] = p[process_writes ? 0 : 1];
	ends[1] = p[process_writes ? 1 : 0];
	return 0;
}

/* Numbers above those that the program gets. */
static int lift(int *fd, const struct spec *s, struct err *e)
{
	int lowest = 3 + (int)s->preserve_fds, high;

	if (*fd >= lowest)
		return 0;
	high = fcntl(*fd, F_DUPFD_CLOEXEC, lowest);
	if (high < 0)
		return err_errno(e, "cannot arrange the process's descriptors");
	close(*fd);
	*fd = high;
	return 0;
}

static int make_ends(struct job *j, struct err *e)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, j->control) < 0)
		return err_errno(e, "cannot make a socket");
	if (lift(&j->control[1], j->s, e) < 0)
		return -e->code;
	if (j->s->tty || j->inherit)
		return 0;
	if ((j->s->stdin_open && make_pair(j->in, false, e) < 0) ||
		make_pair(j->out, true, e) < 0 || make_pair(j->err, true, e) < 0)
		return -e->code;
	/* while they are put on 0 to 2 none may be there already */
	for (int *const *p = (int *const[]){ &j->in[1], &j->out[1], &j->err[1], NULL }; *p; p++)
		if (**p >= 0 && lift(*p, j->s, e) < 0)
			return -e->code;
	return 0;
}

static void attempt_release(struct exec_attempt *a)
{
	process_release(&a->process);
	close_fd(&a->stage_pidfd);
	if (a->report)
		munmap(a->report, sizeof *a->report);
	a->report = NULL;
}

/* Whether a process of the container can look into one of its own user's that is not dumpable:
 * proc(5), CapBnd. */
static bool may_trace(pid_t init)
{
	const uint64_t trace = UINT64_C(1) << CAP_SYS_PTRACE;
	auto_free char *path = xasprintf("/proc/%d/status", init), *text = NULL;
	struct err ignored;
	const char *line;

	if (fs_read_file(AT_FDCWD, path, 65536, &text, NULL, &ignored) < 0)
		return true;
	line = strstr(text, "\nCapBnd:");
	return !line || strtoull(line + 8, NULL, 16) & trace;
}

/* A filter that nobody but the privileged can load is loaded by the process itself, since it may
 * forbid to make one; unless somebody could take the privilege from the process. */
static enum confine_way choose_way(const struct spec *s, pid_t init)
{
	if (!s->seccomp || !*s->seccomp || s->no_new_privs)
		return CONFINE_FILTER_LAST;
	return may_trace(init) ? CONFINE_FILTER_FIRST : CONFINE_FILTER_LAST;
}

int process_exec_begin(const struct spec *spec, pid_t init, int init_pidfd, bool inherit,
	struct exec_attempt *ret, struct err *e)
{
	struct spec s = *spec; /* its members stay the caller's */
	struct job j = { .s = &s,
		.inherit = inherit,
		.init = init,
		.init_pidfd = init_pidfd,
		.root = ROOT_INIT,
		.in = { -1, -1 },
		.out = { -1, -1 },
		.err = { -1, -1 },
		.control = { -1, -1 } };
	struct exec_attempt a = EXEC_ATTEMPT_INIT;
	int r;

	s.init = false;
	r = j.namespaces = namespace_differences(init, e);
	/* looked at by pid: if the pidfd's process lives, it was that one's */
	if (syscall(SYS_pidfd_send_signal, init_pidfd, 0, NULL, 0) < 0)
		r = err_set(e, ESRCH, "the container is not running");
	if (r >= 0)
		r = root_open_filter(&s, &j.root, e);
	j.way = choose_way(&s, init);
	if (r >= 0)
		r = make_ends(&j, e);
	if (r >= 0)
		r = start(&j, &a, e);
	close_fd(&j.in[1]);
	close_fd(&j.out[1]);
	close_fd(&j.err[1]);
	close_fd(&j.control[1]);
	root_release(&j.root);
	a.process.control = j.control[0];
	a.process.std_in = j.in[0];
	a.process.std_out = j.out[0];
	a.process.std_err = j.err[0];
	if (r < 0) {
		attempt_release(&a);
		return r;
	}
	fcntl(a.process.control, F_SETFL, O_NONBLOCK);
	a.ready = !s.tty; /* nothing to hand over */
	*ret = a;
	return 0;
}

int process_exec_fd(const struct exec_attempt *a)
{
	return a->stage ? a->stage_pidfd : a->failure.code ? a->process.pidfd : a->process.control;
}

/* Who has entered the container is dead: has it made a process there? */
static int hear_stage(struct exec_attempt *a, struct err *e)
{
	while (waitpid(a->stage, NULL, 0) < 0 && errno == EINTR)
		continue;
	a->stage = 0;
	if (a->report->pid <= 0) {
		*e = a->report->err;
		return e->code ? -e->code
			       : err_set(e, ECHILD, "the process that enters the container died");
	}
	a->process.pid = (pid_t)a->report->pid;
	/* our own child, not waited for: nobody else can have this pid */
	a->process.pidfd = (int)syscall(SYS_pidfd_open, a->process.pid, 0);
	return 0;
}

/* Until the program has been executed: that closes the socket. 1 then, 0 before. */
static int hear_result(struct exec_attempt *a, struct err *e)
{
	struct init_message m = { 0 };
	int fds[2] = { -1, -1 }, r = process_hear(&a->process, &m, fds, e);

	if (r == -EAGAIN)
		return 0;
	if (r == 0 && !a->ready && m.has_pty) {
		a->ready = true;
		a->process.pty = fds[0];
		close_fd(&fds[1]);
		return 0;
	}
	if (r == -ECONNRESET && m.type != INIT_FAILED && a->ready) {
		err_clear(e);
		return 1;
	}
	if (m.type == INIT_FAILED)
		a->exec_status = m.exec_status;
	close_fd(&fds[0]);
	close_fd(&fds[1]);
	return r < 0 ? r : err_set(e, EPROTO, "the process says what it should not");
}

int process_exec_step(
	struct exec_attempt *a, struct process *ret, int *ret_exec_status, struct err *e)
{
	int r;

	if (a->failure.code) { /* and it has ended by now */
		*e = a->failure;
		while (waitpid(a->process.pid, NULL, 0) < 0 && errno == EINTR)
			continue;
		r = -e->code;
	} else if (a->stage) {
		r = hear_stage(a, e);
	} else {
		r = hear_result(a, e);
	}
	if (r == 0)
		return 0;
	*ret_exec_status = a->exec_status;
	if (r > 0) {
		close_fd(&a->process.control);
		*ret = a->process;
		a->process = (struct process)PROCESS_INIT;
	} else if (a->process.pid && !a->failure.code) {
		a->failure = *e;
		syscall(SYS_pidfd_send_signal, a->process.pidfd, SIGKILL, NULL, 0);
		return 0;
	}
	attempt_release(a);
	return r;
}

int process_exec(const struct spec *spec, pid_t init, int init_pidfd, bool inherit,
	struct process *ret, int *ret_exec_status, struct err *e)
{
	struct exec_attempt a;
	int r;

	*ret_exec_status = 125;
	r = process_exec_begin(spec, init, init_pidfd, inherit, &a, e);
	if (r < 0)
		return r;
	a.process.on_listener = ret->on_listener;
	a.process.on_listener_data = ret->on_listener_data;
	do
		poll(&(struct pollfd){ process_exec_fd(&a), POLLIN, 0 }, 1, -1);
	while ((r = process_exec_step(&a, ret, ret_exec_status, e)) == 0);
	return r < 0 ? r : 0;
}
