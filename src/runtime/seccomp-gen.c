/*
 * Writes the default seccomp filter as C arrays of struct sock_filter, one for each machine type.
 *
 * The list is Docker's default profile as SECURITY.md describes it, plus our own blocks: AF_ALG,
 * AF_VSOCK and audit sockets, TIOCSTI and TIOCLINUX, socketcall(2) (its arguments are in memory,
 * out of a filter's sight), all x32 numbers.  What the list does not name fails with EPERM; numbers
 * newer than libseccomp knows fail with ENOSYS, so that programs fall back as they do on an older
 * kernel. Done when redock is built: at run time the filter is constant data and costs nothing to
 * make.
 *
 * libseccomp gives the numbers; the filter is a binary search over ranges (about ten comparisons
 * a call) where libseccomp's own output would compare one number after the other.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const allowed =
	/* files */
	"access chdir chmod chown chown32 close close_range copy_file_range creat dup dup2 dup3 "
	"faccessat faccessat2 fadvise64 fadvise64_64 arm_fadvise64_64 fallocate fanotify_mark "
	"fchdir "
	"fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr "
	"flistxattr flock fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 fsync "
	"ftruncate ftruncate64 futimesat getcwd getdents getdents64 getxattr inotify_add_watch "
	"inotify_init inotify_init1 inotify_rm_watch lchown lchown32 lgetxattr link linkat "
	"listxattr "
	"llistxattr _llseek lremovexattr lseek lsetxattr lstat lstat64 mkdir mkdirat mknod mknodat "
	"name_to_handle_at newfstatat open openat openat2 pread64 preadv preadv2 pwrite64 pwritev "
	"pwritev2 read readahead readlink readlinkat readv removexattr rename renameat renameat2 "
	"rmdir sendfile sendfile64 setxattr splice stat stat64 statfs statfs64 statx symlink "
	"symlinkat "
	"sync sync_file_range sync_file_range2 arm_sync_file_range syncfs tee truncate truncate64 "
	"umask unlink unlinkat utime utimensat utimensat_time64 utimes vmsplice write writev "
	"chroot "
	/* descriptors to wait on, asynchronous I/O */
	"epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait "
	"epoll_wait_old eventfd eventfd2 io_cancel io_destroy io_getevents io_pgetevents "
	"io_pgetevents_time64 io_setup io_submit _newselect pipe pipe2 poll ppoll ppoll_time64 "
	"pselect6 pselect6_time64 select signalfd signalfd4 timerfd_create timerfd_gettime "
	"timerfd_gettime64 timerfd_settime timerfd_settime64 "
	/* memory */
	"brk cachestat madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock "
	"mlock2 mlockall mmap mmap2 mprotect mremap msync munlock munlockall munmap pkey_alloc "
	"pkey_free pkey_mprotect process_mrelease remap_file_pages "
	/* processes, users, limits */
	"alarm capget capset execve execveat exit exit_group fork getcpu getegid getegid32 geteuid "
	"geteuid32 getgid getgid32 getgroups getgroups32 getpgid getpgrp getpid getppid "
	"getpriority "
	"getresgid getresgid32 getresuid getresuid32 getrlimit getrusage getsid gettid getuid "
	"getuid32 "
	"ioprio_get ioprio_set kill pause pidfd_open pidfd_send_signal prctl prlimit64 "
	"process_vm_readv process_vm_writev ptrace restart_syscall rseq rt_sigaction rt_sigpending "
	"rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait "
	"rt_sigtimedwait_time64 rt_tgsigqueueinfo sched_getaffinity sched_getattr sched_getparam "
	"sched_get_priority_max sched_get_priority_min sched_getscheduler sched_rr_get_interval "
	"sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam "
	"sched_setscheduler sched_yield setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 "
	"setgroups setgroups32 setpgid setpriority setregid setregid32 setresgid setresgid32 "
	"setresuid "
	"setresuid32 setreuid setreuid32 setrlimit setsid setuid setuid32 sigaltstack sigprocmask "
	"sigreturn tgkill tkill ugetrlimit uname vfork wait4 waitid waitpid "
	/* threads */
	"futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake get_robust_list "
	"get_thread_area set_robust_list set_thread_area set_tid_address set_tls cacheflush "
	"breakpoint arch_prctl modify_ldt "
	/* time */
	"adjtimex clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime "
	"clock_gettime64 clock_nanosleep clock_nanosleep_time64 getitimer gettimeofday nanosleep "
	"setitimer time timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 "
	"timer_settime timer_settime64 times "
	/* sockets (socket itself: below) and System V and POSIX queues */
	"accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom "
	"recvmmsg "
	"recvmmsg_time64 recvmsg send sendmmsg sendmsg sendto setsockopt shutdown socketpair ipc "
	"mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend "
	"mq_timedsend_time64 mq_unlink msgctl msgget msgrcv msgsnd semctl semget semop semtimedop "
	"semtimedop_time64 shmat shmctl shmdt shmget "
	/* the rest */
	"getrandom landlock_add_rule landlock_create_ruleset landlock_restrict_self seccomp "
	"sysinfo ";

