#include "runtime/confine.h"
#include "base/fs.h"
#include "base/mem.h"
#include "runtime/init.h"
#include "runtime/posture.h"
#include "runtime/priority.h"
#include "runtime/seccomp.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/magic.h>
#include <linux/sched.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#define BIT(n) (UINT64_C(1) << (n))

static int set_caps(uint64_t effective, uint64_t permitted, uint64_t inheritable, struct err *e)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = {
		{ (uint32_t)effective, (uint32_t)permitted, (uint32_t)inheritable },
		{ (uint32_t)(effective >> 32), (uint32_t)(permitted >> 32),
			(uint32_t)(inheritable >> 32) },
	};

	return syscall(SYS_capset, &header, data) < 0 ? err_errno(e, "cannot set capabilities") : 0;
}

int confine_caps(uint64_t effective, uint64_t permitted, struct err *e)
{
	return set_caps(effective, permitted, 0, e);
}

static int drop_bounding(uint64_t keep, struct err *e)
{
	for (unsigned cap = 0; cap < 64; cap++) {
		if (keep & BIT(cap))
			continue;
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0) {
			if (errno == EINVAL)
				break; /* the kernel's last one is behind us */
			return err_errno(e, "cannot drop capability %u", cap);
		}
	}
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return 0;
}

int confine_shared(const struct spec *s, struct err *e)
{
	if (!s->keep_keyring) /* ENOSYS: no keys to share */
		syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
	if (drop_bounding(s->caps.bounding, e) < 0)
		return -e->code;
	if (s->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_errno(e, "cannot set no_new_privs");
	return s->seccomp ? 0 : seccomp_apply_default(e);
}

/* Something that is not as it was asked for, and no reason to refuse. */
static void warn(const struct root *r, const char *format, const char *what)
{
	struct init_message m = { .type = INIT_WARNING };

	err_set(&m.err, EPERM, "%s '%s'", format, what);
	if (r->report >= 0)
		init_send(r->report, &m, NULL);
}

/* A file of our own below /proc, on which nobody has mounted another (T06). */
static int write_proc(struct root *r, const char *file, const char *text, struct err *e)
{
	int proc = root_proc(r, e);
	auto_free char *path = xasprintf("%d/%s", getpid(), file);
	auto_close int fd = proc < 0 ? proc : rfd_open_own(proc, path, O_WRONLY);
	struct statfs sfs;

	if (proc < 0)
		return proc;
	if (fd < 0)
		return err_set(e, -fd, "cannot open '%s'", path);
	if (fstatfs(fd, &sfs) < 0 || sfs.f_type != PROC_SUPER_MAGIC ||
		write(fd, text, strlen(text)) < 0)
		return err_errno(e, "cannot write '%s'", path);
	return 0;
}

static int set_labels(const struct spec *s, struct root *r, struct err *e)
{
	if (s->apparmor && *s->apparmor) {
		auto_free char *text = xasprintf("exec %s", s->apparmor);
		int result = write_proc(r, "attr/apparmor/exec", text, e);
		if (result == -ENOENT) /* before Linux 5.8 there was one module's file only */
			result = write_proc(r, "attr/exec", text, e);
		if (result < 0)
			return err_wrap(e, "cannot use AppArmor profile '%s'", s->apparmor);
	}
	if (s->selinux && *s->selinux && write_proc(r, "attr/exec", s->selinux, e) < 0)
		return err_wrap(e, "cannot use SELinux label '%s'", s->selinux);
	return 0;
}

static int set_oom_score(const struct spec *s, struct root *r, struct err *e)
{
	char text[24];
	int result;

	if (!s->set_oom_score_adj)
		return 0;
	snprintf(text, sizeof text, "%lld", (long long)s->oom_score_adj);
	result = write_proc(r, "oom_score_adj", text, e);
	if (result != -EACCES && result != -EPERM)
		return result;
	err_clear(e);
	warn(r, "cannot set oom_score_adj: without CAP_SYS_RESOURCE it can only rise, not go to",
		text);
	return 0;
}

static const char *limit_name(int64_t resource)
{
	static const char *const names[] = { "cpu", "fsize", "data", "stack", "core", "rss",
		"nproc", "nofile", "memlock", "as", "locks", "sigpending", "msgqueue", "nice",
		"rtprio", "rttime" };

	return resource >= 0 && resource < (int64_t)ARRAY_SIZE(names) ? names[resource] : "?";
}

/* Of processes the kernel counts those of the user: who makes one more for it must not be in the
 * way. */
enum limits { LIMITS_ALL, LIMITS_OTHERS, LIMITS_PROCESSES };

/* Without CAP_SYS_RESOURCE a hard limit can only be lowered: then it is what it was. */
static int set_limits(const struct spec *s, const struct root *r, enum limits which, struct err *e)
{
	for (size_t i = 0; i < s->n_rlimits; i++) {
		const struct spec_rlimit *want = &s->rlimits[i];
		struct rlimit own, l = { want->soft < 0 ? RLIM_INFINITY : (rlim_t)want->soft,
			want->hard < 0 ? RLIM_INFINITY : (rlim_t)want->hard };
		__rlimit_resource_t resource = (__rlimit_resource_t)want->resource;
		if (which == LIMITS_PROCESSES && resource != RLIMIT_NPROC)
			continue;
		if (which == LIMITS_OTHERS && resource == RLIMIT_NPROC)
			l.rlim_cur = l.rlim_max; /* raised while that is possible */
		if (setrlimit(resource, &l) == 0)
			continue;
		if (errno != EPERM || getrlimit(resource, &own) < 0)
			return err_errno(
				e, "cannot set the limit '%s'", limit_name(want->resource));
		l.rlim_max = l.rlim_max > own.rlim_max ? own.rlim_max : l.rlim_max;
		l.rlim_cur = l.rlim_cur > l.rlim_max ? l.rlim_max : l.rlim_cur;
		if (setrlimit(resource, &l) < 0)
			return err_errno(
				e, "cannot set the limit '%s'", limit_name(want->resource));
		warn(r, "the hard limit stays what it is without CAP_SYS_RESOURCE:",
			limit_name(want->resource));
	}
	return 0;
}

/* Capabilities that are asked for and that we do not have: said once, and left out. */
static uint64_t cut(const struct root *r, uint64_t *set, uint64_t have)
{
	uint64_t missing = *set & ~have;

	for (unsigned n = 0; n < 64; n++)
		if (missing & BIT(n))
			warn(r, "cannot be given, since redock has it not: capability",
				posture_cap_name(n) ? posture_cap_name(n) : "?");
	*set &= have;
	return missing;
}

int confine_own_caps(uint64_t *ret, struct err *e)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) < 0)
		return err_errno(e, "cannot read capabilities");
	*ret = data[0].permitted | (uint64_t)data[1].permitted << 32;
	return 0;
}

