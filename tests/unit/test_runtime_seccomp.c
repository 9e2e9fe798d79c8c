/*
 * The default filter as a process under it meets it, in all ABIs that the kernel offers (T25, T40,
 * T41, T42).  What is refused is called with arguments that would be wrong or harmless, should the
 * filter let it through.
 */
#include "runtime/seccomp.h"
#include "base/proc.h"
#include "base/str.h"
#include "test_base.h"

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <linux/keyctl.h>

#define ANY (-1) /* allowed: any result but the filter's two */

struct call {
	const char *name;
	long number;
	int wanted; /* errno, 0 for success, or ANY */
	unsigned long args[6];
};

#define BAD_FD 9999
#define BAD    ~0ul

#define SAME(name, wanted, ...)                                                                    \
	{                                                                                          \
#name, SYS_##name, wanted,                                                         \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}

static unsigned word; /* for futex(2) */

static const struct call calls[] = {
	/* what programs live on */
	SAME(getpid, ANY),
	SAME(close, EBADF, BAD_FD),
	SAME(openat, ENOENT, AT_FDCWD, (unsigned long)"/none", 0, 0),
	SAME(openat2, ANY, AT_FDCWD, 0, 0, 0),
	SAME(faccessat2, ENOENT, AT_FDCWD, (unsigned long)"/none", 0, 0),
	SAME(close_range, EINVAL, 9, 3, 0),
	SAME(statx, ANY, BAD_FD, 0, 0, 0, 0),
	SAME(copy_file_range, ANY, BAD_FD, 0, BAD_FD, 0, 1, 0),
	SAME(renameat2, ANY, AT_FDCWD, 0, AT_FDCWD, 0, 0),
	SAME(epoll_pwait2, ANY, BAD_FD, 0, 0, 0, 0, 0),
	SAME(memfd_create, ANY, BAD, 0),
	SAME(pidfd_open, ANY, 0, 0),
	SAME(pidfd_send_signal, ANY, BAD_FD, 0, 0, 0),
	SAME(prctl, ANY, 999),
	SAME(futex, 0, (unsigned long)&word, 1 /* FUTEX_WAKE */, 0),
	SAME(rseq, ANY, 1, 2, 3, 4),
	SAME(getrandom, ANY, 0, 0, 99),
	SAME(landlock_create_ruleset, ANY, 0, 0, 99),
	SAME(mknodat, ENOENT, AT_FDCWD, (unsigned long)"/none/x", 0, 0),
	SAME(chroot, ENOENT, (unsigned long)"/none"),
	SAME(ptrace, ESRCH, PTRACE_PEEKUSER, 1u << 22, 0),
	SAME(process_vm_readv, ANY, 1u << 22, 0, 0, 0, 0, 0),
	SAME(sched_setattr, ANY, 1u << 22, 0, 0),
	SAME(clone, EINVAL, CLONE_THREAD), /* without CLONE_SIGHAND: the kernel's own refusal */
	SAME(clone, EINVAL, 0xffff00000000ul | CLONE_THREAD),
	SAME(name_to_handle_at, ANY, BAD_FD, 0, 0, 0, 0),
	SAME(ioctl, EBADF, BAD_FD, 0x5413),
	SAME(socket, ANY, AF_UNIX, 99, 0),
	SAME(socket, ANY, AF_INET, 99, 0),
	SAME(socket, ANY, AF_NETLINK, 99, 0),
	SAME(personality, ANY, 0xffffffff),
	SAME(seccomp, ANY, 99, 0, 0),
	SAME(socketpair, ANY, AF_UNIX, 99, 0, 0),
	/* namespaces and mounts */
	SAME(unshare, EPERM, 0),
	SAME(unshare, EPERM, CLONE_NEWUSER),
	SAME(setns, EPERM, BAD_FD, 0),
	SAME(clone, EPERM, CLONE_NEWUSER | CLONE_THREAD),
	SAME(clone, EPERM, CLONE_NEWNS | CLONE_THREAD),
	SAME(clone, EPERM, CLONE_NEWCGROUP | CLONE_THREAD),
	SAME(clone, EPERM, CLONE_NEWPID | CLONE_THREAD),
	SAME(clone3, ENOSYS, 0, 0),
	SAME(mount, EPERM, 0, 0, 0, 0, 0),
	SAME(umount2, EPERM, 0, BAD),
	SAME(pivot_root, EPERM, 0, 0),
	SAME(fsopen, EPERM, 0, BAD),
	SAME(fsmount, EPERM, BAD_FD, BAD, 0),
	SAME(open_tree, EPERM, BAD_FD, 0, BAD),
	SAME(move_mount, EPERM, BAD_FD, 0, BAD_FD, 0, BAD),
	SAME(mount_setattr, EPERM, BAD_FD, 0, BAD, 0, 0),
	/* keys, tracing, the kernel itself */
	SAME(keyctl, EPERM, KEYCTL_GET_KEYRING_ID, BAD, 0),
	SAME(add_key, EPERM, 0, 0, 0, 0, 0),
	SAME(request_key, EPERM, 0, 0, 0, 0),
	SAME(bpf, EPERM, 999, 0, 0),
	SAME(perf_event_open, EPERM, 0, 0, 0, BAD_FD, BAD),
	SAME(userfaultfd, EPERM, BAD),
	SAME(io_uring_setup, EPERM, 0, 0),
	SAME(io_uring_enter, EPERM, BAD_FD, 0, 0, 0, 0, 0),
	SAME(io_uring_register, EPERM, BAD_FD, 0, 0, 0),
	SAME(open_by_handle_at, EPERM, BAD_FD, 0, 0),
	SAME(kcmp, EPERM, 1, 1, 99, 0, 0),
	SAME(pidfd_getfd, EPERM, BAD_FD, 0, 0),
	SAME(init_module, EPERM, 0, 0, 0),
	SAME(finit_module, EPERM, BAD_FD, 0, BAD),
	SAME(delete_module, EPERM, 0, 0),
	SAME(kexec_load, EPERM, 0, BAD, 0, BAD),
	SAME(reboot, EPERM, 1, 2, 3, 0),
	SAME(swapon, EPERM, 0, 0),
	SAME(swapoff, EPERM, 0),
	SAME(acct, EPERM, (unsigned long)"/none"),
	SAME(quotactl, EPERM, BAD, 0, 0, 0),
	SAME(syslog, EPERM, 99, 0, 0),
	SAME(settimeofday, EPERM, 1, 1),
	SAME(clock_settime, EPERM, 99, 0),
	SAME(sethostname, EPERM, 0, BAD),
	SAME(setdomainname, EPERM, 0, BAD),
	SAME(fanotify_init, EPERM, BAD, 0),
	SAME(vhangup, EPERM),
	SAME(move_pages, EPERM, 0, 0, 0, 0, 0, BAD),
	SAME(personality, EPERM, 0x0400000), /* READ_IMPLIES_EXEC */
	/* sockets that reach what is not namespaced */
	SAME(socket, EAFNOSUPPORT, 38 /* AF_ALG */, SOCK_SEQPACKET, 0),
	SAME(socket, EAFNOSUPPORT, 40 /* AF_VSOCK */, SOCK_STREAM, 0),
	SAME(socket, EAFNOSUPPORT, 0x100000000ul | 38, SOCK_SEQPACKET, 0),
	/* the caller's keyboard; the kernel looks at 32 bits of a request */
	SAME(ioctl, EPERM, BAD_FD, 0x5412 /* TIOCSTI */, 0),
	SAME(ioctl, EPERM, BAD_FD, 0x541c /* TIOCLINUX */, 0),
	SAME(ioctl, EPERM, BAD_FD, 0x100005412ul, 0),
	SAME(ioctl, EPERM, BAD_FD, 0xffffffff0000541cul, 0),
	/* newer than any list */
	{ "600", 600, ENOSYS, { 0 } },
	{ "1023", 1023, ENOSYS, { 0 } },
	{ "5000", 5000, ENOSYS, { 0 } },
	{ "-1", -1, ENOSYS, { 0 } },
#ifdef __x86_64__
	SAME(ioperm, EPERM, 0, BAD, 0),
	SAME(iopl, EPERM, 99),
	/* x32 numbers */
	{ "x32 getpid", 0x40000000 | SYS_getpid, ENOSYS, { 0 } },
	{ "x32 unshare", 0x40000000 | SYS_unshare, ENOSYS, { 0 } },
	{ "x32 mount", 0x40000000 | SYS_mount, ENOSYS, { 0 } },
	{ "x32 ioctl", 0x40000000 | 514, ENOSYS, { BAD_FD, 0x5412 } },
	{ "x32 execve", 0x40000000 | 520, ENOSYS, { 0 } },
#endif
};

static bool is_as_wanted(int wanted, int code)
{
	return wanted == ANY ? code != EPERM && code != ENOSYS : code == wanted;
}

/* In the child: which calls did not go as wanted, in words, to `report`. */
static void try_all(int report)
{
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		const struct call *c = &calls[i];
		const unsigned long *a = c->args;
		char line[128];
		int n, code;
		errno = 0;
		code = syscall(c->number, a[0], a[1], a[2], a[3], a[4], a[5]) < 0 ? errno : 0;
		if (is_as_wanted(c->wanted, code))
			continue;
		n = snprintf(line, sizeof line, "%s(%#lx, %#lx): %s instead of %s\n", c->name, a[0],
			a[1], strerrorname_np(code),
			c->wanted == ANY ? "the kernel's answer" : strerrorname_np(c->wanted));
		if (write(report, line, (size_t)n) != n)
			_exit(3);
	}
}

