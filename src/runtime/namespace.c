#include "runtime/namespace.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/proc.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/magic.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#define LIST_MAX 16

static const struct {
	int flag;
	const char *name; /* below /proc/PID/ns */
} kinds[] = {
	{ CLONE_NEWUSER, "user" },
	{ CLONE_NEWIPC, "ipc" },
	{ CLONE_NEWUTS, "uts" },
	{ CLONE_NEWNET, "net" },
	{ CLONE_NEWPID, "pid" },
	{ CLONE_NEWCGROUP, "cgroup" },
	{ CLONE_NEWTIME, "time" },
	{ CLONE_NEWNS, "mnt" },
};

uint64_t namespace_flags(const struct spec *s)
{
	uint64_t flags = 0;

	for (size_t i = 0; i < s->n_namespaces; i++)
		if (!s->namespaces[i].path)
			flags |= (uint64_t)s->namespaces[i].flag;
	return flags & ~(uint64_t)(CLONE_NEWCGROUP | CLONE_NEWTIME);
}

bool namespace_needs_stage(const struct spec *s)
{
	for (size_t i = 0; i < s->n_namespaces; i++) {
		const struct spec_namespace *n = &s->namespaces[i];
		if (n->flag == CLONE_NEWUSER || (n->flag == CLONE_NEWPID && n->path) ||
			n->flag == CLONE_NEWTIME)
			return true;
	}
	return false;
}

int namespace_open(const char *path, int64_t pid, int64_t start, struct err *e)
{
	/* a pipe that nobody writes to is no reason to wait */
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct statfs sfs;

	if (fd < 0)
		return err_errno(e, "cannot open namespace '%s'", path);
	if (fstatfs(fd, &sfs) < 0 || sfs.f_type != NSFS_MAGIC)
		return err_set(e, EINVAL, "'%s' is no namespace", path);
	/* the pid was the right one's when the descriptor was made if it is so after that */
	if (start && proc_start_time((pid_t)pid) != (uint64_t)start)
		return err_set(e, ESRCH, "the process whose namespace is to be joined has ended");
	return take_fd(&fd);
}

/* Those owned by a user namespace can be entered only from inside it, others only from outside: so
 * what is refused at first is tried again after it. The mount namespace is last: it changes "/". */
static int join(const struct spec *s, struct err *e)
{
	int fds[LIST_MAX];
	bool done[LIST_MAX] = { false };
	int r = 0;

	if (s->n_namespaces > LIST_MAX)
		return err_set(e, EINVAL, "there are more namespaces than kinds of them");
	for (size_t i = 0; i < s->n_namespaces; i++) {
		const struct spec_namespace *n = &s->namespaces[i];
		fds[i] = n->path && r == 0 ? namespace_open(n->path, n->pid, n->start, e) : -1;
		if (n->path && fds[i] < 0 && r == 0)
			r = -e->code;
		done[i] = !n->path;
	}
	for (int pass = 0; r == 0 && pass < 4; pass++) {
		for (size_t i = 0; r == 0 && i < s->n_namespaces; i++) {
			int flag = (int)s->namespaces[i].flag;
			/* 0: all others; 1: the user namespace; 2: once more; 3: mounts */
			if (done[i] || (flag == CLONE_NEWUSER) != (pass == 1) ||
				(flag == CLONE_NEWNS) != (pass == 3))
				continue;
			if (setns(fds[i], flag) == 0)
				done[i] = true;
			else if (pass > 0 || errno != EPERM)
				r = err_errno(
					e, "cannot enter namespace '%s'", s->namespaces[i].path);
		}
		if (pass == 1 && r == 0 && spec_namespace_of(s, CLONE_NEWUSER) &&
			spec_namespace_of(s, CLONE_NEWUSER)->path)
			r = namespace_become_root(e);
	}
	for (size_t i = 0; i < s->n_namespaces; i++)
		close_fd(&fds[i]);
	return r;
}

/* time_namespaces(7): the clocks are set before the first process is in it. */
static int make_time(const struct spec *s, struct err *e)
{
	const struct spec_namespace *n = spec_namespace_of(s, CLONE_NEWTIME);
	auto_close int fd = -1;

	if (!n || n->path)
		return 0;
	if (s->time_offsets.n)
		fd = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
	if (unshare(CLONE_NEWTIME) < 0)
		return err_errno(e, "cannot make a time namespace");
	for (size_t i = 0; i < s->time_offsets.n; i++)
		if (fd < 0 || write(fd, s->time_offsets.v[i], strlen(s->time_offsets.v[i])) < 0)
			return err_errno(e, "cannot set clock '%s'", s->time_offsets.v[i]);
	return 0;
}

