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
	return sendmsg(socket, &msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
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
	ssize_t n;

	do
		n = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (n != sizeof *ret)
		return -ECONNRESET;
	if (ret->n_fds && msg.msg_controllen >= CMSG_LEN(sizeof(int)))
		memcpy(fds, CMSG_DATA(&control.header), (size_t)ret->n_fds * sizeof(int));
	return 0;
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

int init_exec(const struct spec *s, struct root *r, struct err *e)
{
	return init_exec_after(s, r, NULL, NULL, e);
}

int init_exec_after(const struct spec *s, struct root *r, int (*last)(void *data, struct err *e),
	void *data, struct err *e)
{
	auto_strv env = { 0 };
	struct user user;
	struct stat st;
	bool found;
	int code;

	if (user_resolve(r->fd, s->user, &user, e) < 0)
		return 125;
	if (s->only_groups)
		user.n_groups = 0;
	if (user_add_groups(r->fd, &s->groups, &user, e) < 0)
		return 125;
	setsid();
	if (s->tty && ioctl(0, TIOCSCTTY, 0) < 0) {
		err_errno(e, "cannot take the terminal");
		return 125;
	}
	if (s->tty && fchown(0, user.uid, (gid_t)-1) < 0) {
		err_errno(e, "cannot own the terminal");
		return 125;
	}
	if (!s->tty) /* as Docker: /dev/stdout can be opened again by the container's user */
		for (int fd = 0; user.uid && fd < 3; fd++)
			if (fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode) &&
				fchown(fd, user.uid, user.gid) < 0)
				continue; /* it works all the same, only not through /dev/stdout */
	strv_extend(&env, s->env.v);
	if (!strv_get_env(&env, "HOME"))
		strv_pushf(&env, "HOME=%s", user.home);
	if (enter_workdir(s, r, e) < 0)
		return 125;
	reset_signals();
	environ = env.v;
	/* before the filter, which may forbid it */
	syscall(SYS_close_range, 3U + (unsigned)s->preserve_fds, ~0U, CLOSE_RANGE_CLOEXEC);
	if (confine_process(s, r, &user, e) < 0 || (last && last(data, e) < 0))
		return 125;
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
