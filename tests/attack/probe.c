/*
 * probe WHAT: a container's process that tries what it must not be able to do, and says how it
 * went. Static, so that any image will do.
 *
 *   calls            each forbidden system call by the three ABIs of x86-64: "ABI NAME RESULT"
 *   sockets          address families that reach the kernel's or the host's innards
 *   terminal         pushes a byte into every terminal it can find (TIOCSTI, TIOCLINUX)
 *   keys NAME [OTHER]  makes a key (NAME "-": none), and looks for one of the other name
 *   attach           attaches to each new process it sees (ptrace(2)), and looks at what it has,
 *                    until SIGTERM: "attached PID EXE", "directory PID FD NAME", "stole PID SET"
 *                    for capabilities that the container has not, and in the end "traced N", which
 *                    are the image's own, and "caught N", which were not yet
 *   exe              opens what its fellow processes execute, for writing
 *   links            looks for descriptors beyond 2
 *
 * RESULT is "ok" or the name of the error.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *name_of(long result)
{
	if (result >= 0)
		return "ok";
	return strerrorname_np((int)-result) ? strerrorname_np((int)-result) : "?";
}

/* ---- system calls ---- */

struct call {
	const char *name;
	int number64, number32; /* -1: there is none */
	long a[5];              /* chosen so that the call has no effect if it is let through */
};

/* Bad descriptors, bad pointers and no flags, but for those whose flags are what is forbidden. */
static const struct call calls[] = {
	{ "mount", 165, 21, { 1, 1, 1, 0, 0 } },
	{ "umount2", 166, 52, { 1, 0, 0, 0, 0 } },
	{ "pivot_root", 155, 217, { 1, 1, 0, 0, 0 } },
	{ "unshare_user", 272, 310, { 0x10000000, 0, 0, 0, 0 } },
	{ "setns", 308, 346, { -1, 0, 0, 0, 0 } },
	{ "open_tree", 428, 428, { -1, 1, 0, 0, 0 } },
	{ "move_mount", 429, 429, { -1, 1, -1, 1, 0 } },
	{ "fsopen", 430, 430, { 1, 0, 0, 0, 0 } },
	{ "mount_setattr", 442, 442, { -1, 1, 0, 0, 0 } },
	{ "bpf", 321, 357, { 0, 0, 0, 0, 0 } },
	{ "perf_event_open", 298, 336, { 0, 0, -1, -1, 0 } },
	{ "userfaultfd", 323, 374, { 0, 0, 0, 0, 0 } },
	{ "keyctl", 250, 288, { 0, -3, 0, 0, 0 } },
	{ "add_key", 248, 286, { 0, 0, 0, 0, 0 } },
	{ "request_key", 249, 287, { 0, 0, 0, 0, 0 } },
	{ "init_module", 175, 128, { 0, 0, 0, 0, 0 } },
	{ "finit_module", 313, 350, { -1, 0, 0, 0, 0 } },
	{ "delete_module", 176, 129, { 1, 0, 0, 0, 0 } },
	{ "kexec_load", 246, 283, { 0, 0, 0, 0, 0 } },
	{ "reboot", 169, 88, { 0, 0, 0, 0, 0 } },
	{ "swapon", 167, 87, { 1, 0, 0, 0, 0 } },
	{ "swapoff", 168, 115, { 1, 0, 0, 0, 0 } },
	{ "acct", 163, 51, { 1, 0, 0, 0, 0 } },
	{ "settimeofday", 164, 79, { 1, 1, 0, 0, 0 } },
	{ "clock_settime", 227, 264, { 0, 1, 0, 0, 0 } },
	{ "iopl", 172, 110, { 4, 0, 0, 0, 0 } },
	{ "ioperm", 173, 101, { 0, 0, 0, 0, 0 } },
	{ "open_by_handle_at", 304, 342, { -1, 1, 0, 0, 0 } },
	{ "quotactl", 179, 131, { -1, 1, 0, 1, 0 } },
	{ "lookup_dcookie", 212, 253, { 0, 0, 0, 0, 0 } },
	{ "vhangup", 153, 111, { 0, 0, 0, 0, 0 } },
	{ "kcmp", 312, 349, { 0, 0, 0, 0, 0 } },
	{ "pidfd_getfd", 438, 438, { -1, 0, 0, 0, 0 } },
	{ "io_uring_setup", 425, 425, { 0, 0, 0, 0, 0 } },
	{ "clone_newuser", 56, 120, { 0x10000000, 0, 0, 0, 0 } },
	{ "fanotify_init", 300, 338, { 0, 0, 0, 0, 0 } },
	{ "syslog", 103, 103, { 3, 1, 1, 0, 0 } },
};