/* The last step. What a user other than root has in its effective set is no help for finding and
 * executing the program: it does not outlive that anyway, unless it is ambient. */
static int apply_caps(const struct spec_caps *caps, const struct user *u, struct err *e)
{
	uint64_t effective = u->uid == 0 ? caps->effective : caps->effective & caps->ambient;

	if (set_caps(effective, caps->permitted, caps->inheritable, e) < 0)
		return -e->code;
	for (unsigned n = 0; n < 64; n++)
		if (caps->ambient & BIT(n) &&
			prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, n, 0, 0) < 0)
			return err_errno(e, "cannot make capability '%s' ambient",
				posture_cap_name(n) ? posture_cap_name(n) : "?");
	return 0;
}

/* With as few system calls as can be between it and the program: a filter of a person's own may
 * forbid any of them. Loading it needs CAP_SYS_ADMIN unless no_new_privs is set (seccomp(2)). */
static int load_filter(const struct spec *s, struct root *r, struct err *e)
{
	struct init_message m = { .type = INIT_SECCOMP, .n_fds = 1 };
	int listener = -1;

	if (seccomp_apply_file(r->filter, (unsigned)s->seccomp_flags, s->seccomp_listener != NULL,
		    &listener, e) < 0)
		return -e->code;
	if (listener >= 0 && (r->report < 0 || init_send(r->report, &m, &listener) < 0))
		return err_set(e, EPIPE, "cannot hand over the filter's listener");
	close_fd(&listener);
	return 0;
}

