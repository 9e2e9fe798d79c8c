#include "base/proc.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/time.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

/* In the child: every wanted fd to its number, everything else closed, then exec. */
__attribute__((noreturn, noinline)) static void exec_child(const struct proc_spawn *p, int report)
{
	int fds[ARRAY_SIZE(p->fds)], exec_fd = -1, n = p->n_fds, all = n + p->n_more_fds;
	int above = all < 16 ? 16 : all;
	sigset_t none;
	int code;

	/* lift everything above the target numbers first, so that no dup2 overwrites a source */
	for (int i = 0; i < n; i++) {
		int from = p->fds[i];
		if (from < 0 && i < 3)
			from = open("/dev/null", O_RDWR | O_CLOEXEC);
		fds[i] = from < 0 ? -1 : fcntl(from, F_DUPFD_CLOEXEC, above);
		if (from >= 0 && fds[i] < 0)
			goto failed;
	}
	report = fcntl(report, F_DUPFD_CLOEXEC, above);
	if (p->exec_fd > 0)
		exec_fd = fcntl(p->exec_fd, F_DUPFD_CLOEXEC, above);
	for (int i = 0; i < n; i++)
		if (fds[i] >= 0 ? dup2(fds[i], i) < 0 : close(i) < 0 && errno != EBADF)
			goto failed;
	for (int i = n; i < all; i++)
		if (dup2(p->more_fds[i - n], i) < 0)
			goto failed;
	if (syscall(SYS_close_range, (unsigned)all, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		goto failed;
	if (p->new_session)
		setsid();
	for (int s = 1; s < NSIG; s++)
		if (s != SIGKILL && s != SIGSTOP)
			signal(s, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (exec_fd >= 0)
		syscall(SYS_execveat, exec_fd, "", p->argv, p->env ? p->env : environ,
			AT_EMPTY_PATH);
	else if (p->search)
		execvpe(p->path, p->argv, p->env ? p->env : environ);
	else
		execve(p->path, p->argv, p->env ? p->env : environ);
failed:
	code = errno;
	if (write(report, &code, sizeof code) < 0)
		_exit(127);
	_exit(127);
}

/* fork(2) into a control group; vfork(2) cannot do that. */
static pid_t fork_into(int cgroup)
{
	struct clone_args args = {
		.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = (uint64_t)cgroup
	};

	return (pid_t)syscall(SYS_clone3, &args, sizeof args);
}

pid_t proc_start(const struct proc_spawn *p, int *ret_pidfd, struct err *e)
{
	int report[2], code = 0;
	sigset_t all, old;
	pid_t pid;

	if (pipe2(report, O_CLOEXEC) < 0)
		return err_errno(e, "cannot make a pipe");
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	/* the child execs at once and touches only its own frame and fds */
	pid = p->cgroup > 0 ? fork_into(p->cgroup) : vfork();
	if (pid == 0)
		exec_child(p, report[1]);
	sigprocmask(SIG_SETMASK, &old, NULL);
	close(report[1]);
	if (pid < 0) {
		close(report[0]);
		return err_errno(e, "cannot start a process");
	}
	if (fs_read_full(report[0], &code, sizeof code) == sizeof code) {
		close(report[0]);
		proc_wait(pid);
		errno = code;
		return err_errno(e, "cannot execute '%s'", p->path ? p->path : p->argv[0]);
	}
	close(report[0]);
	if (ret_pidfd) {
		*ret_pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
		if (*ret_pidfd < 0)
			return err_errno(e, "cannot open a pidfd");
	}
	return pid;
}

pid_t proc_reap(pid_t pid, int *ret_status)
{
	pid_t r;

	do
		r = waitpid(pid, ret_status, 0);
	while (r < 0 && errno == EINTR);
	return r;
}

bool proc_await(int fd, int timeout_ms)
{
	int64_t now, end = time_monotonic() + (int64_t)timeout_ms * 1000000;
	struct pollfd p = { fd, POLLIN, 0 };

	while ((now = time_monotonic()) < end)
		if (poll(&p, 1, (int)((end - now) / 1000000) + 1) >= 0)
			break;
	return p.revents & (POLLIN | POLLHUP);
}

int proc_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int proc_run(char *const *argv, struct str *ret_out, struct err *e)
{
	struct proc_spawn p = PROC_SPAWN_INIT;
	auto_str errors = STR_INIT(4096);
	struct str unused = STR_INIT(0), *sink[2] = { ret_out ? ret_out : &unused, &errors };
	int out[2], err[2], status;
	pid_t pid;

	if (pipe2(out, O_CLOEXEC) < 0)
		return err_errno(e, "cannot make a pipe");
	if (pipe2(err, O_CLOEXEC) < 0) {
		close(out[0]), close(out[1]);
		return err_errno(e, "cannot make a pipe");
	}
	p.path = argv[0];
	p.search = !strchr(argv[0], '/');
	p.argv = argv;
	p.fds[0] = -1;
	p.fds[1] = out[1];
	p.fds[2] = err[1];
	pid = proc_start(&p, NULL, e);
	close(out[1]), close(err[1]);
	if (pid >= 0) {
		struct pollfd fds[2] = { { out[0], POLLIN, 0 }, { err[0], POLLIN, 0 } };
		int open_ends = 2;
		while (open_ends > 0 && (poll(fds, 2, -1) > 0 || errno == EINTR)) {
			for (int i = 0; i < 2; i++) {
				char block[4096];
				ssize_t n;
				if (!fds[i].revents)
					continue;
				n = read(fds[i].fd, block, sizeof block);
				if (n > 0) {
					str_add_data(sink[i], block, (size_t)n);
				} else if (n == 0 || errno != EINTR) {
					fds[i].fd = -1;
					fds[i].revents = 0;
					open_ends--;
				}
			}
		}
	}
	close(out[0]), close(err[0]);
	if (pid < 0)
		return pid;
	status = proc_wait(pid);
	if (status != 0) {
		while (errors.len && errors.data[errors.len - 1] == '\n')
			str_truncate(&errors, errors.len - 1);
		err_set(e, EIO, "%s", errors.len ? str_text(&errors) : "it failed without a word");
	}
	return status;
}

/* Seconds by which this process's time namespace is ahead of the host's (time_namespaces(7)); it
 * never changes. What proc(5) says of boot time is moved by so much. */
static int64_t boot_offset(void)
{
	static int64_t offset;
	static bool known;
	auto_close int fd = -1;
	const char *line;
	char text[256];
	ssize_t n;

	if (known)
		return offset;
	known = true;
	fd = open("/proc/self/timens_offsets", O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : fs_read_full(fd, text, sizeof text - 1);
	text[n > 0 ? n : 0] = '\0';
	line = strstr(text, "boottime");
	offset = line ? strtoll(line + strlen("boottime"), NULL, 10) : 0;
	return offset;
}

/* The state and the parent (proc(5), fields 3 and 4); the state is '\0' when there is no such
 * process, '?' when that is not known (no descriptor was left to look). */
static uint64_t read_stat(pid_t pid, char *ret_state, pid_t *ret_parent)
{
	char path[40], text[1024], *p;
	auto_close int fd = -1;
	ssize_t n;

	*ret_state = '\0';
	*ret_parent = 0;
	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		*ret_state = errno == ENOENT ? '\0' : '?';
		return 0;
	}
	n = read(fd, text, sizeof text - 1);
	if (n <= 0) {
		*ret_state = n < 0 && errno != ESRCH ? '?' : '\0';
		return 0;
	}
	text[n] = '\0';
	p = strrchr(text, ')'); /* the name before it can hold anything */
	if (p && p[1] && p[2]) {
		*ret_state = p[2];
		*ret_parent = (pid_t)strtol(p + 3, NULL, 10);
	}
	for (int field = 2; p && field < 22; field++) {
		p = strchr(p + 1, ' ');
	}
	return p ? strtoull(p + 1, NULL, 10) - (uint64_t)(boot_offset() * sysconf(_SC_CLK_TCK)) : 0;
}

uint64_t proc_start_time(pid_t pid)
{
	pid_t parent;
	char state;

	return read_stat(pid, &state, &parent);
}

int64_t proc_age(uint64_t start_time)
{
	const int64_t tick = 1000000000 / sysconf(_SC_CLK_TCK);
	struct timespec t;
	int64_t age;

	clock_gettime(CLOCK_BOOTTIME, &t);
	age = ((int64_t)t.tv_sec - boot_offset()) * 1000000000 + t.tv_nsec -
	      (int64_t)start_time * tick;
	return age > 0 ? age : 0;
}

bool proc_lives_with(pid_t pid, uint64_t start_time, pid_t *ret_parent)
{
	uint64_t start;
	char state;

	*ret_parent = 0;
	if (pid <= 0 || start_time == 0)
		return false;
	start = read_stat(pid, &state, ret_parent);
	return state == '?' || (start == start_time && state != 'Z' && state != 'X');
}

bool proc_lives(pid_t pid, uint64_t start_time)
{
	pid_t parent;

	return proc_lives_with(pid, start_time, &parent);
}

#define PIDFS_MAGIC 0x50494446 /* linux/magic.h since 6.9: PID_FS_MAGIC */

uint64_t proc_inode(pid_t pid)
{
	auto_close int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct statfs sfs;
	struct stat st;

	/* before, all pidfds have one inode; and 32 bits are used again */
	if (fd < 0 || sizeof(ino_t) < 8 || fstatfs(fd, &sfs) < 0 || sfs.f_type != PIDFS_MAGIC ||
		fstat(fd, &st) < 0)
		return 0;
	return st.st_ino;
}

int proc_is(pid_t pid, uint64_t inode)
{
	auto_close int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct stat st;

	if (fd < 0)
		return errno == ESRCH || errno == EINVAL ? 0 : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	return st.st_ino == inode && poll(&(struct pollfd){ fd, POLLIN, 0 }, 1, 0) == 0;
}

int proc_open(pid_t pid, uint64_t start_time)
{
	int fd;

	if (pid <= 0 || start_time == 0)
		return -ESRCH;
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0)
		return -errno;
	/* opened first, compared second: the pid cannot change hands in between */
	if (proc_start_time(pid) != start_time) {
		close(fd);
		return -ESRCH;
	}
	return fd;
}

/* ioctl_pidfd(2), PIDFD_GET_INFO; older headers lack it. */
struct pidfd_info_v0 {
	uint64_t mask, cgroup;
	uint32_t ids[11];
	int32_t exit_code;
};
#define PIDFD_EXIT (UINT64_C(1) << 3)

int proc_exit_status(int pidfd, int wait_ms)
{
	struct pollfd reaped = { pidfd, 0, 0 }; /* POLLHUP is not asked for, and comes */

	for (int look = 0; look < 2; look++) {
		struct pidfd_info_v0 info = { .mask = PIDFD_EXIT };
		if (ioctl(pidfd, _IOWR(0xFF, 11, struct pidfd_info_v0), &info) < 0)
			break;
		if (info.mask & PIDFD_EXIT)
			return WIFSIGNALED(info.exit_code) ? 128 + WTERMSIG(info.exit_code)
							   : WEXITSTATUS(info.exit_code);
		if (look || poll(&reaped, 1, wait_ms) <= 0)
			break;
	}
	return -ENODATA;
}

void proc_boot_id(char ret[37])
{
	auto_close int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : fs_read_full(fd, ret, 36);

	if (n != 36)
		memcpy(ret, "00000000-0000-0000-0000-000000000000", 36);
	ret[36] = '\0';
}

#ifndef REDOCK_LIBEXEC
#define REDOCK_LIBEXEC "/usr/local/libexec/redock"
#endif

char *proc_helper_path(const char *name)
{
	char exe[4096];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
	char *slash, *path;

	if (n > 0) {
		exe[n] = '\0';
		slash = strrchr(exe, '/');
		if (slash) {
			*slash = '\0';
			path = xasprintf("%s/../libexec/redock/%s", exe, name);
			if (access(path, X_OK) == 0)
				return path;
			free(path);
			path = xasprintf("%s/%s", exe, name);
			if (access(path, X_OK) == 0)
				return path;
			free(path);
		}
	}
	/* executed from a copy of itself, a program is told its place by its own first argument */
	slash = *program_invocation_name == '/' ? strrchr(program_invocation_name, '/') : NULL;
	if (slash) {
		path = xasprintf("%.*s/%s", (int)(slash - program_invocation_name),
			program_invocation_name, name);
		if (access(path, X_OK) == 0)
			return path;
		free(path);
	}
	return xasprintf("%s/%s", REDOCK_LIBEXEC, name);
}

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

int proc_close_others(unsigned from, int *keep, size_t n)
{
	qsort(keep, n, sizeof *keep, compare);
	for (size_t i = 0; i < n; i++) {
		if (keep[i] < 0 || (unsigned)keep[i] < from)
			continue;
		if ((unsigned)keep[i] > from &&
			syscall(SYS_close_range, from, (unsigned)keep[i] - 1, 0) < 0)
			return -errno;
		from = (unsigned)keep[i] + 1;
	}
	return syscall(SYS_close_range, from, ~0U, 0) < 0 ? -errno : 0;
}

int proc_signal(const char *text)
{
	const char *name = strncasecmp(text, "SIG", 3) == 0 ? text + 3 : text;
	const uint64_t most = (uint64_t)(SIGRTMAX - SIGRTMIN);
	uint64_t n;

	if (str_to_u64(text, 1, (uint64_t)SIGRTMAX, &n) == 0)
		return (int)n;
	for (int s = 1; s < SIGRTMIN; s++) {
		const char *known = sigabbrev_np(s);
		if (known && strcasecmp(known, name) == 0)
			return s;
	}
	if (strcasecmp(name, "RTMIN") == 0)
		return SIGRTMIN;
	if (strcasecmp(name, "RTMAX") == 0)
		return SIGRTMAX;
	if (strncasecmp(name, "RTMIN+", 6) == 0 && str_to_u64(name + 6, 0, most, &n) == 0)
		return SIGRTMIN + (int)n;
	if (strncasecmp(name, "RTMAX-", 6) == 0 && str_to_u64(name + 6, 0, most, &n) == 0)
		return SIGRTMAX - (int)n;
	return -EINVAL;
}