#ifdef __x86_64__
static long by_int80(int number, const long *a)
{
	long result;

	/* 32 bits wide; what a 32-bit process would do */
	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"((long)number), "b"(a[0] & 0xffffffff), "c"(a[1] & 0xffffffff),
			 "d"(a[2] & 0xffffffff), "S"(a[3] & 0xffffffff), "D"(a[4] & 0xffffffff)
			 : "memory", "r8", "r9", "r10", "r11");
	return (int)result;
}
#endif

static long by_syscall(long number, const long *a)
{
	long result = syscall(number, a[0], a[1], a[2], a[3], a[4]);

	return result < 0 ? -errno : result;
}

/* In a child, since a filter may answer with a signal; a clone that works makes a child of its own.
 */
static void try(const char *abi, const struct call *c, long number)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		pid_t self = getpid();
		long result;
#ifdef __x86_64__
		result = strcmp(abi, "i386") == 0 ? by_int80((int)number, c->a)
						  : by_syscall(number, c->a);
#else
		result = by_syscall(number, c->a);
#endif
		if (getpid() != self)
			_exit(0);
		printf("%s %s %s\n", abi, c->name, name_of(result));
		fflush(stdout);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status))
		printf("%s %s SIGNAL\n", abi, c->name);
}

static int probe_calls(void)
{
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		try("native", &calls[i], calls[i].number64);
#ifdef __x86_64__
		try("x32", &calls[i], calls[i].number64 | 0x40000000);
		try("i386", &calls[i], calls[i].number32);
#endif
	}
	return 0;
}

/* ---- the rest ---- */

static int probe_sockets(void)
{
	static const struct {
		const char *name;
		int family, type, protocol;
	} sockets[] = { { "AF_ALG", 38, SOCK_SEQPACKET, 0 }, { "AF_VSOCK", 40, SOCK_STREAM, 0 },
		{ "AF_PACKET", AF_PACKET, SOCK_RAW, 0 }, { "raw", AF_INET, SOCK_RAW, 1 } };

	for (size_t i = 0; i < sizeof sockets / sizeof *sockets; i++) {
		int fd = socket(sockets[i].family, sockets[i].type, sockets[i].protocol);
		printf("%s %s\n", sockets[i].name, name_of(fd < 0 ? -errno : 0));
	}
	return 0;
}

static int probe_terminal(void)
{
	/* the kernel compares 32 bits of the request, and a filter must, too */
	static const unsigned long requests[] = { 0x5412, 0x100005412, 0x541c, 0x10000541c };
	const char *const names[] = { "/dev/stdin", "/dev/tty", "/dev/console" };

	for (int fd = 0; fd < 3; fd++)
		for (size_t k = 0; k < 4; k++) {
			char byte = 'X';
			long r = syscall(SYS_ioctl, fd, requests[k], &byte);
			printf("fd %d %#lx %s\n", fd, requests[k], name_of(r < 0 ? -errno : r));
		}
	for (size_t i = 0; i < 3; i++)
		for (size_t k = 0; k < 4; k++) {
			char byte = 'X';
			int fd = open(names[i], O_RDWR | O_NOCTTY);
			long r = fd < 0 ? -1 : syscall(SYS_ioctl, fd, requests[k], &byte);
			printf("%s %#lx %s\n", names[i], requests[k], name_of(r < 0 ? -errno : r));
			if (fd >= 0)
				close(fd);
		}
	return 0;
}

/* KEY_SPEC_SESSION_KEYRING is -3. */
static int probe_keys(const char *name, const char *other)
{
	long found;

	if (strcmp(name, "-") != 0) {
		long key = syscall(SYS_add_key, "user", name, "secret", 6L, -3L);
		printf("add_key %s\n", name_of(key < 0 ? -errno : 0));
	}
	found = syscall(SYS_request_key, "user", other, 0L, 0L);
	printf("request_key %s\n", name_of(found < 0 ? -errno : 0));
	return 0;
}

