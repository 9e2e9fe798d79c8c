#include "runtime/oci/create.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/proc.h"
#include "runtime/cgroup.h"
#include "runtime/oci/console.h"
#include "runtime/oci/group.h"
#include "runtime/oci/hooks.h"
#include "runtime/oci/launch.h"
#include "runtime/oci/self.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

int write_pid_file(const char *path, pid_t pid, struct err *e)
{
	auto_free char *temporary = xasprintf("%s.%d~", path, getpid());
	auto_close int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	char text[16];

	snprintf(text, sizeof text, "%d", pid);
	if (fd < 0 || fs_write_all(fd, text, strlen(text)) < 0 || rename(temporary, path) < 0) {
		err_errno(e, "cannot write pid file '%s'", path);
		unlink(temporary);
		return -e->code;
	}
	return 0;
}

int64_t preserved_fds(const struct options *o, struct strv *env)
{
	const char *text = getenv("LISTEN_FDS");
	uint64_t n = 0;

	if (text && str_to_u64(text, 1, 1024, &n) == 0) {
		auto_free char *entry = xasprintf("LISTEN_FDS=%s", text);
		strv_set_env(env, entry);
		strv_set_env(env, "LISTEN_PID=1");
	}
	return o->preserve_fds + (int64_t)n;
}

static int read_bundle(struct invocation *i, struct oci_config *c, char **ret_bundle,
	char **ret_text, size_t *ret_len, struct err *e)
{
	const char *dir = i->o.bundle ? i->o.bundle : ".";
	const char *name = i->o.config ? i->o.config : "config.json";
	auto_free char *bundle = realpath(dir, NULL), *text = NULL, *copy = NULL;
	auto_close int fd = bundle ? open(bundle, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	size_t len;

	if (fd < 0)
		return err_errno(e, "cannot open bundle '%s'", dir);
	if (fs_read_file(fd, name, CONFIG_MAX, &text, &len, e) < 0)
		return err_wrap(e, "bundle '%s'", bundle);
	copy = xmalloc(len + 1);
	memcpy(copy, text, len + 1);
	if (oci_config_parse(copy, len, bundle, c, e) < 0)
		return -e->code;
	*ret_bundle = take_ptr(&bundle);
	*ret_text = take_ptr(&text);
	*ret_len = len;
	return 0;
}

/* What the command line and the configuration must agree on. */
static int check(const struct invocation *i, const struct spec *s, struct err *e)
{
	bool waits = str_eq(i->verb, "run") && !i->o.detach;
	struct stat st;

	if (s->tty && !waits && !i->o.console_socket) {
		err_set(e, EINVAL, "the process has a terminal, and nobody gets its master");
		return err_hint(e, "redock-runtime %s --console-socket PATH", i->verb);
	}
	if (i->o.console_socket && (!s->tty || waits))
		return err_set(e, EINVAL,
			"'--console-socket' is for a detached container with "
			"\"terminal\": true");
	if (stat(s->rootfs, &st) < 0)
		return err_errno(e, "cannot use root '%s'", s->rootfs);
	if (!S_ISDIR(st.st_mode))
		return err_set(e, ENOTDIR, "root '%s' is not a directory", s->rootfs);
	for (int64_t fd = 3; fd < 3 + i->o.preserve_fds; fd++)
		if (i->o.preserve_fds <= 16 && fcntl((int)fd, F_GETFD) < 0)
			return err_set(e, EBADF,
				"'--preserve-fds %lld': descriptor %lld is not open",
				(long long)i->o.preserve_fds, (long long)fd);
	return 0;
}

static int make_gate(const struct state *s, struct err *e)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	auto_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof a.sun_path, "/proc/self/fd/%d/start", s->dir);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(fd, 1) < 0)
		return err_errno(e, "cannot make the socket that 'start' uses");
	return take_fd(&fd);
}

/* From the first process on; the caller undoes it all. */
static int bring_up(struct invocation *i, struct state *s, const struct group *group,
	struct oci_config *c, struct process *p, struct err *e)
{
	auto_free char *creating = NULL, *created = NULL;
	auto_close int gate = make_gate(s, e);

	if (gate < 0 || launch_begin(&c->spec, gate, group->hold.fd, p, e) < 0)
		return -e->code;
	s->pid = p->pid;
	s->start = proc_start_time(p->pid);
	if (state_write(s, e) < 0)
		return -e->code;
	creating = state_text(s, STATE_CREATING, false);
	created = state_text(s, STATE_CREATED, false);
	if (launch_prepare(p, creating, e) < 0)
		return -e->code;
	/* it has made its device nodes, and nothing of the container's own has run */
	if (*s->cgroup && cgroup_set_devices(s->cgroup, &c->spec.resources, e) < 0)
		return -e->code;
	if (hooks_run(&c->spec, HOOK_PRESTART, creating, e) < 0 ||
		hooks_run(&c->spec, HOOK_CREATE_RUNTIME, creating, e) < 0 ||
		launch_finish(p, created, e) < 0)
		return -e->code;
	for (size_t k = 0; k < p->warnings.n; k++)
		log_say(&i->log, LOG_WARNING, "%s", p->warnings.v[k]);
	if (i->o.console_socket && console_send(i->o.console_socket, p->pty, e) < 0)
		return -e->code;
	return i->o.pid_file ? write_pid_file(i->o.pid_file, s->pid, e) : 0;
}

