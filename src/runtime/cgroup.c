#include "runtime/cgroup.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/proc.h"
#include "runtime/mnt.h"
#include "runtime/posture.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/statfs.h>
#include <sys/syscall.h>

#define BASE "/sys/fs/cgroup"

/* Version 1: where a container gets a group. */
static const char *const v1_always[] = { "memory", "pids", "devices", "freezer" };
static const char v1_cpu[] = "cpu";

enum cgroup_layout cgroup_layout(void)
{
	struct statfs sfs;

	if (statfs(BASE, &sfs) < 0)
		return CGROUP_NONE;
	if (sfs.f_type == CGROUP2_SUPER_MAGIC)
		return CGROUP_V2;
	if (statfs(BASE "/memory", &sfs) == 0 && sfs.f_type == CGROUP_SUPER_MAGIC)
		return CGROUP_V1;
	return CGROUP_NONE;
}

/* Writes `text` to BASE/[hierarchy/]path/file. */
static int put(const char *hierarchy, const char *path, const char *file, const char *text)
{
	auto_free char *name =
		xasprintf(BASE "/%s%s%s/%s", hierarchy, *hierarchy ? "/" : "", path, file);
	auto_close int fd = open(name, O_WRONLY | O_CLOEXEC);

	return fd < 0 || write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

static int get(const char *hierarchy, const char *path, const char *file, char *ret, size_t size)
{
	auto_free char *name =
		xasprintf(BASE "/%s%s%s/%s", hierarchy, *hierarchy ? "/" : "", path, file);
	auto_close int fd = open(name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, ret, size - 1);

	if (n < 0)
		return -errno;
	ret[n] = '\0';
	return 0;
}

static int make_dir(const char *hierarchy, const char *path)
{
	auto_free char *name = xasprintf(BASE "/%s%s%s", hierarchy, *hierarchy ? "/" : "", path);

	return mkdir(name, 0755) < 0 && errno != EEXIST ? -errno : 0;
}

/* The parent first, for both versions; its name is all before the last slash. */
static int make_group(const char *hierarchy, const char *path)
{
	auto_free char *parent = NULL;
	int r = make_dir(hierarchy, path);

	if (r != -ENOENT)
		return r;
	parent = xstrndup(path, (size_t)(strrchr(path, '/') - path));
	r = make_dir(hierarchy, parent);
	return r < 0 ? r : make_dir(hierarchy, path);
}

static int cannot(struct err *e, int r, const char *what)
{
	errno = -r;
	return err_errno(e, "cannot set %s", what);
}

static int v1_limits(const char *path, const struct cgroup_resources *l, struct err *e)
{
	char text[32];
	int r = 0;

	if (l->memory) {
		snprintf(text, sizeof text, "%lld", (long long)l->memory);
		r = put("memory", path, "memory.limit_in_bytes", text);
		if (r < 0)
			return cannot(e, r, "the memory limit");
		/* as much swap again, as Docker has it; a kernel without swap accounting lacks it
		 */
		snprintf(text, sizeof text, "%lld", (long long)l->memory * 2);
		put("memory", path, "memory.memsw.limit_in_bytes", text);
	}
	if (l->pids) {
		snprintf(text, sizeof text, "%lld", (long long)l->pids);
		r = put("pids", path, "pids.max", text);
		if (r < 0)
			return cannot(e, r, "the limit of processes");
	}
	if (l->nano_cpus) {
		put(v1_cpu, path, "cpu.cfs_period_us", "100000");
		snprintf(text, sizeof text, "%lld", (long long)(l->nano_cpus / 10000));
		r = put(v1_cpu, path, "cpu.cfs_quota_us", text);
		if (r < 0)
			return cannot(e, r, "the CPU limit");
	}
	r = put("devices", path, "devices.deny", "a");
	for (const char *const *rule = posture_device_rules; r == 0 && *rule; rule++)
		r = put("devices", path, "devices.allow", *rule);
	return r < 0 && r != -ENOENT ? cannot(e, r, "the allowed devices") : 0;
}

static int v2_limits(const char *path, const struct cgroup_resources *l, struct err *e)
{
	char text[48];
	int r;

	if (l->memory) {
		snprintf(text, sizeof text, "%lld", (long long)l->memory);
		r = put("", path, "memory.max", text);
		if (r < 0)
			return cannot(e, r, "the memory limit");
		put("", path, "memory.swap.max", text);
	}
	if (l->pids) {
		snprintf(text, sizeof text, "%lld", (long long)l->pids);
		r = put("", path, "pids.max", text);
		if (r < 0)
			return cannot(e, r, "the limit of processes");
	}
	if (l->nano_cpus) {
		snprintf(text, sizeof text, "%lld 100000", (long long)(l->nano_cpus / 10000));
		r = put("", path, "cpu.max", text);
		if (r < 0)
			return cannot(e, r, "the CPU limit");
	}
	return 0;
}

/* Version 2: a controller is there for a group when each ancestor hands it down. */
static void v2_hand_down(const char *path)
{
	static const char *const controllers[] = { "+memory", "+pids", "+cpu" };
	auto_free char *parent = xstrndup(path, (size_t)(strrchr(path, '/') - path));

	make_dir("", parent);
	for (size_t i = 0; i < ARRAY_SIZE(controllers); i++) {
		put("", "", "cgroup.subtree_control", controllers[i]);
		put("", parent, "cgroup.subtree_control", controllers[i]);
	}
}

static int v1_create(const char *path, const struct cgroup_resources *l, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(v1_always) && r == 0; i++) {
		r = make_group(v1_always[i], path);
		if (r == -ENOENT || r == -EROFS || r == -EPERM)
			r = 0; /* no such controller: a limit that needs it fails below */
	}
	if (r == 0 && l->nano_cpus)
		r = make_group(v1_cpu, path);
	if (r < 0) {
		errno = -r;
		return err_errno(e, "cannot make control group '%s'", path);
	}
	return v1_limits(path, l, e);
}