/* A directory that is not of the container's is the way out. */
static void look_at_descriptors(pid_t pid)
{
	char path[64], target[256];
	struct stat root, st;
	struct dirent *d;
	DIR *fds;

	snprintf(path, sizeof path, "/proc/%d/fd", pid);
	fds = opendir(path);
	while (fds && (d = readdir(fds))) {
		ssize_t n;
		if (*d->d_name == '.' || fstatat(dirfd(fds), d->d_name, &st, 0) < 0 ||
			!S_ISDIR(st.st_mode) || stat("/", &root) < 0 || st.st_dev == root.st_dev)
			continue;
		n = readlinkat(dirfd(fds), d->d_name, target, sizeof target - 1);
		target[n < 0 ? 0 : n] = '\0';
		/* what the image's programs open themselves */
		if (strncmp(target, "/proc", 5) != 0)
			printf("directory %d %s %s\n", pid, d->d_name, target);
	}
	if (fds)
		closedir(fds);
}

static volatile sig_atomic_t ended;

static void end(int sig)
{
	(void)sig;
	ended = 1;
}

/* A set of capabilities (proc(5), /proc/PID/status), 0 if there is none. */
static unsigned long long caps_of(pid_t pid, const char *set)
{
	unsigned long long caps = 0;
	char path[64], line[256];
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/status", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof line, f))
		if (strncmp(line, set, strlen(set)) == 0)
			caps = strtoull(line + strlen(set) + 1, NULL, 16);
	if (f)
		fclose(f);
	return caps;
}

/* Stopped, it cannot let go of anything while we look. */
static void look_at_caps(pid_t pid)
{
	static const char *const sets[] = { "CapPrm", "CapEff", "CapInh", "CapBnd" };
	const unsigned long long ours = caps_of(getpid(), "CapBnd");
	int status;

	if (ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) < 0 || waitpid(pid, &status, __WALL) != pid ||
		!WIFSTOPPED(status))
		return;
	for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
		if (caps_of(pid, sets[i]) & ~ours)
			printf("stole %d %s %llx\n", pid, sets[i], caps_of(pid, sets[i]) & ~ours);
}

static int probe_attach(void)
{
	unsigned long own = 0, caught = 0;

	signal(SIGTERM, end);
	printf("attaching\n");
	while (!ended) {
		DIR *proc = opendir("/proc");
		struct dirent *d;

		while (proc && (d = readdir(proc))) {
			pid_t pid = (pid_t)strtol(d->d_name, NULL, 10);
			char path[64], exe[256];
			ssize_t n;

			if (pid <= 1 || pid == getpid())
				continue;
			look_at_descriptors(pid);
			if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) < 0)
				continue;
			look_at_caps(pid);
			snprintf(path, sizeof path, "/proc/%d/exe", pid);
			n = readlink(path, exe, sizeof exe - 1);
			exe[n < 0 ? 0 : n] = '\0';
			/* what the image brought may be traced; what is the host's may not */
			if (strstr(exe, "busybox") || strstr(exe, "probe") || n < 0)
				own++;
			else {
				caught++;
				printf("attached %d %s\n", pid, exe);
			}
			ptrace(PTRACE_DETACH, pid, NULL, NULL);
		}
		if (proc)
			closedir(proc);
		while (waitpid(-1, NULL, WNOHANG | __WALL) > 0)
			continue;
	}
	printf("traced %lu\ncaught %lu\n", own, caught);
	return 0;
}

static int probe_exe(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *d;

	while (proc && (d = readdir(proc))) {
		pid_t pid = (pid_t)strtol(d->d_name, NULL, 10);
		char path[64], exe[256];
		ssize_t n;
		int fd;

		if (pid < 1)
			continue;
		snprintf(path, sizeof path, "/proc/%d/exe", pid);
		n = readlink(path, exe, sizeof exe - 1);
		exe[n < 0 ? 0 : n] = '\0';
		fd = open(path, O_WRONLY);
		printf("%d %s %s\n", pid, exe, name_of(fd < 0 ? -errno : 0));
	}
	return 0;
}

static int probe_links(void)
{
	for (int fd = 3; fd < 1024; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			printf("descriptor %d\n", fd);
	printf("end\n");
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (strcmp(what, "calls") == 0)
		return probe_calls();
	if (strcmp(what, "sockets") == 0)
		return probe_sockets();
	if (strcmp(what, "terminal") == 0)
		return probe_terminal();
	if (strcmp(what, "keys") == 0 && argc > 2)
		return probe_keys(argv[2], argv[argc > 3 ? 3 : 2]);
	if (strcmp(what, "attach") == 0)
		return probe_attach();
	if (strcmp(what, "exe") == 0)
		return probe_exe();
	if (strcmp(what, "links") == 0)
		return probe_links();
	fprintf(stderr, "probe: what?\n");
	return 2;
}