int namespace_prepare(const struct spec *s, struct err *e)
{
	/* before the mount namespace of another is entered, /proc is ours */
	return make_time(s, e) < 0 ? -e->code : join(s, e);
}

int namespace_become_root(struct err *e)
{
	/* setgroups(2) may be denied there: then nobody's groups are dropped, nor gained */
	if ((setgroups(0, NULL) < 0 && errno != EPERM) || setresgid(0, 0, 0) < 0 ||
		setresuid(0, 0, 0) < 0)
		return err_errno(e, "cannot become root in the user namespace");
	return 0;
}

static int write_map(
	int proc, const char *file, const struct spec_id_map *maps, size_t n, struct err *e)
{
	auto_str text = STR_INIT(4096); /* user_namespaces(7): less than a page, in one write */
	auto_close int fd = openat(proc, file, O_WRONLY | O_CLOEXEC);

	for (size_t i = 0; i < n; i++)
		str_addf(&text, "%lld %lld %lld\n", (long long)maps[i].inside,
			(long long)maps[i].outside, (long long)maps[i].count);
	if (n == 0)
		return 0;
	if (text.overflow)
		return err_set(e, E2BIG, "there are too many id maps (%zu)", n);
	if (fd < 0 || write(fd, text.data, text.len) != (ssize_t)text.len)
		return err_errno(e, "cannot map the ids of the user namespace");
	return 0;
}

static int write_maps(pid_t pid, const struct spec_id_map *uids, size_t n_uids,
	const struct spec_id_map *gids, size_t n_gids, struct err *e)
{
	char path[32];
	auto_close int proc = -1;

	snprintf(path, sizeof path, "/proc/%d", pid);
	proc = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (proc < 0)
		return err_errno(e, "cannot open '%s'", path);
	return write_map(proc, "gid_map", gids, n_gids, e) < 0 ||
			       write_map(proc, "uid_map", uids, n_uids, e) < 0
		       ? -e->code
		       : 0;
}

int namespace_write_maps(const struct spec *s, pid_t pid, struct err *e)
{
	return write_maps(pid, s->uid_maps, s->n_uid_maps, s->gid_maps, s->n_gid_maps, e);
}

int namespace_with_maps(const struct spec_id_map *uids, size_t n_uids,
	const struct spec_id_map *gids, size_t n_gids, struct err *e)
{
	struct clone_args args = { .flags = CLONE_NEWUSER | CLONE_PIDFD, .exit_signal = SIGCHLD };
	auto_close int pidfd = -1;
	int fd = -1, r;
	char path[48];
	long pid;

	args.pidfd = (uintptr_t)&pidfd;
	pid = syscall(SYS_clone3, &args, sizeof args);
	if (pid < 0)
		return err_errno(e, "cannot make a user namespace");
	if (pid == 0) {
		for (;;)
			pause();
	}
	r = write_maps((pid_t)pid, uids, n_uids, gids, n_gids, e);
	if (r == 0) {
		snprintf(path, sizeof path, "/proc/%ld/ns/user", pid);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			r = err_errno(e, "cannot open a user namespace");
	}
	syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
	while (waitpid((pid_t)pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	return r < 0 ? r : fd;
}

int namespace_differences(pid_t pid, struct err *e)
{
	auto_free char *path = xasprintf("/proc/%d/ns", (int)pid);
	auto_close int our_ns = open("/proc/self/ns", O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_close int their_ns = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int flags = 0;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct stat theirs, ours;
		if (fstatat(our_ns, kinds[i].name, &ours, 0) < 0 && errno == ENOENT)
			continue; /* this kernel has none of them */
		if (our_ns < 0 || their_ns < 0 || fstatat(their_ns, kinds[i].name, &theirs, 0) < 0)
			return err_errno(e, "cannot look at the container's namespaces");
		if (theirs.st_ino != ours.st_ino || theirs.st_dev != ours.st_dev)
			flags |= kinds[i].flag;
	}
	return flags;
}
