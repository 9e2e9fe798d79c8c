#include "runtime/seccomp-rules.h"
#include "base/mem.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
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

/* What Docker's profile allows those who have a capability; CLONE means without a look at its
 * flags.
 */
static const struct {
	unsigned capability;
	const char *calls;
} conditional[] = {
	{ CAP_DAC_READ_SEARCH, "open_by_handle_at " },
	{ CAP_SYS_ADMIN, "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick "
			 "lookup_dcookie mount mount_setattr move_mount open_tree perf_event_open "
			 "quotactl quotactl_fd setdomainname sethostname setns syslog umount "
			 "umount2 unshare " },
	{ CAP_SYS_BOOT, "reboot " },
	{ CAP_SYS_MODULE, "delete_module finit_module init_module " },
	{ CAP_SYS_PACCT, "acct " },
	{ CAP_SYS_PTRACE, "kcmp pidfd_getfd process_madvise " },
	{ CAP_SYS_RAWIO, "ioperm iopl " },
	{ CAP_SYS_TIME, "clock_settime clock_settime64 settimeofday stime " },
	{ CAP_SYS_TTY_CONFIG, "vhangup " },
	{ CAP_SYS_NICE, "get_mempolicy mbind set_mempolicy set_mempolicy_home_node " },
	{ CAP_SYSLOG, "syslog " },
	{ CAP_BPF, "bpf " },
	{ CAP_PERFMON, "perf_event_open " },
};

enum action { ALLOW, REFUSE, UNKNOWN, CLONE, SOCKET, IOCTL, PERSONALITY, HOLE };

struct range {
	uint32_t first;
	enum action action;
};

static unsigned emit(struct seccomp_program *p, uint16_t op, uint32_t k, uint8_t jt, uint8_t jf)
{
	if (p->used == SECCOMP_PROGRAM_MAX)
		abort(); /* the tables above are constant, and shorter */
	p->code[p->used] = (struct sock_filter){ op, jt, jf, k };
	return p->used++;
}

static void give(struct seccomp_program *p, uint32_t verdict)
{
	emit(p, BPF_RET | BPF_K, verdict, 0, 0);
}

static void load_arg(struct seccomp_program *p, unsigned n)
{
	/* the low 32 bits: the kernel, too, looks at no more of these arguments */
	emit(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, args[n]), 0, 0);
}

/* Accumulator equals one of `values`: `then`, else `otherwise`. */
static void one_of(struct seccomp_program *p, const uint32_t *values, unsigned n, uint32_t then,
	uint32_t otherwise)
{
	for (unsigned i = 0; i < n; i++)
		emit(p, BPF_JMP | BPF_JEQ | BPF_K, values[i], (uint8_t)(n - i), 0);
	give(p, otherwise);
	give(p, then);
}

#define ERRNO(code) (SECCOMP_RET_ERRNO | (code))

static void verdict(struct seccomp_program *p, enum action action)
{
	static const uint32_t requests[] = { 0x5412 /* TIOCSTI */, 0x541c /* TIOCLINUX */ };
	static const uint32_t personas[] = { 0, 8, 0x20000, 0x20008, 0xffffffff };

	switch (action) {
	case ALLOW:
		give(p, SECCOMP_RET_ALLOW);
		break;
	case REFUSE:
		give(p, ERRNO(EPERM));
		break;
	case UNKNOWN:
	case HOLE:
		give(p, ERRNO(ENOSYS));
		break;
	case CLONE:
		load_arg(p, 0);
		/* any CLONE_NEW*: namespaces are not for the inside */
		emit(p, BPF_JMP | BPF_JSET | BPF_K, 0x7e020000, 0, 1);
		give(p, ERRNO(EPERM));
		give(p, SECCOMP_RET_ALLOW);
		break;
	case SOCKET:
		load_arg(p, 0);
		emit(p, BPF_JMP | BPF_JEQ | BPF_K, 38 /* AF_ALG */, 5, 0);
		emit(p, BPF_JMP | BPF_JEQ | BPF_K, 40 /* AF_VSOCK */, 4, 0);
		emit(p, BPF_JMP | BPF_JEQ | BPF_K, 16 /* AF_NETLINK */, 0, 2);
		load_arg(p, 2);
		/* without CAP_AUDIT_WRITE, sshd takes EPERM for an attack and this for "no audit"
		 */
		emit(p, BPF_JMP | BPF_JEQ | BPF_K, 9 /* NETLINK_AUDIT */, 1, 0);
		give(p, SECCOMP_RET_ALLOW);
		give(p, ERRNO(EAFNOSUPPORT));
		break;
	case IOCTL:
		load_arg(p, 1);
		one_of(p, requests, 2, ERRNO(EPERM), SECCOMP_RET_ALLOW);
		break;
	case PERSONALITY:
		load_arg(p, 0);
		one_of(p, personas, 5, SECCOMP_RET_ALLOW, ERRNO(EPERM));
		break;
	}
}