enum action { ALLOW, REFUSE, UNKNOWN, CLONE, SOCKET, IOCTL, PERSONALITY, HOLE };

struct range {
	uint32_t first;
	enum action action;
};

static struct sock_filter code[4096];
static unsigned used;

static unsigned emit(uint16_t op, uint32_t k, uint8_t jt, uint8_t jf)
{
	if (used == sizeof code / sizeof *code) {
		fprintf(stderr, "seccomp-gen: the filter is too long\n");
		exit(1);
	}
	code[used] = (struct sock_filter){ op, jt, jf, k };
	return used++;
}

static void give(uint32_t verdict)
{
	emit(BPF_RET | BPF_K, verdict, 0, 0);
}

static void load_arg(unsigned n)
{
	/* the low 32 bits: the kernel, too, looks at no more of these arguments */
	emit(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, args[n]), 0, 0);
}

/* Accumulator equals one of `values`: `then`, else `otherwise`. */
static void one_of(const uint32_t *values, unsigned n, uint32_t then, uint32_t otherwise)
{
	for (unsigned i = 0; i < n; i++)
		emit(BPF_JMP | BPF_JEQ | BPF_K, values[i], (uint8_t)(n - i), 0);
	give(otherwise);
	give(then);
}

#define ERRNO(code) (SECCOMP_RET_ERRNO | (code))

static void verdict(enum action action)
{
	static const uint32_t requests[] = { 0x5412 /* TIOCSTI */, 0x541c /* TIOCLINUX */ };
	static const uint32_t personas[] = { 0, 8, 0x20000, 0x20008, 0xffffffff };

	switch (action) {
	case ALLOW:
		give(SECCOMP_RET_ALLOW);
		break;
	case REFUSE:
		give(ERRNO(EPERM));
		break;
	case UNKNOWN:
	case HOLE:
		give(ERRNO(ENOSYS));
		break;
	case CLONE:
		load_arg(0);
		/* any CLONE_NEW*: namespaces are not for the inside */
		emit(BPF_JMP | BPF_JSET | BPF_K, 0x7e020000, 0, 1);
		give(ERRNO(EPERM));
		give(SECCOMP_RET_ALLOW);
		break;
	case SOCKET:
		load_arg(0);
		emit(BPF_JMP | BPF_JEQ | BPF_K, 38 /* AF_ALG */, 5, 0);
		emit(BPF_JMP | BPF_JEQ | BPF_K, 40 /* AF_VSOCK */, 4, 0);
		emit(BPF_JMP | BPF_JEQ | BPF_K, 16 /* AF_NETLINK */, 0, 2);
		load_arg(2);
		/* without CAP_AUDIT_WRITE, sshd takes EPERM for an attack and this for "no audit"
		 */
		emit(BPF_JMP | BPF_JEQ | BPF_K, 9 /* NETLINK_AUDIT */, 1, 0);
		give(SECCOMP_RET_ALLOW);
		give(ERRNO(EAFNOSUPPORT));
		break;
	case IOCTL:
		load_arg(1);
		one_of(requests, 2, ERRNO(EPERM), SECCOMP_RET_ALLOW);
		break;
	case PERSONALITY:
		load_arg(0);
		one_of(personas, 5, SECCOMP_RET_ALLOW, ERRNO(EPERM));
		break;
	}
}

