/* The processes of a group: listing, freezing, killing, and removing the group after them. */
#include "base/mem.h"
#include "runtime/cgroup-tree.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define DEPTH_MAX 64 /* of groups that a container made inside its own */
#define PIDS_MAX  (1u << 22)

struct pids {
	pid_t *v;
	size_t n, size;
};

static void pids_add(struct pids *p, pid_t pid)
{
	if (p->n == PIDS_MAX)
		return;
	if (p->n == p->size) {
		p->size = p->size ? p->size * 2 : 64;
		p->v = xrealloc_array(p->v, p->size, sizeof *p->v);
	}
	p->v[p->n++] = pid;
}

/* Calls `visit` for each group below `path` and then for itself. Stops at its first error. */
static int walk(const char *hierarchy, const char *path, unsigned depth,
	int (*visit)(const char *hierarchy, const char *path, void *arg), void *arg)
{
	auto_free char *name = cg_name(hierarchy, path, NULL);
	auto_dir DIR *d = opendir(name);
	struct dirent *ent;

	if (!d)
		return errno == ENOENT || errno == ENODEV ? 0 : -errno;
	while ((ent = readdir(d))) {
		auto_free char *below = NULL;
		int r;
		if (ent->d_type != DT_DIR || ent->d_name[0] == '.')
			continue;
		if (depth == DEPTH_MAX)
			return -ELOOP;
		below = xasprintf("%s/%s", path, ent->d_name);
		r = walk(hierarchy, below, depth + 1, visit, arg);
		if (r < 0)
			return r;
	}
	return visit(hierarchy, path, arg);
}

static int add_members(const char *hierarchy, const char *path, void *arg)
{
	auto_free char *name = cg_name(hierarchy, path, "cgroup.procs");
	auto_file FILE *f = fopen(name, "re");
	char line[32];

	if (!f)
		return errno == ENOENT ? 0 : -errno;
	while (fgets(line, sizeof line, f)) {
		uint64_t pid;
		line[strcspn(line, "\n")] = '\0';
		/* 0: a process of another pid namespace */
		if (str_to_u64(line, 1, INT32_MAX, &pid) == 0)
			pids_add(arg, (pid_t)pid);
	}
	return 0;
}

int cg_members(const char *hierarchy, const char *path, pid_t **ret, size_t *ret_n, struct err *e)
{
	struct pids pids = { 0 };
	int r = walk(hierarchy, path, 0, add_members, &pids);

	if (r < 0) {
		free(pids.v);
		errno = -r;
		return err_errno(e, "cannot list the processes of control group '%s'", path);
	}
	*ret = pids.v ? pids.v : xcalloc(1, sizeof *pids.v);
	*ret_n = pids.n;
	return 0;
}

/* Version 1: all hierarchies of a container have the same processes, if it did not move them; the
 * first one that there is will do. */
static const char *any_hierarchy(const char *path)
{
	static const enum cg_controller order[] = { CG_FREEZER, CG_PIDS, CG_MEMORY, CG_DEVICES,
		CG_CPUACCT, CG_CPU };

	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		if (cg_exists(cg_v1_names[order[i]], path, NULL))
			return cg_v1_names[order[i]];
	return NULL;
}

int cgroup_pids(const char *path, pid_t **ret, size_t *ret_n, struct err *e)
{
	enum cgroup_layout layout = cgroup_layout();
	const char *hierarchy = layout == CGROUP_V1 ? any_hierarchy(path) : "";

	if (layout == CGROUP_NONE)
		return err_set(e, ENOTSUP, "this host has no control groups");
	if (!hierarchy || !cg_exists(hierarchy, path, NULL))
		return err_set(e, ENOENT, "there is no control group '%s'", path);
	return cg_members(hierarchy, path, ret, ret_n, e);
}

/* By pidfd, so that a pid that has changed hands between listing and opening is the worst. */
static int send_signal(pid_t pid, int sig, int *ret_pidfd)
{
	auto_close int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (fd < 0 || syscall(SYS_pidfd_send_signal, fd, sig, NULL, 0) < 0)
		return -errno;
	if (ret_pidfd) {
		close_fd(ret_pidfd);
		*ret_pidfd = take_fd(&fd);
	}
	return 0;
}

static size_t signal_members(const char *hierarchy, const char *path, int sig, int *ret_pidfd)
{
	auto_free pid_t *pids = NULL;
	struct err ignored;
	size_t n = 0, sent = 0;

	if (cg_members(hierarchy, path, &pids, &n, &ignored) < 0)
		return 0;
	for (size_t i = 0; i < n; i++)
		sent += send_signal(pids[i], sig, ret_pidfd) == 0;
	return sent;
}