int cgroup_create(const char *path, const struct cgroup_resources *l, struct err *e)
{
	int r;

	switch (cgroup_layout()) {
	case CGROUP_V1:
		return v1_create(path, l, e);
	case CGROUP_V2:
		r = make_dir("", path);
		if (r == -ENOENT) {
			v2_hand_down(path);
			r = make_dir("", path);
		}
		if (r < 0) {
			errno = -r;
			return err_errno(e, "cannot make control group '%s'", path);
		}
		return v2_limits(path, l, e);
	case CGROUP_NONE:
		break;
	}
	if (l->memory || l->nano_cpus) {
		err_set(e, ENOTSUP, "this host has no control groups, so nothing can be limited");
		return err_hint(e, "leave out the limits, or mount the cgroup file system");
	}
	return 0;
}

int cgroup_open(const char *path)
{
	auto_free char *name = xasprintf(BASE "/%s", path);

	if (cgroup_layout() != CGROUP_V2)
		return -1;
	return open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int cgroup_enter(const char *path, struct err *e)
{
	int r = 0;

	if (cgroup_layout() != CGROUP_V1)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(v1_always) && r == 0; i++) {
		r = put(v1_always[i], path, "tasks", "0");
		if (r == -ENOENT)
			r = 0; /* made only where there is such a hierarchy */
	}
	if (r == 0 && (r = put(v1_cpu, path, "tasks", "0")) == -ENOENT)
		r = 0;
	if (r < 0) {
		errno = -r;
		return err_errno(e, "cannot enter control group '%s'", path);
	}
	return 0;
}

/* Sends `signal` to each task listed in BASE/[hierarchy/]path/cgroup.procs; returns their number.
 */
static int signal_members(const char *hierarchy, const char *path, int sig, int *ret_pidfd)
{
	auto_free char *name =
		xasprintf(BASE "/%s%s%s/cgroup.procs", hierarchy, *hierarchy ? "/" : "", path);
	auto_file FILE *f = fopen(name, "re");
	char line[32];
	int n = 0;

	while (f && fgets(line, sizeof line, f)) {
		pid_t pid = (pid_t)strtol(line, NULL, 10);
		auto_close int fd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
		if (fd < 0)
			continue;
		syscall(SYS_pidfd_send_signal, fd, sig, NULL, 0);
		n++;
		if (ret_pidfd) {
			close_fd(ret_pidfd);
			*ret_pidfd = take_fd(&fd);
		}
	}
	return n;
}

/* rmdir(2) of a group; kills what keeps it busy and waits, by pidfd, for the end of that. */
static int remove_group(const char *hierarchy, const char *path)
{
	auto_free char *name = xasprintf(BASE "/%s%s%s", hierarchy, *hierarchy ? "/" : "", path);
	auto_close int member = -1;

	while (rmdir(name) < 0) {
		struct pollfd p = { .events = POLLIN };
		if (errno == ENOENT)
			return 0;
		if (errno != EBUSY)
			return -errno;
		if (signal_members(hierarchy, path, SIGKILL, &member) == 0)
			return rmdir(name) == 0 || errno == ENOENT ? 0 : -errno;
		p.fd = member;
		if (poll(&p, 1, 10000) == 0)
			return -EBUSY;
	}
	return 0;
}

