#include "runtime/oci/console.h"
#include "base/fs.h"
#include "base/mem.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>

/* By its directory's fd where the path is longer than a socket's may be. */
static int connect_path(const char *path, struct err *e)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), dir = -1;
	auto_free char *copy = xstrdup(path);
	char *slash = strrchr(copy, '/');
	int n = 0;

	if (strlen(path) < sizeof a.sun_path) {
		memcpy(a.sun_path, path, strlen(path) + 1);
	} else if (slash) {
		*slash = '\0';
		dir = open(copy, O_PATH | O_DIRECTORY | O_CLOEXEC);
		n = snprintf(a.sun_path, sizeof a.sun_path, "/proc/self/fd/%d/%s", dir, slash + 1);
	}
	if (!*a.sun_path || n >= (int)sizeof a.sun_path)
		return err_set(e, ENAMETOOLONG, "'%s' is too long for a socket", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) < 0)
		return err_errno(e, "cannot connect to socket '%s'", path);
	return take_fd(&fd);
}

int socket_send_fd(const char *path, const char *text, int passed, struct err *e)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { .header = { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	struct iovec iov = { (void *)text, strlen(text) };
	const struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = CMSG_SPACE(sizeof(int)) };
	auto_close int fd = connect_path(path, e);
	ssize_t n;

	if (fd < 0)
		return fd;
	memcpy(CMSG_DATA(&control.header), &passed, sizeof passed);
	n = sendmsg(fd, &m, MSG_NOSIGNAL);
	if (n < 0 || fs_write_all(fd, text + n, strlen(text) - (size_t)n) < 0)
		return err_errno(e, "cannot send a descriptor to '%s'", path);
	return 0;
}

int console_send(const char *path, int pty, struct err *e)
{
	return socket_send_fd(path, "/dev/ptmx", pty, e);
}

static void copy_size(int pty)
{
	struct winsize size;

	if (ioctl(0, TIOCGWINSZ, &size) == 0)
		ioctl(pty, TIOCSWINSZ, &size);
}

/* Copies once; false at the end. EIO is how a master says that nobody has the other end open. */
static bool copy(int from, int to)
{
	char block[16384];
	ssize_t n = read(from, block, sizeof block);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	return n > 0 && fs_write_all(to, block, (size_t)n) == 0;
}

/* Reaps; true when it was `pid`. */
static bool reap(pid_t pid, int *ret_status)
{
	int status;
	pid_t p;

	while ((p = waitpid(-1, &status, WNOHANG)) > 0)
		if (p == pid) {
			*ret_status =
				WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
			return true;
		}
	return false;
}

static bool take_signal(int signals, pid_t pid, int pty, int *ret_status)
{
	struct signalfd_siginfo info;

	if (read(signals, &info, sizeof info) != sizeof info)
		return false;
	if (info.ssi_signo == SIGCHLD)
		return reap(pid, ret_status);
	if (info.ssi_signo == SIGWINCH && pty >= 0)
		copy_size(pty);
	else if (info.ssi_signo != SIGPIPE && info.ssi_signo != SIGURG)
		kill(pid, (int)info.ssi_signo); /* ours to reap: it is still this process */
	return false;
}

static int attend(pid_t pid, int signals, int pty)
{
	struct pollfd p[] = { { signals, POLLIN, 0 }, { pty, POLLIN, 0 },
		{ pty < 0 ? -1 : 0, POLLIN, 0 } };
	int status = 0;
	bool ended = reap(pid, &status); /* before we listened */

	while (!ended) {
		if (poll(p, ARRAY_SIZE(p), -1) < 0)
			continue;
		if (p[1].revents && !copy(pty, 1))
			p[1].fd = -1;
		if (p[2].revents && !copy(0, pty)) {
			const char end_of_file = 4; /* ^D */
			fs_write_all(pty, &end_of_file, 1);
			p[2].fd = -1;
		}
		ended = p[0].revents && take_signal(signals, pid, pty, &status);
	}
	/* what it wrote last; somebody else may still hold the terminal, so only what is there */
	while (p[1].fd >= 0 && poll(&p[1], 1, 0) > 0 && copy(pty, 1))
		continue;
	return status;
}

int console_attend(pid_t pid, int pty, struct err *e)
{
	struct termios before, raw;
	bool is_raw = pty >= 0 && tcgetattr(0, &before) == 0;
	auto_close int signals = -1;
	sigset_t all;
	int status;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	signals = signalfd(-1, &all, SFD_CLOEXEC);
	if (signals < 0)
		return err_errno(e, "cannot listen to signals");
	if (is_raw) {
		raw = before;
		cfmakeraw(&raw);
		tcsetattr(0, TCSANOW, &raw);
		copy_size(pty);
	}
	status = attend(pid, signals, pty);
	if (is_raw)
		tcsetattr(0, TCSANOW, &before);
	return status;
}
