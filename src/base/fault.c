#include "base/fault.h"
#include "base/mem.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>

extern char **environ;

/* The functions of the C library, and the names under which the program finds ours. */
#define WRAPPED(type, name, ...)                                                                   \
	type __real_##name(__VA_ARGS__);                                                           \
	type __wrap_##name(__VA_ARGS__);                                                           \
	type __wrap_##name(__VA_ARGS__)

struct trace;
static struct {
	bool ready;
	unsigned long steps, kill_at, fail_from, calls;
	bool fail_on, short_io;
	char fail_call[32];
	int fail_errno;
	bool interrupted, waits_interrupted;
	struct trace *trace;
} fault;

/* The value of `variable` if it is meant for this program. */
static const char *mine(const char *variable)
{
	const char *value = getenv(variable), *name = program_invocation_short_name;
	size_t len = strlen(name);

	if (!value)
		return NULL;
	if (strncmp(value, name, len) == 0 && value[len] == ':')
		return value + len + 1;
	return strncmp(value, "redock-", 7) != 0 && strcmp(name, "redock") == 0 ? value : NULL;
}

/* The trace is a mapping of its file, which stays when descriptors are closed and roots change. */
struct trace {
	uint64_t used; /* bytes of text; more than there is room for when it overflowed */
	char text[];
};
#define TRACE_SIZE (4u << 20)

static struct trace *map_trace(const char *path)
{
	int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct trace *t;

	if (fd < 0 || syscall(SYS_ftruncate, fd, (long)TRACE_SIZE) < 0)
		return NULL;
	t = mmap(NULL, TRACE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return t == MAP_FAILED ? NULL : t;
}

static void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void tell(const char *format, ...)
{
	char line[128];
	uint64_t at;
	va_list ap;
	int n;

	if (!fault.trace)
		return;
	va_start(ap, format);
	n = vsnprintf(line, sizeof line, format, ap);
	va_end(ap);
	at = __atomic_fetch_add(&fault.trace->used, (uint64_t)n, __ATOMIC_SEQ_CST);
	if (at + (uint64_t)n <= TRACE_SIZE - sizeof *fault.trace)
		memcpy(fault.trace->text + at, line, (size_t)n);
}

static void setup(void)
{
	const char *kill_at = mine("REDOCK_KILL_AT"), *fail = mine("REDOCK_FI");
	char plus = '\0';

	fault.ready = true;
	if (getenv("REDOCK_FAULT_TRACE"))
		fault.trace = map_trace(getenv("REDOCK_FAULT_TRACE"));
	if (kill_at)
		fault.kill_at = strtoul(kill_at, NULL, 10);
	if (fail && strcmp(fail, "short") == 0)
		fault.short_io = true;
	else if (fail &&
		 sscanf(fail, "%31[^:]:%lu:%d", fault.fail_call, &fault.fail_from,
			 &fault.fail_errno) != 3 &&
		 sscanf(fail, "%31[^:]:%lu%c:%d", fault.fail_call, &fault.fail_from, &plus,
			 &fault.fail_errno) == 4)
		fault.fail_on = plus == '+';
}

/* Before anything that can fail on demand; true: fail with errno set. */
static bool fails(const char *call)
{
	if (!fault.ready)
		setup();
	if (!*fault.fail_call || strcmp(call, fault.fail_call) != 0)
		return false;
	fault.calls++;
	tell("call %lu %s\n", fault.calls, call);
	if (fault.calls != fault.fail_from && !(fault.fail_on && fault.calls > fault.fail_from))
		return false;
	tell("failed %lu %s\n", fault.calls, call);
	errno = fault.fail_errno;
	return true;
}

/* Ends the file system as if its disk had lost its power: nothing more is written to it, not even
 * what it has in memory (EXT4_IOC_SHUTDOWN of linux/fs/ext4/ext4.h, which user space has no header
 * for; with 1, EXT4_GOING_FLAGS_LOGFLUSH, the journal is still written). */
static void cut_power(void)
{
	const char *where = getenv("REDOCK_POWER_CUT");
	uint32_t how;
	int fd;

	if (!where || (*where != '1' && *where != '2') || where[1] != ':')
		return;
	how = (uint32_t)(*where - '0');
	fd = (int)syscall(SYS_openat, AT_FDCWD, where + 2, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, _IOR('X', 125, uint32_t), &how) < 0)
		tell("failed %lu power\n", fault.steps);
}

/* Before anything that changes something. */
static bool step(const char *call)
{
	int keep = errno;

	if (!fault.ready)
		setup();
	fault.steps++;
	tell("%s %lu %s\n", program_invocation_short_name, fault.steps, call);
	if (fault.kill_at && fault.steps == fault.kill_at) {
		tell("killed %lu %s\n", fault.steps, call);
		cut_power();
		kill(getpid(), SIGKILL);
	}
	errno = keep;
	return fails(call);
}

