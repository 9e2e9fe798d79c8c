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

/* The program is made from its end: what a jump leads to is there already, and one return serves
 * all that are near enough. A place is an instruction's distance from the end. The kernel
 * translates a filter each time that one is loaded, so that its length is time at each start and
 * each exec. */
static unsigned emit(struct seccomp_program *p, uint16_t op, uint32_t k, uint8_t jt, uint8_t jf)
{
	if (p->used == SECCOMP_PROGRAM_MAX)
		abort(); /* the tables above are constant, and shorter */
	p->used++;
	p->code[SECCOMP_PROGRAM_MAX - p->used] = (struct sock_filter){ op, jt, jf, k };
	return p->used;
}

#define REACH 250 /* conditional jumps reach 255 instructions; JA any distance */

static unsigned give(struct seccomp_program *p, uint32_t value)
{
	for (unsigned place = p->used; place > 0 && p->used - place < REACH; place--) {
		const struct sock_filter *f = &p->code[SECCOMP_PROGRAM_MAX - place];
		if (f->code == (BPF_RET | BPF_K) && f->k == value)
			return place;
	}
	return emit(p, BPF_RET | BPF_K, value, 0, 0);
}

static unsigned in_reach(struct seccomp_program *p, unsigned place)
{
	return p->used - place < REACH ? place : emit(p, BPF_JMP | BPF_JA, p->used - place, 0, 0);
}

static unsigned branch(
	struct seccomp_program *p, uint16_t test, uint32_t k, unsigned then, unsigned otherwise)
{
	then = in_reach(p, then);
	otherwise = in_reach(p, otherwise);
	return emit(p, BPF_JMP | BPF_K | test, k, (uint8_t)(p->used - then),
		(uint8_t)(p->used - otherwise));
}

static unsigned load(struct seccomp_program *p, size_t offset)
{
	return emit(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

/* The low 32 bits: the kernel, too, looks at no more of these arguments. */
#define ARG(n) offsetof(struct seccomp_data, args[n])

/* Accumulator equals one of `values`: `then`, else `otherwise`. */
static void one_of(struct seccomp_program *p, const uint32_t *values, unsigned n, uint32_t then,
	uint32_t otherwise)
{
	unsigned yes = give(p, then), place = give(p, otherwise);

	while (n-- > 0)
		place = branch(p, BPF_JEQ, values[n], yes, place);
}

/* Accumulator has one of the bits of `mask`. */
static void one_with(struct seccomp_program *p, uint32_t mask, uint32_t then, uint32_t otherwise)
{
	unsigned yes = give(p, then), no = give(p, otherwise);

	branch(p, BPF_JSET, mask, yes, no);
}

#define ERRNO(code) (SECCOMP_RET_ERRNO | (code))

static unsigned verdict_of_socket(struct seccomp_program *p)
{
	static const uint32_t families[] = { 38 /* AF_ALG */, 40 /* AF_VSOCK */ };
	unsigned no = give(p, ERRNO(EAFNOSUPPORT)), yes = give(p, SECCOMP_RET_ALLOW), place;

	/* without CAP_AUDIT_WRITE, sshd takes EPERM for an attack and this for "no audit" */
	branch(p, BPF_JEQ, 9 /* NETLINK_AUDIT */, no, yes);
	place = load(p, ARG(2));
	place = branch(p, BPF_JEQ, 16 /* AF_NETLINK */, place, yes);
	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		place = branch(p, BPF_JEQ, families[i], no, place);
	return load(p, ARG(0));
}

static unsigned verdict(struct seccomp_program *p, enum action action)
{
	static const uint32_t requests[] = { 0x5412 /* TIOCSTI */, 0x541c /* TIOCLINUX */ };
	static const uint32_t personas[] = { 0, 8, 0x20000, 0x20008, 0xffffffff };

	switch (action) {
	case ALLOW:
		break;
	case REFUSE:
		return give(p, ERRNO(EPERM));
	case UNKNOWN:
	case HOLE:
		return give(p, ERRNO(ENOSYS));
	case CLONE:
		/* any CLONE_NEW*: namespaces are not for the inside */
		one_with(p, 0x7e020000, ERRNO(EPERM), SECCOMP_RET_ALLOW);
		return load(p, ARG(0));
	case SOCKET:
		return verdict_of_socket(p);
	case IOCTL:
		one_of(p, requests, ARRAY_SIZE(requests), ERRNO(EPERM), SECCOMP_RET_ALLOW);
		return load(p, ARG(1));
	case PERSONALITY:
		one_of(p, personas, ARRAY_SIZE(personas), SECCOMP_RET_ALLOW, ERRNO(EPERM));
		return load(p, ARG(0));
	}
	return give(p, SECCOMP_RET_ALLOW);
}

/* Binary search in ranges[lo..hi): the syscall number is in the accumulator. */
static unsigned search(
	struct seccomp_program *p, const struct range *ranges, unsigned lo, unsigned hi)
{
	unsigned mid = (lo + hi) / 2, low, high;

	if (hi - lo == 1)
		return verdict(p, ranges[lo].action);
	high = search(p, ranges, mid, hi);
	low = search(p, ranges, lo, mid);
	return branch(p, BPF_JGE, ranges[mid].first, high, low);
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

static unsigned filter_for(struct seccomp_program *p, uint32_t arch, uint64_t caps)
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
	return load(p, offsetof(struct seccomp_data, nr));
}

/* A block for each of a machine's ABIs, its own the first to be asked for and so the last here;
 * anything else gets ENOSYS. */
void seccomp_rules(enum seccomp_machine machine, uint64_t caps, struct seccomp_program *p)
{
	static const struct {
		uint32_t token, audit;
	} abis[][2] = {
		[SECCOMP_X86_64] = { { SCMP_ARCH_X86, AUDIT_ARCH_I386 },
			{ SCMP_ARCH_X86_64, AUDIT_ARCH_X86_64 } },
		[SECCOMP_AARCH64] = { { SCMP_ARCH_ARM, AUDIT_ARCH_ARM },
			{ SCMP_ARCH_AARCH64, AUDIT_ARCH_AARCH64 } },
	};

	unsigned place;

	p->used = 0;
	place = give(p, ERRNO(ENOSYS));
	/* x32 numbers (bit 30) are beyond the last range: ENOSYS */
	for (size_t i = 0; i < ARRAY_SIZE(abis[machine]); i++) {
		unsigned block = filter_for(p, abis[machine][i].token, caps);
		place = branch(p, BPF_JEQ, abis[machine][i].audit, block, place);
	}
	load(p, offsetof(struct seccomp_data, arch));
	memmove(p->code, p->code + SECCOMP_PROGRAM_MAX - p->used, p->used * sizeof *p->code);
}