/* Version 2 tells by an event on cgroup.events: "populated 0", "frozen 1". */
static int v2_wait(const char *path, const char *key, uint64_t wanted)
{
	auto_free char *name = cg_name("", path, "cgroup.events");
	auto_close int fd = open(name, O_RDONLY | O_CLOEXEC);
	char text[256];

	if (fd < 0)
		return -errno;
	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLPRI };
		ssize_t n = pread(fd, text, sizeof text - 1, 0);
		uint64_t value;
		if (n < 0)
			return -errno;
		text[n] = '\0';
		if (cg_keyed(text, key, &value) == 0 && value == wanted)
			return 0;
		if (poll(&p, 1, 10000) == 0)
			return -ETIMEDOUT;
	}
}

/* Version 1: writing FROZEN again makes the kernel look again at tasks that were on their way (its
 * documentation: "FREEZING" until all have stopped, reading the state updates it). */
static int v1_freeze(const char *path)
{
	for (int64_t rounds = 0; rounds < 1000000; rounds++) {
		auto_free char *state = NULL;
		int r = cg_put("freezer", path, "freezer.state", "FROZEN");
		if (r == 0)
			r = cg_get("freezer", path, "freezer.state", 32, &state);
		if (r < 0)
			return r;
		if (str_starts(state, "FROZEN"))
			return 0;
		sched_yield();
	}
	return -ETIMEDOUT;
}

/* The letter of proc(5)'s stat for a task, 0 if there is none. */
static char task_state(pid_t pid)
{
	auto_free char *path = xasprintf("/proc/%d/stat", (int)pid);
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[512];
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
	const char *p;

	text[n > 0 ? n : 0] = '\0';
	p = strrchr(text, ')');
	return p && p[1] == ' ' ? p[2] : 0;
}

/* Without control groups: every task of the container's pid namespace gets `sig`; when it has to
 * stop them, until a pass over /proc finds none that is not stopped. */