int cgroup_remove(const char *path, struct err *e)
{
	int r = 0, worst = 0;

	if (cgroup_layout() == CGROUP_V2) {
		worst = remove_group("", path);
	} else if (cgroup_layout() == CGROUP_V1) {
		if (cgroup_is_frozen(path))
			cgroup_thaw(path, 0, e);
		for (size_t i = 0; i < ARRAY_SIZE(v1_always); i++)
			if ((r = remove_group(v1_always[i], path)) < 0)
				worst = r;
		if ((r = remove_group(v1_cpu, path)) < 0)
			worst = r;
	}
	if (worst < 0) {
		errno = -worst;
		return err_errno(e, "cannot remove control group '%s'", path);
	}
	return 0;
}

void cgroup_remove_parent(const char *parent)
{
	static const char *const hierarchies[] = { "memory", "pids", "devices", "freezer", "cpu" };

	if (cgroup_layout() == CGROUP_V2) {
		auto_free char *name = xasprintf(BASE "/%s", parent);
		rmdir(name);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(hierarchies); i++) {
		auto_free char *name = xasprintf(BASE "/%s/%s", hierarchies[i], parent);
		rmdir(name);
	}
}

/* Version 2 tells by an event on cgroup.events when all tasks have stopped. */
static int v2_wait_frozen(const char *path, const char *wanted)
{
	auto_free char *name = xasprintf(BASE "/%s/cgroup.events", path);
	auto_close int fd = open(name, O_RDONLY | O_CLOEXEC);
	char text[256];

	while (fd >= 0) {
		struct pollfd p = { .fd = fd, .events = POLLPRI };
		ssize_t n = pread(fd, text, sizeof text - 1, 0);
		if (n < 0)
			return -errno;
		text[n] = '\0';
		if (strstr(text, wanted))
			return 0;
		if (poll(&p, 1, 10000) == 0)
			return -ETIMEDOUT;
	}
	return -errno;
}

/* Version 1: writing FROZEN again makes the kernel look again at tasks that were on their way (its
 * documentation: "FREEZING" until all have stopped, reading the state updates it). */
static int v1_freeze(const char *path)
{
	char state[32];

	for (int64_t rounds = 0; rounds < 1000000; rounds++) {
		int r = put("freezer", path, "freezer.state", "FROZEN");
		if (r == 0)
			r = get("freezer", path, "freezer.state", state, sizeof state);
		if (r < 0)
			return r;
		if (str_starts(state, "FROZEN"))
			return 0;
		sched_yield();
	}
	return -ETIMEDOUT;
}

/* Without control groups: every task of the container's pid namespace gets `sig`, until a pass over
 * /proc finds no task that is not in that state yet. */
static int signal_namespace(pid_t init, int sig)
{
	auto_free char *init_ns = xasprintf("/proc/%d/ns/pid_for_children", init);
	struct stat want;
	auto_dir DIR *proc = NULL;
	struct dirent *ent;
	bool more = true;

	if (stat(init_ns, &want) < 0)
		return -errno;
	proc = opendir("/proc");
	while (proc && more) {
		more = false;
		rewinddir(proc);
		while ((ent = readdir(proc))) {
			auto_free char *ns = xasprintf("/proc/%s/ns/pid", ent->d_name);
			auto_close int fd = -1;
			pid_t pid = (pid_t)strtol(ent->d_name, NULL, 10);
			char path[48], text[512];
			auto_close int stat_fd = -1;
			ssize_t n;
			const char *p;
			struct stat st;

			if (pid <= 0 || pid == init || stat(ns, &st) < 0 ||
				st.st_ino != want.st_ino)
				continue;
			snprintf(path, sizeof path, "/proc/%d/stat", pid);
			stat_fd = open(path, O_RDONLY | O_CLOEXEC);
			n = stat_fd < 0 ? 0 : read(stat_fd, text, sizeof text - 1);
			text[n > 0 ? n : 0] = '\0';
			p = strrchr(text, ')');
			if (!p || p[2] == 'Z' || p[2] == 'X' || (p[2] == 'T') == (sig == SIGSTOP))
				continue;
			fd = (int)syscall(SYS_pidfd_open, pid, 0);
			if (fd >= 0 && syscall(SYS_pidfd_send_signal, fd, sig, NULL, 0) == 0)
				more = sig == SIGSTOP;
		}
	}
	return 0;
}