char *const *fault_environment(void)
{
	static char *env[5];
	int n = 0;

	for (char **e = environ; e && *e && n < 4; e++)
		if (strncmp(*e, "REDOCK_KILL_AT=", 15) == 0 || strncmp(*e, "REDOCK_FI=", 10) == 0 ||
			strncmp(*e, "REDOCK_FAULT_TRACE=", 19) == 0 ||
			strncmp(*e, "REDOCK_POWER_CUT=", 17) == 0)
			env[n++] = *e;
	env[n] = NULL;
	return env;
}

/* ---- steps ---- */

#define STEP(name, parameters, arguments)                                                          \
	int __real_##name parameters;                                                              \
	int __wrap_##name parameters;                                                              \
	int __wrap_##name parameters                                                               \
	{                                                                                          \
		return step(#name) ? -1 : __real_##name arguments;                                 \
	}

STEP(mkdirat, (int dir, const char *path, mode_t mode), (dir, path, mode))
STEP(mkdir, (const char *path, mode_t mode), (path, mode))
STEP(mknodat, (int dir, const char *path, mode_t mode, dev_t dev), (dir, path, mode, dev))
STEP(renameat, (int from, const char *a, int to, const char *b), (from, a, to, b))
STEP(renameat2, (int from, const char *a, int to, const char *b, unsigned flags),
	(from, a, to, b, flags))
STEP(unlinkat, (int dir, const char *path, int flags), (dir, path, flags))
STEP(unlink, (const char *path), (path))
STEP(rmdir, (const char *path), (path))
STEP(rename, (const char *from, const char *to), (from, to))
STEP(symlinkat, (const char *target, int dir, const char *path), (target, dir, path))
STEP(linkat, (int from, const char *a, int to, const char *b, int flags), (from, a, to, b, flags))
STEP(fsync, (int fd), (fd))
STEP(fdatasync, (int fd), (fd))
STEP(syncfs, (int fd), (fd))
STEP(ftruncate64, (int fd, off_t size), (fd, size))
STEP(fchmod, (int fd, mode_t mode), (fd, mode))
STEP(fchmodat, (int dir, const char *path, mode_t mode, int flags), (dir, path, mode, flags))
STEP(fchown, (int fd, uid_t uid, gid_t gid), (fd, uid, gid))
STEP(fchownat, (int dir, const char *path, uid_t uid, gid_t gid, int flags),
	(dir, path, uid, gid, flags))
STEP(utimensat, (int dir, const char *path, const struct timespec t[2], int flags),
	(dir, path, t, flags))
STEP(futimens, (int fd, const struct timespec t[2]), (fd, t))
STEP(fsetxattr, (int fd, const char *name, const void *value, size_t len, int flags),
	(fd, name, value, len, flags))
STEP(mount,
	(const char *source, const char *target, const char *type, unsigned long flags,
		const void *data),
	(source, target, type, flags, data))
STEP(umount2, (const char *target, int flags), (target, flags))
STEP(setns, (int fd, int flags), (fd, flags))
STEP(unshare, (int flags), (flags))
STEP(fork, (void), ())
STEP(bind, (int fd, const struct sockaddr *a, socklen_t len), (fd, a, len))
STEP(socketpair, (int domain, int type, int protocol, int fds[2]), (domain, type, protocol, fds))
STEP(pipe2, (int fds[2], int flags), (fds, flags))
STEP(kill, (pid_t pid, int sig), (pid, sig))

WRAPPED(ssize_t, copy_file_range, int from, off_t *at, int to, off_t *to_at, size_t len,
	unsigned flags)
{
	return step("copy_file_range") ? -1
				       : __real_copy_file_range(from, at, to, to_at, len, flags);
}

WRAPPED(ssize_t, sendfile64, int to, int from, off_t *at, size_t len)
{
	return step("sendfile") ? -1 : __real_sendfile64(to, from, at, len);
}

/* Weak: of programs that are linked with these libraries. */
struct mnl_socket;
ssize_t __real_mnl_socket_sendto(const struct mnl_socket *, const void *, size_t)
	__attribute__((weak));
WRAPPED(ssize_t, mnl_socket_sendto, const struct mnl_socket *socket, const void *data, size_t len)
{
	return step("netlink") ? -1 : __real_mnl_socket_sendto(socket, data, len);
}

struct nft_ctx;
int __real_nft_run_cmd_from_buffer(struct nft_ctx *, const char *) __attribute__((weak));
WRAPPED(int, nft_run_cmd_from_buffer, struct nft_ctx *nft, const char *commands)
{
	return step("nft") ? -1 : __real_nft_run_cmd_from_buffer(nft, commands);
}

WRAPPED(int, openat64, int dir, const char *path, int flags, ...)
{
	bool changes = flags & (O_CREAT | O_TRUNC);
	mode_t mode = 0;
	va_list ap;

	if (flags & (O_CREAT | __O_TMPFILE)) {
		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
	}
	if (changes ? step("openat") : fails("open"))
		return -1;
	return __real_openat64(dir, path, flags, mode);
}

WRAPPED(int, open64, const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	if (flags & (O_CREAT | __O_TMPFILE)) {
		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
	}
	if (flags & (O_CREAT | O_TRUNC) ? step("openat") : fails("open"))
		return -1;
	return __real_open64(path, flags, mode);
}

/* Six words whatever the call: syscall(2) itself looks at no more. */
WRAPPED(long, syscall, long number, ...)
{
	static const struct {
		long number;
		const char *name;
	} steps[] = { { SYS_clone3, "clone3" }, { SYS_move_mount, "move_mount" },
		{ SYS_fsmount, "fsmount" }, { SYS_mount_setattr, "mount_setattr" },
		{ SYS_open_tree, "open_tree" }, { SYS_pivot_root, "pivot_root" },
		{ SYS_renameat2, "renameat2" }, { SYS_pidfd_send_signal, "pidfd_send_signal" },
		{ SYS_fsopen, "fsopen" } };
	long a[6];
	va_list ap;

	va_start(ap, number);
	for (size_t i = 0; i < ARRAY_SIZE(a); i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
		if (steps[i].number == number && step(steps[i].name))
			return -1;
	return __real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* ---- input and output ---- */

/* True if this one is to be interrupted; else *len may have become 1. */
static bool shortened(size_t *len)
{
	if (!fault.short_io)
		return false;
	fault.interrupted = !fault.interrupted;
	if (fault.interrupted) {
		errno = EINTR;
		return true;
	}
	if (*len > 1)
		*len = 1;
	return false;
}

/* A pipe, or a file on a disk: the kernel's own (cgroups, procfs) take a value whole or not at all.
 */
static bool is_stream(int fd)
{
	struct stat st;
	struct statfs sfs;

	if (fstat(fd, &st) < 0)
		return false;
	return S_ISFIFO(st.st_mode) ||
	       (S_ISREG(st.st_mode) && fstatfs(fd, &sfs) == 0 && sfs.f_type != CGROUP_SUPER_MAGIC &&
		       sfs.f_type != CGROUP2_SUPER_MAGIC && sfs.f_type != PROC_SUPER_MAGIC &&
		       sfs.f_type != SYSFS_MAGIC);
}

WRAPPED(ssize_t, write, int fd, const void *data, size_t len)
{
	struct stat st;
	bool steps = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);

	if (steps ? step("write") : fails("write"))
		return -1;
	return is_stream(fd) && shortened(&len) ? -1 : __real_write(fd, data, len);
}

WRAPPED(ssize_t, pwrite64, int fd, const void *data, size_t len, off_t at)
{
	if (step("write"))
		return -1;
	return is_stream(fd) && shortened(&len) ? -1 : __real_pwrite64(fd, data, len, at);
}

WRAPPED(ssize_t, read, int fd, void *data, size_t len)
{
	if (fails("read"))
		return -1;
	return is_stream(fd) && shortened(&len) ? -1 : __real_read(fd, data, len);
}

WRAPPED(ssize_t, pread64, int fd, void *data, size_t len, off_t at)
{
	if (fails("read"))
		return -1;
	return is_stream(fd) && shortened(&len) ? -1 : __real_pread64(fd, data, len, at);
}

WRAPPED(ssize_t, sendmsg, int fd, const struct msghdr *message, int flags)
{
	return step("sendmsg") ? -1 : __real_sendmsg(fd, message, flags);
}

WRAPPED(ssize_t, recvmsg, int fd, struct msghdr *message, int flags)
{
	size_t unused = 0;

	if (fails("recvmsg"))
		return -1;
	return shortened(&unused) ? -1 : __real_recvmsg(fd, message, flags);
}

WRAPPED(ssize_t, send, int fd, const void *data, size_t len, int flags)
{
	return step("send") ? -1 : __real_send(fd, data, len, flags);
}

/* ---- waiting ---- */

/* True for every other one of them. */
static bool interrupted(const char *call)
{
	if (fails(call))
		return true;
	fault.waits_interrupted = fault.short_io && !fault.waits_interrupted;
	if (fault.waits_interrupted)
		errno = EINTR;
	return fault.waits_interrupted;
}

/* What does not wait is never interrupted. */
#define WAIT(name, blocks, parameters, arguments)                                                  \
	int __real_##name parameters;                                                              \
	int __wrap_##name parameters;                                                              \
	int __wrap_##name parameters                                                               \
	{                                                                                          \
		return (blocks) && interrupted(#name) ? -1 : __real_##name arguments;              \
	}

WAIT(poll, ms != 0, (struct pollfd * p, nfds_t n, int ms), (p, n, ms))
WAIT(flock, !(operation & LOCK_NB), (int fd, int operation), (fd, operation))
WAIT(waitpid, !(options & WNOHANG), (pid_t pid, int *status, int options), (pid, status, options))