/* Binary search in ranges[lo..hi): the syscall number is in the accumulator. */
static void search(const struct range *ranges, unsigned lo, unsigned hi)
{
	unsigned mid, jump;

	if (hi - lo == 1) {
		verdict(ranges[lo].action);
		return;
	}
	mid = (lo + hi) / 2;
	/* conditional jumps reach 255 instructions, JA any distance */
	emit(BPF_JMP | BPF_JGE | BPF_K, ranges[mid].first, 0, 1);
	jump = emit(BPF_JMP | BPF_JA, 0, 0, 0);
	search(ranges, lo, mid);
	code[jump].k = used - jump - 1;
	search(ranges, mid, hi);
}

#define NUMBERS 1024

/* By the name of a number and not the other way round: for i386's socket calls libseccomp answers
 * with numbers of its own that stand for socketcall(2). */
static enum action action_of(const char *name)
{
	static const struct {
		const char *name;
		enum action action;
	} special[] = {
		{ "clone", CLONE },
		{ "clone3", UNKNOWN }, /* its flags are in memory: libc falls back to clone */
		{ "socket", SOCKET },
		{ "socketcall", UNKNOWN },
		{ "ioctl", IOCTL },
		{ "personality", PERSONALITY },
	};
	size_t len = strlen(name);

	for (size_t i = 0; i < sizeof special / sizeof *special; i++)
		if (strcmp(special[i].name, name) == 0)
			return special[i].action;
	for (const char *p = allowed; (p = strstr(p, name)); p += len)
		if ((p == allowed || p[-1] == ' ') && p[len] == ' ')
			return ALLOW;
	return REFUSE;
}

static void filter_for(uint32_t arch)
{
	static enum action table[NUMBERS];
	static struct range ranges[NUMBERS + 1];
	unsigned n = 0, newest = 0;

	for (unsigned nr = 0; nr < NUMBERS; nr++) {
		char *known = seccomp_syscall_resolve_num_arch(arch, (int)nr);
		table[nr] = known ? action_of(known) : HOLE;
		if (known)
			newest = nr;
		free(known);
	}
	/* numbers without a name are newer calls behind the last known one, and holes before it */
	for (unsigned nr = 0; nr < NUMBERS; nr++)
		if (table[nr] == HOLE)
			table[nr] = nr < newest ? REFUSE : UNKNOWN;
	for (unsigned nr = 0; nr < NUMBERS; nr++)
		if (n == 0 || table[nr] != ranges[n - 1].action)
			ranges[n++] = (struct range){ nr, table[nr] };
	if (ranges[n - 1].action != UNKNOWN)
		ranges[n++] = (struct range){ NUMBERS, UNKNOWN };
	search(ranges, 0, n);
}

/* A block for each of a machine's ABIs; anything else gets ENOSYS. */
static void program(const char *guard, const uint32_t *tokens, const uint32_t *audit, unsigned n)
{
	used = 0;
	emit(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, arch), 0, 0);
	for (unsigned i = 0; i < n; i++) {
		unsigned jump;
		emit(BPF_JMP | BPF_JEQ | BPF_K, audit[i], 1, 0);
		jump = emit(BPF_JMP | BPF_JA, 0, 0, 0);
		emit(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, nr), 0, 0);
		filter_for(tokens[i]); /* x32 numbers (bit 30) are beyond the last range: ENOSYS */
		code[jump].k = used - jump - 1;
	}
	give(ERRNO(ENOSYS));
	printf("#if defined(%s)\n#define SECCOMP_DEFAULT_FILTER 1\n"
	       "static const struct sock_filter default_filter[] = {\n",
		guard);
	for (unsigned i = 0; i < used; i++)
		printf("\t{ 0x%x, %u, %u, 0x%x },\n", code[i].code, code[i].jt, code[i].jf,
			code[i].k);
	printf("};\n#endif\n");
}

int main(void)
{
	static const uint32_t x86[] = { SCMP_ARCH_X86_64, SCMP_ARCH_X86 };
	static const uint32_t x86_audit[] = { AUDIT_ARCH_X86_64, AUDIT_ARCH_I386 };
	static const uint32_t arm[] = { SCMP_ARCH_AARCH64, SCMP_ARCH_ARM };
	static const uint32_t arm_audit[] = { AUDIT_ARCH_AARCH64, AUDIT_ARCH_ARM };

	printf("/* made by seccomp-gen */\n");
	program("__x86_64__", x86, x86_audit, 2);
	program("__aarch64__", arm, arm_audit, 2);
	return 0;
}