static int change(const char *path, pid_t init, bool freeze, struct err *e)
{
	int r = 0;

	switch (cgroup_layout()) {
	case CGROUP_V2:
		r = put("", path, "cgroup.freeze", freeze ? "1" : "0");
		if (r == 0 && freeze)
			r = v2_wait_frozen(path, "frozen 1");
		break;
	case CGROUP_V1:
		r = freeze ? v1_freeze(path) : put("freezer", path, "freezer.state", "THAWED");
		break;
	case CGROUP_NONE:
		r = signal_namespace(init, freeze ? SIGSTOP : SIGCONT);
		break;
	}
	if (r < 0) {
		errno = -r;
		return err_errno(e, "cannot %s the container", freeze ? "freeze" : "thaw");
	}
	return 0;
}

int cgroup_freeze(const char *path, pid_t init, struct err *e)
{
	return change(path, init, true, e);
}

int cgroup_thaw(const char *path, pid_t init, struct err *e)
{
	return change(path, init, false, e);
}

bool cgroup_is_frozen(const char *path)
{
	char text[256];

	switch (cgroup_layout()) {
	case CGROUP_V2:
		return get("", path, "cgroup.events", text, sizeof text) == 0 &&
		       strstr(text, "frozen 1");
	case CGROUP_V1:
		return get("freezer", path, "freezer.state", text, sizeof text) == 0 &&
		       !str_starts(text, "THAWED");
	case CGROUP_NONE:
		break;
	}
	return false;
}

bool cgroup_oom_killed(const char *path)
{
	char text[512];
	const char *p = NULL;

	switch (cgroup_layout()) {
	case CGROUP_V2:
		if (get("", path, "memory.events", text, sizeof text) == 0)
			p = strstr(text, "oom_kill ");
		break;
	case CGROUP_V1:
		if (get("memory", path, "memory.oom_control", text, sizeof text) == 0)
			p = strstr(text, "oom_kill ");
		break;
	case CGROUP_NONE:
		break;
	}
	return p && strtol(p + strlen("oom_kill "), NULL, 10) > 0;
}

#define QUIET (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

/* Version 1: a tmpfs with a directory for each hierarchy, each mounted read-only from inside our
 * namespace, so that it begins at the container's own group. */
static int v1_mount(int rootfd, struct err *e)
{
	static const char *const options[] = { "mode", "755", "size", "64k", NULL };
	auto_close int base = mnt_new("tmpfs", options, QUIET, e);
	int mounts[ARRAY_SIZE(v1_always)], r = base < 0 ? base : 0;
	struct mount_attr read_only = { .attr_set = MOUNT_ATTR_RDONLY };
	struct err ignored;

	for (size_t i = 0; i < ARRAY_SIZE(v1_always); i++) {
		const char *const controller[] = { v1_always[i], NULL, NULL };
		/* a host may lack a controller */
		mounts[i] = mnt_new("cgroup", controller, QUIET | MOUNT_ATTR_RDONLY, &ignored);
		if (r == 0 && mounts[i] >= 0 && mkdirat(base, v1_always[i], 0755) < 0)
			r = err_errno(e, "cannot make '/sys/fs/cgroup/%s'", v1_always[i]);
	}
	/* before Linux 6.15 nothing can be mounted on a mount that is still detached */
	if (r == 0 && syscall(SYS_mount_setattr, base, "", AT_EMPTY_PATH, &read_only,
			      sizeof read_only) < 0)
		r = err_errno(e, "cannot make '/sys/fs/cgroup' read-only");
	if (r == 0)
		r = mnt_put(base, rootfd, "sys/fs/cgroup", e);
	for (size_t i = 0; i < ARRAY_SIZE(v1_always); i++) {
		char target[48];
		snprintf(target, sizeof target, "sys/fs/cgroup/%s", v1_always[i]);
		if (r == 0 && mounts[i] >= 0)
			r = mnt_put(mounts[i], rootfd, target, e);
		close_fd(&mounts[i]);
	}
	return r;
}

int cgroup_mount(enum cgroup_layout layout, int rootfd, struct err *e)
{
	auto_close int fd = -1;

	switch (layout) {
	case CGROUP_V1:
		return v1_mount(rootfd, e);
	case CGROUP_V2:
		fd = mnt_new("cgroup2", NULL, QUIET | MOUNT_ATTR_RDONLY, e);
		return fd < 0 ? fd : mnt_put(fd, rootfd, "sys/fs/cgroup", e);
	case CGROUP_NONE:
		break;
	}
	return 0;
}