static void run_under_filter(void (*body)(int report), int *ret_status, struct str *ret)
{
	int report[2], status;
	char block[512];
	ssize_t n;

	assert_int_equal(pipe2(report, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct err e = { 0 };
		if (seccomp_apply_default(&e) < 0)
			_exit(2);
		body(report[1]);
		_exit(0);
	}
	close(report[1]);
	while ((n = read(report[0], block, sizeof block)) > 0)
		str_add_data(ret, block, (size_t)n);
	close(report[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	*ret_status = status;
}

static void test_calls(void **state)
{
	auto_str wrong = STR_INIT(65536);
	int status;

	(void)state;
	run_under_filter(try_all, &status, &wrong);
	assert_string_equal(str_text(&wrong), "");
	assert_int_equal(status, 0);
}

/* Without the filter the same calls get other answers: the test can fail. */
static void test_without_filter(void **state)
{
	(void)state;
	assert_int_equal(syscall(SYS_ioctl, BAD_FD, 0x5412, 0), -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(syscall(SYS_unshare, 0), 0);
}

#ifdef __x86_64__
static long call_i386(long number, long a, long b, long c)
{
	long result;

	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(number), "b"(a), "c"(b), "d"(c), "S"(0), "D"(0)
			 : "memory", "r8", "r9", "r10", "r11");
	return (int)result;
}

/* The 32-bit numbers of i386, from the kernel's syscall_32.tbl. */
static const struct {
	const char *name;
	long number, a, b;
	int wanted;
} i386_calls[] = {
	{ "getpid", 20, 0, 0, ANY },
	{ "close", 6, BAD_FD, 0, EBADF },
	{ "read", 3, BAD_FD, 0, EBADF },
	{ "mount", 21, 0, 0, EPERM },
	{ "umount", 22, 0, 0, EPERM },
	{ "umount2", 52, 0, -1, EPERM },
	{ "ioctl TIOCSTI", 54, BAD_FD, 0x5412, EPERM },
	{ "ioctl TIOCLINUX", 54, BAD_FD, 0x541c, EPERM },
	{ "ioctl TIOCGWINSZ", 54, BAD_FD, 0x5413, EBADF },
	{ "reboot", 88, 1, 2, EPERM },
	{ "socketcall", 102, 1, 0, ENOSYS },
	{ "clone NEWUSER", 120, CLONE_NEWUSER | CLONE_THREAD, 0, EPERM },
	{ "init_module", 128, 0, 0, EPERM },
	{ "personality", 136, 0x0400000, 0, EPERM },
	{ "pivot_root", 217, 0, 0, EPERM },
	{ "add_key", 286, 0, 0, EPERM },
	{ "request_key", 287, 0, 0, EPERM },
	{ "keyctl", 288, 0, -3, EPERM },
	{ "unshare", 310, 0, 0, EPERM },
	{ "perf_event_open", 336, 0, 0, EPERM },
	{ "open_by_handle_at", 342, BAD_FD, 0, EPERM },
	{ "setns", 346, BAD_FD, 0, EPERM },
	{ "bpf", 357, 999, 0, EPERM },
	{ "socket AF_UNIX", 359, AF_UNIX, 99, ANY },
	{ "socket AF_ALG", 359, 38, SOCK_SEQPACKET, EAFNOSUPPORT },
	{ "socket AF_VSOCK", 359, 40, SOCK_STREAM, EAFNOSUPPORT },
	{ "userfaultfd", 374, -1, 0, EPERM },
	{ "io_uring_setup", 425, 0, 0, EPERM },
	{ "fsopen", 430, 0, -1, EPERM },
	{ "clone3", 435, 0, 0, ENOSYS },
	{ "600", 600, 0, 0, ENOSYS },
	{ "5000", 5000, 0, 0, ENOSYS },
};

static void try_i386(int report)
{
	for (size_t i = 0; i < ARRAY_SIZE(i386_calls); i++) {
		long r = call_i386(i386_calls[i].number, i386_calls[i].a, i386_calls[i].b, 0);
		int n, code = r < 0 && r > -4096 ? (int)-r : 0;
		char line[128];
		if (is_as_wanted(i386_calls[i].wanted, code))
			continue;
		n = snprintf(line, sizeof line, "i386 %s: %d\n", i386_calls[i].name, code);
		if (write(report, line, (size_t)n) != n)
			_exit(3);
	}
}

static void test_i386(void **state)
{
	auto_str wrong = STR_INIT(65536);
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	if (pid == 0)
		_exit(call_i386(20, 0, 0, 0) == getpid() ? 0 : 1);
	if (proc_wait(pid) != 0) { /* this kernel cannot do it, so nobody gets round the filter */
		print_message("no i386 calls on this kernel\n");
		return;
	}
	run_under_filter(try_i386, &status, &wrong);
	assert_string_equal(str_text(&wrong), "");
	assert_int_equal(status, 0);
}
#endif

/* Threads, processes, signals, programs: a shell works under it. */
static void run_shell(int report)
{
	char *const argv[] = { (char *)"sh", (char *)"-c",
		(char *)"echo $(echo a | sed s/a/fine/); sleep 0; kill -TERM $$", NULL };

	dup2(report, 1);
	execv("/bin/sh", argv);
}

static void test_programs(void **state)
{
	auto_str out = STR_INIT(1000);
	int status;

	(void)state;
	run_under_filter(run_shell, &status, &out);
	assert_string_equal(str_text(&out), "fine\n");
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_without_filter),
#ifdef __x86_64__
		cmocka_unit_test(test_i386),
#endif
		cmocka_unit_test(test_programs),
	};

	return cmocka_run_group_tests_name("runtime_seccomp", tests, NULL, NULL);
}