static int signal_namespace(pid_t init, int sig)
{
	auto_free char *init_ns = xasprintf("/proc/%d/ns/pid_for_children", (int)init);
	auto_dir DIR *proc = NULL;
	struct dirent *ent;
	struct stat want;
	bool more = true;

	if (stat(init_ns, &want) < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	proc = opendir("/proc");
	while (proc && more) {
		more = false;
		rewinddir(proc);
		while ((ent = readdir(proc))) {
			auto_free char *ns = xasprintf("/proc/%s/ns/pid", ent->d_name);
			uint64_t pid;
			struct stat st;
			char state;
			if (str_to_u64(ent->d_name, 1, INT32_MAX, &pid) < 0 || stat(ns, &st) < 0 ||
				st.st_ino != want.st_ino)
				continue;
			state = task_state((pid_t)pid);
			if (!state || strchr("ZX", state) || (sig == SIGSTOP && state == 'T'))
				continue;
			if (send_signal((pid_t)pid, sig, NULL) == 0)
				more = sig == SIGSTOP;
		}
	}
	return proc ? 0 : -errno;
}

/* A group that was frozen inside stays so when the one above it is thawed. */
static int thaw_one(const char *hierarchy, const char *path, void *arg)
{
	(void)arg;
	cg_put(hierarchy, path, "freezer.state", "THAWED");
	return 0;
}

static int change(const char *path, pid_t init, bool freeze, struct err *e)
{
	int r = 0;

	switch (cgroup_layout()) {
	case CGROUP_V2:
		r = cg_put("", path, "cgroup.freeze", freeze ? "1" : "0");
		if (r == 0 && freeze)
			r = v2_wait(path, "frozen", 1);
		break;
	case CGROUP_V1:
		r = freeze ? v1_freeze(path) : cg_put("freezer", path, "freezer.state", "THAWED");
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

bool cgroup_is_frozen(const char *path, pid_t init)
{
	auto_free char *text = NULL;
	uint64_t frozen;

	/* asked of each container in a listing: the files say which version this is */
	if (cg_get("", path, "cgroup.freeze", 16, &text) == 0)
		return cg_number_or_max(text, &frozen) == 0 && frozen;
	if (cg_get("freezer", path, "freezer.state", 32, &text) == 0)
		return !str_starts(text, "THAWED");
	if (cgroup_layout() != CGROUP_NONE)
		return false;
	return init > 0 && task_state(init) == 'T';
}

void cgroup_freezer_open(const char *parent, struct cgroup_freezer *ret)
{
	auto_free char *path = NULL;

	*ret = (struct cgroup_freezer){ .layout = cgroup_layout(), .dir = -1 };
	path = cg_name(ret->layout == CGROUP_V1 ? "freezer" : "", parent, NULL);
	if (ret->layout != CGROUP_NONE)
		ret->dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

bool cgroup_freezer_is_on(const struct cgroup_freezer *f, const char *name, pid_t init)
{
	bool v2 = f->layout == CGROUP_V2;
	char path[256], text[16];
	auto_close int fd = -1;
	ssize_t n;

	if (f->layout == CGROUP_NONE)
		return init > 0 && task_state(init) == 'T';
	snprintf(path, sizeof path, "%s/%s", name, v2 ? "cgroup.freeze" : "freezer.state");
	fd = f->dir < 0 ? -1 : openat(f->dir, path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	if (n <= 0)
		return false;
	text[n] = '\0';
	return v2 ? *text != '0' : !str_starts(text, "THAWED");
}

/* Frozen for the time of it, so that no child slips through; then thawed if it has to die, or as it
 * was. A group that will not freeze (a task in the middle of a dead disk) is signalled all the
 * same. */
static void signal_frozen(const char *hierarchy, const char *path, int sig)
{
	struct err ignored;
	bool was = cgroup_is_frozen(path, 0);

	if (!was)
		change(path, 0, true, &ignored);
	signal_members(hierarchy, path, sig, NULL);
	if (sig == SIGKILL && *hierarchy)
		walk("freezer", path, 0, thaw_one, NULL);
	else if (!was || sig == SIGKILL)
		change(path, 0, false, &ignored);
}

int cgroup_signal(const char *path, pid_t init, int sig, struct err *e)
{
	enum cgroup_layout layout = cgroup_layout();
	const char *hierarchy = layout == CGROUP_V1 ? any_hierarchy(path) : "";
	int r = 0;

	if (layout == CGROUP_NONE) {
		/* the kernel kills a pid namespace with its init */
		r = sig == SIGKILL ? send_signal(init, SIGKILL, NULL) : signal_namespace(init, sig);
	} else if (!hierarchy || !cg_exists(hierarchy, path, NULL)) {
		return err_set(e, ENOENT, "there is no control group '%s'", path);
	} else if (layout == CGROUP_V2 && sig == SIGKILL &&
		   cg_put("", path, "cgroup.kill", "1") == 0) {
		; /* since 5.14; kills what is frozen, too */
	} else {
		signal_frozen(hierarchy, path, sig);
	}
	if (r < 0) {
		errno = -r;
		return err_errno(e, "cannot send a signal to the container's processes");
	}
	return 0;
}

static int remove_one(const char *hierarchy, const char *path, void *arg)
{
	auto_free char *name = cg_name(hierarchy, path, NULL);

	(void)arg;
	return rmdir(name) == 0 || errno == ENOENT ? 0 : -errno;
}

/* Kills what is in it and waits, by pidfd, for the end of that; then removes it from the bottom. */
static int remove_busy(const char *hierarchy, const char *path)
{
	auto_close int member = -1;

	for (unsigned rounds = 0; rounds < 1u << 16; rounds++) {
		struct pollfd p = { .events = POLLIN };
		int r;
		if (!*hierarchy && cg_put("", path, "cgroup.kill", "1") == 0) {
			r = v2_wait(path, "populated", 0);
			return r < 0 && r != -ENOENT && r != -ENODEV
				       ? r
				       : walk(hierarchy, path, 0, remove_one, NULL);
		}
		if (signal_members(hierarchy, path, SIGKILL, &member) > 0) {
			walk("freezer", path, 0, thaw_one, NULL); /* or it would not die */
			p.fd = member;
			if (poll(&p, 1, 10000) == 0)
				return -EBUSY;
		}
		r = walk(hierarchy, path, 0, remove_one, NULL);
		if (r != -EBUSY)
			return r;
		/* the kernel lets go of the last task a moment after it has told of its end */
		sched_yield();
	}
	return -EBUSY;
}

static int remove_group(const char *hierarchy, const char *path)
{
	int r = remove_one(hierarchy, path, NULL);

	return r == -EBUSY ? remove_busy(hierarchy, path) : r;
}

int cgroup_remove(const char *path, struct err *e)
{
	int worst = 0;

	if (cgroup_layout() == CGROUP_V2) {
		worst = remove_group("", path);
	} else if (cgroup_layout() == CGROUP_V1) {
		for (enum cg_controller c = 0; c < CG_END; c++) {
			int r = remove_group(cg_v1_names[c], path);
			if (r < 0)
				worst = r;
		}
	}
	if (worst < 0) {
		errno = -worst;
		return err_errno(e, "cannot remove control group '%s'", path);
	}
	return 0;
}

void cgroup_remove_parent(const char *parent)
{
	if (cgroup_layout() == CGROUP_V2) {
		remove_one("", parent, NULL);
		return;
	}
	for (enum cg_controller c = 0; c < CG_END; c++)
		remove_one(cg_v1_names[c], parent, NULL);
}