static int become_user(const struct user *u, struct err *e)
{
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 ||
		(setgroups(u->n_groups, u->groups) < 0 && (errno != EPERM || u->n_groups > 1)) ||
		setresgid(u->gid, u->gid, u->gid) < 0 || setresuid(u->uid, u->uid, u->uid) < 0 ||
		prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0)
		return err_errno(e, "cannot become user %u", u->uid);
	/* what changes ids may make a process traceable again, as the host is set up (T03) */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	return 0;
}

int confine_labels(const struct spec *s, struct root *r, struct err *e)
{
	return set_labels(s, r, e) < 0 ? -e->code : set_oom_score(s, r, e);
}

/* sched(7): such a process may not fork, or its children have the policy no more. */
static bool schedules_one(const struct spec *s)
{
	return s->set_scheduler &&
	       (s->sched_policy == SCHED_DEADLINE || s->sched_flags & SCHED_FLAG_RESET_ON_FORK);
}

/* Privileges that confine_finish() needs. With `whole` nobody can take them away in between, so
 * that it keeps all: what a filter of the person's own lets pass may need any. */
static uint64_t needed_later(const struct spec *s, const struct confine_rest *rest, bool whole)
{
	uint64_t keep = 0;

	if (rest->filter && !s->no_new_privs) /* seccomp(2) */
		keep |= whole ? ~UINT64_C(0) : BIT(CAP_SYS_ADMIN);
	if (rest->priority)
		keep |= BIT(CAP_SYS_NICE);
#ifdef REDOCK_UNSAFE_PATHS
	keep = ~UINT64_C(0); /* what tests/e2e/attacks-races.bats is there to find (T03) */
#endif
	return keep;
}

int confine_begin(const struct spec *s, struct root *r, const struct user *u, enum confine_way way,
	struct confine_rest *rest, struct err *e)
{
	const bool own_filter = s->seccomp && *s->seccomp, whole = way == CONFINE_WHOLE;
	struct spec_caps caps = s->caps;
	uint64_t have = 0;

	if (confine_own_caps(&have, e) < 0)
		return -e->code;
	cut(r, &caps.permitted, have);
	caps.effective &= caps.permitted;
	caps.inheritable &= have;
	caps.ambient &= caps.permitted & caps.inheritable;
	*rest = (struct confine_rest){ .caps = caps,
		.filter = own_filter,
		.priority = !whole && schedules_one(s),
		.processes = !whole };
	umask(s->umask < 0 ? 022 : (mode_t)(s->umask & 0777));
	if (s->personality && personality((unsigned long)s->personality) < 0)
		return err_errno(e, "cannot set personality %lld", (long long)s->personality);
	if ((!rest->priority && priority_apply(s, e) < 0) ||
		set_limits(s, r, whole ? LIMITS_ALL : LIMITS_OTHERS, e) < 0 ||
		(!s->init && confine_shared(s, e) < 0) || become_user(u, e) < 0)
		return -e->code;
	if (way == CONFINE_FILTER_FIRST && own_filter && !s->no_new_privs) {
		if (set_caps(have, have, caps.inheritable, e) < 0 || load_filter(s, r, e) < 0)
			return -e->code;
		rest->filter = false;
	}
	rest->keep = needed_later(s, rest, whole) & have;
	return rest->keep ? set_caps(caps.permitted | rest->keep, caps.permitted | rest->keep,
				    caps.inheritable, e)
			  : apply_caps(&caps, u, e);
}

int confine_finish(const struct spec *s, struct root *r, const struct user *u,
	const struct confine_rest *rest, struct err *e)
{
	const bool first = rest->filter && !s->no_new_privs;

	if ((rest->priority && priority_apply(s, e) < 0) ||
		(rest->processes && set_limits(s, r, LIMITS_PROCESSES, e) < 0) ||
		(first && load_filter(s, r, e) < 0) ||
		(rest->keep && apply_caps(&rest->caps, u, e) < 0))
		return -e->code;
	return rest->filter && !first ? load_filter(s, r, e) : 0;
}

int confine_process(const struct spec *s, struct root *r, const struct user *u, struct err *e)
{
	struct confine_rest rest;

	if (confine_labels(s, r, e) < 0 || confine_begin(s, r, u, CONFINE_WHOLE, &rest, e) < 0)
		return -e->code;
	return confine_finish(s, r, u, &rest, e);
}