/* Binary search in ranges[lo..hi): the syscall number is in the accumulator. */
static void search(struct seccomp_program *p, const struct range *ranges, unsigned lo, unsigned hi)
{
	unsigned mid, jump;

	if (hi - lo == 1) {
		verdict(p, ranges[lo].action);
		return;
	}
	mid = (lo + hi) / 2;
	/* conditional jumps reach 255 instructions, JA any distance */
	emit(p, BPF_JMP | BPF_JGE | BPF_K, ranges[mid].first, 0, 1);
	jump = emit(p, BPF_JMP | BPF_JA, 0, 0, 0);
	search(p, ranges, lo, mid);
	p->code[jump].k = p->used - jump - 1;
	search(p, ranges, mid, hi);
}

#define NUMBERS 1024

static bool names(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = list; (p = strstr(p, name)); p += len)
		if ((p == list || p[-1] == ' ') && p[len] == ' ')
			return true;
	return false;
}

/* By the name of a number and not the other way round: for i386's socket calls libseccomp answers
 * with numbers of its own that stand for socketcall(2). */
static enum action action_of(const char *name, uint64_t caps)
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

	for (size_t i = 0; i < ARRAY_SIZE(conditional); i++)
		if (caps >> conditional[i].capability & 1 && names(conditional[i].calls, name))
			return ALLOW;
	for (size_t i = 0; i < sizeof special / sizeof *special; i++)
		if (strcmp(special[i].name, name) == 0)
			return special[i].action;
	return names(allowed, name) ? ALLOW : REFUSE;
}

static void filter_for(struct seccomp_program *p, uint32_t arch, uint64_t caps)
{
	enum action table[NUMBERS];
	struct range ranges[NUMBERS + 1];
	unsigned n = 0, newest = 0;

	for (unsigned nr = 0; nr < NUMBERS; nr++) {
		char *known = seccomp_syscall_resolve_num_arch(arch, (int)nr);
		table[nr] = known ? action_of(known, caps) : HOLE;
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
	search(p, ranges, 0, n);
}

/* A block for each of a machine's ABIs; anything else gets ENOSYS. */
void seccomp_rules(enum seccomp_machine machine, uint64_t caps, struct seccomp_program *p)
{
	static const struct {
		uint32_t token, audit;
	} abis[][2] = {
		[SECCOMP_X86_64] = { { SCMP_ARCH_X86_64, AUDIT_ARCH_X86_64 },
			{ SCMP_ARCH_X86, AUDIT_ARCH_I386 } },
		[SECCOMP_AARCH64] = { { SCMP_ARCH_AARCH64, AUDIT_ARCH_AARCH64 },
			{ SCMP_ARCH_ARM, AUDIT_ARCH_ARM } },
	};

	p->used = 0;
	emit(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, arch), 0, 0);
	for (unsigned i = 0; i < 2; i++) {
		unsigned jump;
		emit(p, BPF_JMP | BPF_JEQ | BPF_K, abis[machine][i].audit, 1, 0);
		jump = emit(p, BPF_JMP | BPF_JA, 0, 0, 0);
		emit(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, nr), 0,
			0);
		/* x32 numbers (bit 30) are beyond the last range: ENOSYS */
		filter_for(p, abis[machine][i].token, caps);
		p->code[jump].k = p->used - jump - 1;
	}
	give(p, ERRNO(ENOSYS));
}
