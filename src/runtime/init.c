#include "runtime/init.h"
#include "base/fs.h"
#include "base/mem.h"
#include "runtime/confine.h"
#include "runtime/seccomp.h"
#include "runtime/user.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

extern char **environ;

int init_send(int socket, const struct init_message *m, const int *fds)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(2 * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { (void *)m, sizeof *m };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (m->n_fds) {
		struct cmsghdr *c = &control.header;
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE((size_t)m->n_fds * sizeof(int));
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN((size_t)m->n_fds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, (size_t)m->n_fds * sizeof(int));
	}
	/* nobody waits for a warning to be read */
	return sendmsg(socket, &msg, MSG_NOSIGNAL | (m->type == INIT_WARNING ? MSG_DONTWAIT : 0)) <
			       0
		       ? -errno
		       : 0;
}

/* Whoever can look into the other side (T03) says what he likes. */
static bool is_sound(struct init_message *m, int n_fds)
{
	unsigned char has_pty, has_notify;

	memcpy(&has_pty, &m->has_pty, sizeof has_pty);
	memcpy(&has_notify, &m->has_notify, sizeof has_notify);
	m->err.text[sizeof m->err.text - 1] = m->err.hint[sizeof m->err.hint - 1] = '\0';
	if (has_pty > 1 || has_notify > 1 || m->n_fds != n_fds || m->type < INIT_FDS ||
		m->type > INIT_SECCOMP)
		return false;
	if (m->type == INIT_FDS && has_pty + has_notify > n_fds)
		return false;
	return m->type != INIT_FAILED || (m->err.code > 0 && m->err.code < 4096 &&
						 m->exec_status >= 125 && m->exec_status <= 127);
}

int init_receive(int socket, struct init_message *ret, int fds[2])
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(2 * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { ret, sizeof *ret };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof control };
	int n_fds = 0;
	ssize_t n;

	do
		n = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	/* at most two fit in */
	if (msg.msg_controllen >= CMSG_LEN(sizeof(int)) && control.header.cmsg_type == SCM_RIGHTS) {
		n_fds = control.header.cmsg_len >= CMSG_LEN(2 * sizeof(int)) ? 2 : 1;
		memcpy(fds, CMSG_DATA(&control.header), (size_t)n_fds * sizeof(int));
	}
	if (n == sizeof *ret && is_sound(ret, n_fds))
		return 0;
	for (int i = 0; i < n_fds; i++)
		close_fd(&fds[i]);
	return -ECONNRESET;
}

/* WORKDIR, made when it is missing as Docker does. Never through a magic link; and what getcwd(3)
 * calls unreachable is outside (T01). */
static int enter_workdir(const struct spec *s, const struct root *r, struct err *e)
{
	const char *path = s->cwd && *s->cwd ? s->cwd : "/";
	auto_close int dir = rfd_open(r->fd, path, O_PATH | O_DIRECTORY, 0);
	char where[4096];

	if (dir == -ENOENT && r->sources) { /* not for one more process of a container */
		dir = root_make_path(r->fd, path, true, e);
		if (dir < 0)
			return err_wrap(e, "cannot make the working directory");
	}
	if (dir < 0 || fchdir(dir) < 0) {
		if (dir < 0)
			errno = -dir;
		return err_errno(e, "cannot enter the working directory '%s'", path);
	}
	if (syscall(SYS_getcwd, where, sizeof where) < 0 || where[0] != '/')
		return err_set(
			e, EPERM, "the working directory '%s' is outside the container", path);
	return 0;
}

static void reset_signals(void)
{
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* As Docker: /dev/stdout can be opened again by the container's user. Where it cannot be given away
 * it works all the same, only not through /dev/stdout. */
static int own_streams(const struct spec *s, const struct user *u, struct err *e)
{
	struct stat st;

	if (s->tty)
		return fchown(0, u->uid, (gid_t)-1) < 0 ? err_errno(e, "cannot own the terminal")
							: 0;
	for (int fd = 0; u->uid && fd < 3; fd++)
		if (fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode) && fchown(fd, u->uid, u->gid) < 0)
			continue;
	return 0;
}

int init_prepare(const struct spec *s, struct root *r, struct init_program *p, struct err *e)
{
	if (user_resolve(r->fd, s->user, &p->user, e) < 0)
		return -e->code;
	if (s->only_groups)
		p->user.n_groups = 0;
	if (user_add_groups(r->fd, &s->groups, &p->user, e) < 0 || own_streams(s, &p->user, e) < 0)
		return -e->code;
	strv_extend(&p->env, s->env.v);
	if (!strv_get_env(&p->env, "HOME"))
		strv_pushf(&p->env, "HOME=%s", p->user.home);
	if (enter_workdir(s, r, e) < 0)
		return -e->code;
	reset_signals();
	/* before the filter, which may forbid it */
	syscall(SYS_close_range, 3U + (unsigned)s->preserve_fds, ~0U, CLOSE_RANGE_CLOEXEC);
	return 0;
}

int init_take_terminal(const struct spec *s, struct err *e)
{
	setsid();
	return s->tty && ioctl(0, TIOCSCTTY, 0) < 0 ? err_errno(e, "cannot take the terminal") : 0;
}

