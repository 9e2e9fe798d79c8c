/* Namespaces that a container does not have for itself: the host's, or another container's. */
#include "engine/local/namespaces.h"
#include "base/mem.h"

#include <sched.h>
#include <string.h>

static void leave_out(struct spec *s, int64_t flag)
{
	for (size_t i = 0; i < s->n_namespaces; i++)
		if (s->namespaces[i].flag == flag) {
			free(s->namespaces[i].path);
			s->namespaces[i] = s->namespaces[--s->n_namespaces];
			return;
		}
}

static void remove_mount(struct spec *s, const char *target)
{
	for (size_t i = 0; i < s->n_mounts; i++) {
		struct spec_mount *m = &s->mounts[i];
		if (!str_eq(m->target, target))
			continue;
		free(m->source);
		free(m->target);
		free(m->fs_type);
		free(m->options);
		memmove(m, m + 1, (--s->n_mounts - i) * sizeof *m);
		return;
	}
}

/* The other container's init, which must run. The pid is the runtime's to check against the time
 * that its process began: when the path is opened, it may be somebody else's. */
static int find_other(struct local *l, const char *id, struct container *ret, struct run_state *run,
	struct err *e)
{
	struct local_status status;

	if (container_load(l, id, ret, e) < 0 || local_status(l, ret, &status, e) < 0)
		return -e->code;
	if (status.state != CONTAINER_RUNNING && status.state != CONTAINER_PAUSED) {
		err_set(e, ESRCH, "container '%s', whose namespace is to be joined, does not run",
			ret->config.name);
		return err_hint(e, "redock start %s", ret->config.name);
	}
	*run = status.run;
	return 0;
}

static int join(struct local *l, struct spec *s, const char *id, int64_t flag, const char *file,
	struct container *ret_other, struct run_state *run, struct err *e)
{
	struct spec_namespace *n;

	if (find_other(l, id, ret_other, run, e) < 0)
		return -e->code;
	leave_out(s, flag);
	n = spec_add_namespace(s, flag, NULL);
	n->path = xasprintf("/proc/%d/ns/%s", run->pid, file);
	n->pid = run->pid;
	n->start = (int64_t)run->start;
	return 0;
}

static int set_pid(struct local *l, const struct container_config *c, struct spec *s, struct err *e)
{
	auto_container other = { 0 };
	struct run_state run;

	if (!c->pid_mode || !*c->pid_mode)
		return 0;
	if (str_starts(c->pid_mode, "container:"))
		return join(l, s, c->pid_mode + strlen("container:"), CLONE_NEWPID, "pid", &other,
			&run, e);
	leave_out(s, CLONE_NEWPID);
	return 0;
}

/* With the namespace goes /dev/shm, where POSIX has its shared memory. */
static int set_ipc(struct local *l, const struct container_config *c, struct spec *s, struct err *e)
{
	const char *mode = c->ipc_mode ? c->ipc_mode : "";
	auto_container other = { 0 };
	struct run_state run;
	struct spec_mount *shm;

	if (str_eq(mode, "none"))
		remove_mount(s, "/dev/shm");
	if (!str_eq(mode, "host") && !str_starts(mode, "container:"))
		return 0;
	if (str_eq(mode, "host")) {
		leave_out(s, CLONE_NEWIPC);
	} else {
		if (join(l, s, mode + strlen("container:"), CLONE_NEWIPC, "ipc", &other, &run, e) <
			0)
			return -e->code;
		if (!other.config.ipc_mode || str_eq(other.config.ipc_mode, "private") ||
			str_eq(other.config.ipc_mode, "none")) {
			err_set(e, EPERM, "container '%s' does not share its IPC namespace",
				other.config.name);
			return err_hint(e, "make it with --ipc shareable");
		}
	}
	remove_mount(s, "/dev/shm");
	shm = spec_add_mount(s);
	shm->type = SPEC_BIND;
	shm->source = xstrdup("/dev/shm");
	shm->target = xstrdup("/dev/shm");
	shm->attrs = 0;
	if (!str_eq(mode, "host")) {
		shm->mount_ns = xasprintf("/proc/%d/ns/mnt", run.pid);
		shm->ns_pid = run.pid;
		shm->ns_start = (int64_t)run.start;
	}
	return 0;
}

int namespaces_to_spec(struct local *l, const struct container *c, struct spec *s, struct err *e)
{
	const struct container_config *config = &c->config;

	if (config->uts_mode && str_eq(config->uts_mode, "host")) {
		leave_out(s, CLONE_NEWUTS);
		free(take_ptr(&s->hostname));
		free(take_ptr(&s->domainname));
	}
	if (config->cgroupns_mode && str_eq(config->cgroupns_mode, "host"))
		leave_out(s, CLONE_NEWCGROUP);
	if (set_pid(l, config, s, e) < 0)
		return -e->code;
	return set_ipc(l, config, s, e);
}