static void warn(void *invocation, const struct err *e)
{
	log_err(&((struct invocation *)invocation)->log, LOG_WARNING, e);
}

/* In every hierarchy that `update` may want later: a process is not moved then (version 1). */
static void join_all(const struct spec *s, struct cgroup_resources *r)
{
	struct cgroup_support has;

	/* sched(7): in a group of its own a process has no real time but what the group is given */
	if (s->set_scheduler && (s->sched_policy == SCHED_FIFO || s->sched_policy == SCHED_RR))
		return;
	cgroup_support(&has);
	if (cgroup_layout() == CGROUP_V1 && has.cpu_shares && !r->cpu_shares)
		r->cpu_shares = 1024; /* the kernel's own default */
}

static int fill_spec(
	struct invocation *i, const struct state *s, struct oci_config *c, struct err *e)
{
	struct spec *spec = &c->spec;

	spec->id = xstrdup(s->id);
	join_all(spec, &spec->resources);
	spec->no_pivot = i->o.no_pivot;
	spec->keep_keyring = i->o.no_new_keyring;
	spec->preserve_fds = preserved_fds(&i->o, &spec->env);
	spec->state_dir = xasprintf("/proc/self/fd/%d", s->dir);
	return self_seccomp(c, s->dir, e);
}

int create_container(struct invocation *i, struct state *s, struct oci_config *c, struct process *p,
	struct err *e)
{
	auto_free char *text = NULL, *bundle = NULL;
	auto_group group = GROUP_INIT;
	struct err ignored = { 0 };
	size_t len = 0;
	int r;

	if (read_bundle(i, c, &bundle, &text, &len, e) < 0 || check(i, &c->spec, e) < 0 ||
		state_check_id(i->operands[0], e) < 0 ||
		group_choose(i, c->cgroups_path, i->operands[0], &group, e) < 0 ||
		state_make(i->o.root, i->operands[0], s, e) < 0)
		return -e->code;
	oci_config_warn(c, warn, i);
	s->bundle = take_ptr(&bundle);
	s->version = xstrdup(c->version);
	s->rootfs = xstrdup(c->spec.rootfs);
	s->annotations = c->annotations ? json_incref(c->annotations) : NULL;
	r = fs_write_file(s->dir, "config.json", text, len, 0600, FS_VOLATILE, e);
	if (r == 0)
		r = fill_spec(i, s, c, e);
	if (r == 0)
		r = group_make(&group, &c->spec.resources, s->id, e);
	if (r < 0) {
		state_erase(s, &ignored);
		return r;
	}
	c->spec.cgroup = xstrdup(group.path);
	s->cgroup = xstrdup(group.path);
	s->scope = take_ptr(&group.scope);
	if (bring_up(i, s, &group, c, p, e) < 0) {
		container_destroy(s, i, &ignored);
		if (p->pid > 0)
			proc_reap(p->pid, NULL);
		return -e->code;
	}
	return 0;
}

int verb_create(struct invocation *i, struct err *e)
{
	__attribute__((cleanup(process_release))) struct process p = PROCESS_INIT;
	auto_state s = STATE_INIT;
	auto_oci_config c = OCI_CONFIG_INIT;

	if (create_container(i, &s, &c, &p, e) < 0)
		return err_wrap(e, "cannot create container '%s'", i->operands[0]);
	return 0;
}

int verb_run(struct invocation *i, struct err *e)
{
	__attribute__((cleanup(process_release))) struct process p = PROCESS_INIT;
	auto_state s = STATE_INIT;
	auto_oci_config c = OCI_CONFIG_INIT;
	struct err also = { 0 };
	int status;

	if (!i->o.no_subreaper && !i->o.detach)
		prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	if (create_container(i, &s, &c, &p, e) < 0)
		return err_wrap(e, "cannot create container '%s'", i->operands[0]);
	if (container_start(&s, &c, i, e) < 0) {
		container_destroy(&s, i, &also);
		proc_reap(p.pid, NULL);
		return -e->code;
	}
	if (i->o.detach)
		return 0;
	flock(s.lock, LOCK_UN);
	close_fd(&s.lock); /* it can be looked at, killed and paused while it runs */
	status = console_attend(p.pid, p.pty, e);
	if (i->o.keep || status < 0)
		return status;
	s.lock = fs_lock(s.dir, "lock", -1, &also);
	if (container_destroy(&s, i, e) < 0)
		return -e->code;
	return status;
}