int init_execute(const struct spec *s, const struct init_program *p, struct err *e)
{
	bool found;
	int code;

	environ = p->env.v;
	execvp(s->args.v[0], s->args.v);
	code = errno;
	found = code != ENOENT && code != ENOTDIR;
	if (code == ENOENT && !strchr(s->args.v[0], '/'))
		err_set(e, code, "executable file not found in the container's PATH: '%s'",
			s->args.v[0]);
	else if (code == EACCES || code == ENOEXEC || code == EISDIR)
		err_set(e, code, "'%s' cannot be executed: %s", s->args.v[0], strerror(code));
	else
		err_set(e, code, "cannot execute '%s': %s", s->args.v[0], strerror(code));
	return found ? 126 : 127;
}

int init_exec(const struct spec *s, struct root *r, struct err *e)
{
	return init_exec_after(s, r, NULL, NULL, e);
}

int init_exec_after(const struct spec *s, struct root *r, int (*last)(void *data, struct err *e),
	void *data, struct err *e)
{
	struct init_program p = {
		0
	}; /* for the program, or for as long as it takes to say why not */

	if (init_take_terminal(s, e) < 0 || init_prepare(s, r, &p, e) < 0 ||
		confine_process(s, r, &p.user, e) < 0 || (last && last(data, e) < 0))
		return 125;
	return init_execute(s, &p, e);
}

static void fail(int status, const struct err *e)
{
	struct init_message m = { .type = INIT_FAILED, .exec_status = status, .err = *e };

	init_send(INIT_FD_CONTROL, &m, NULL);
	_exit(status);
}

/* Forks the container's process; a close-on-exec pipe tells whether exec succeeded. */
static pid_t start_process(const struct spec *s, struct root *r)
{
	struct {
		int status;
		struct err err;
	} report = { 125, { 0 } };
	int pipe_fds[2];
	pid_t pid;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0 || (pid = fork()) < 0) {
		err_errno(&report.err, "cannot start the container's process");
		fail(125, &report.err);
		return -1;
	}
	if (pid == 0) {
		report.status = init_exec(s, r, &report.err);
		fs_write_all(pipe_fds[1], &report, sizeof report);
		_exit(report.status);
	}
	close(pipe_fds[1]);
	if (fs_read_full(pipe_fds[0], &report, sizeof report) == sizeof report)
		fail(report.status, &report.err);
	close(pipe_fds[0]);
	return pid;
}

/* Init needs nothing but to send signals to processes of other users. */
static void confine_init(const struct spec *s)
{
	struct err ignored = { 0 };
	const uint64_t kill_only = UINT64_C(1) << CAP_KILL;

	/* a filter of the person's own is the process's, and may forbid what we do */
	if (s->seccomp && *s->seccomp && seccomp_apply_default(&ignored) < 0)
		fail(125, &ignored);
	confine_caps(kill_only, kill_only, &ignored);
}

static void write_exit(int status)
{
	char text[16];

	snprintf(text, sizeof text, "%d\n", status);
	if (pwrite(INIT_FD_EXIT, text, strlen(text), 0) < 0)
		return; /* the monitor has it from waitpid(2) */
}

/* What ps(1) shows inside as PID 1: our arguments were the monitor's. proc(5): fields 48 and 49 of
 * stat are where they are, on a stack of our own. */
static void set_title(const struct root *r)
{
	static const char title[] = "redock-init";
	auto_free char *path = xasprintf("%d/stat", getpid());
	auto_close int fd = rfd_open_nolink(r->proc_fd, path, O_RDONLY, 0);
	char text[2048], *p;
	unsigned long from = 0, to = 0;
	ssize_t n = fd < 0 ? -1 : fs_read_full(fd, text, sizeof text - 1);

	if (n <= 0)
		return;
	text[n] = '\0';
	p = strrchr(text, ')');
	for (int field = 2; p && field < 48; field++)
		p = strchr(p + 1, ' ');
	if (p)
		from = strtoul(p, &p, 10);
	if (p)
		to = strtoul(p, NULL, 10);
	if (from == 0 || to <= from || to - from < sizeof title || to - from > 65536)
		return;
	memset((char *)from, 0, to - from);
	memcpy((char *)from, title, sizeof title);
}

void init_main(const struct spec *s, struct root *r)
{
	struct init_message started = { .type = INIT_STARTED };
	struct err e = { 0 };
	sigset_t all;
	pid_t process, pid;
	int status, sig, nothing;

	prctl(PR_SET_NAME, "redock-init");
	set_title(r);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL); /* blocked ones wait for sigwait(3), even for PID 1 */
	if (confine_shared(s, &e) < 0)
		fail(125, &e);
	process = start_process(s, r);
	/* the process has its own copies: a terminal or pipe must end when that one closes it */
	nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = 0; fd < 3; fd++)
		dup3(nothing, fd, O_CLOEXEC);
	close(nothing);
	close_fd(&r->fd);
	close_fd(&r->proc_fd);
	close_fd(&r->own_proc);
	close_fd(&r->filter);
	/* r->pty_slave stays open: without one the monitor's end says EIO at once, and poll(2)
	 * spins */
	confine_init(s);
	init_send(INIT_FD_CONTROL, &started, NULL);
	close(INIT_FD_CONTROL);
	for (;;) {
		if (sigwait(&all, &sig) != 0)
			continue;
		if (sig != SIGCHLD) {
			kill(process, sig);
			continue;
		}
		while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
			if (pid != process)
				continue;
			status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
			write_exit(status);
			_exit(status);
		}
	}
}
