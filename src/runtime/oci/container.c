#include "runtime/oci/container.h"
#include "base/fs.h"
#include "base/mem.h"
#include "runtime/cgroup.h"
#include "runtime/process.h"
#include "runtime/oci/group.h"
#include "runtime/oci/hooks.h"
#include "runtime/oci/listener.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#define END_MS 10000

int container_config(const struct state *s, struct oci_config *ret, struct err *e)
{
	auto_free char *text = NULL;
	size_t len = 0;

	if (fs_read_file(s->dir, "config.json", CONFIG_MAX, &text, &len, e) < 0 ||
		oci_config_parse(text, len, s->bundle, ret, e) < 0)
		return err_wrap(e, "cannot read the configuration of container '%s'", s->id);
	return 0;
}

/* Killed processes end at once, unless somebody else has frozen them. */
static int wait_end(const struct state *s, int pidfd, struct err *e)
{
	struct pollfd p = { pidfd, POLLIN, 0 };
	int n;

	do
		n = poll(&p, 1, END_MS);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		return 0;
	errno = EBUSY;
	err_errno(e, "process %d of container '%s' was killed and does not end", s->pid, s->id);
	return err_hint(e, "look whether somebody has frozen it: cat /proc/%d/cgroup", s->pid);
}

/* Connects to what the container's process listens on, and hears whether exec failed: it closes the
 * connection when it did not. */
static int open_gate(
	const struct state *s, const struct oci_config *c, struct invocation *i, struct err *e)
{
	struct listener agent = { &c->spec, s, STATE_CREATED };
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	auto_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	__attribute__((cleanup(process_release))) struct process p = PROCESS_INIT;
	struct init_message m;
	int fds[2];

	snprintf(a.sun_path, sizeof a.sun_path, "/proc/self/fd/%d/start", s->dir);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) < 0)
		return err_errno(e, "cannot reach the process of container '%s'", s->id);
	unlinkat(s->dir, "start", 0);
	p.control = take_fd(&fd);
	p.pid = s->pid;
	listener_set(&p, &agent);
	if (process_hear(&p, &m, fds, e) == -ECONNRESET && m.type != INIT_FAILED)
		err_clear(e);
	for (size_t k = 0; k < p.warnings.n; k++)
		log_say(&i->log, LOG_WARNING, "%s", p.warnings.v[k]);
	return -e->code;
}

static void warn(void *invocation, const struct err *e)
{
	log_err(&((struct invocation *)invocation)->log, LOG_WARNING, e);
}

int container_start(
	struct state *s, const struct oci_config *c, struct invocation *i, struct err *e)
{
	auto_free char *text = NULL;
	struct err ignored = { 0 };

	if (open_gate(s, c, i, e) < 0)
		return err_wrap(e, "cannot start container '%s'", s->id);
	text = state_text(s, STATE_RUNNING, false);
	/* runtime.md, "Lifecycle", 9: then it is stopped and deleted */
	if (hooks_run(&c->spec, HOOK_POSTSTART, text, e) < 0) {
		container_destroy(s, i, &ignored);
		return err_wrap(e, "container '%s'", s->id);
	}
	return 0;
}

int container_signal(const struct state *s, int sig, bool all, struct err *e)
{
	auto_close int pidfd = state_pidfd(s);
	struct err ignored = { 0 };

	if (all && !*s->cgroup)
		return err_set(e, ENOTSUP, "container '%s' has no control group", s->id);
	if (all)
		return cgroup_signal(s->cgroup, s->pid, sig, e);
	if (pidfd < 0)
		return err_set(e, ESRCH, "container '%s' is not running", s->id);
	if (syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0) < 0)
		return err_errno(e, "cannot signal container '%s'", s->id);
	/* version 1 keeps a killed task for as long as it is frozen */
	if (sig == SIGKILL && *s->cgroup && cgroup_is_frozen(s->cgroup, s->pid))
		cgroup_thaw(s->cgroup, s->pid, &ignored);
	return 0;
}

int container_destroy(struct state *s, struct invocation *i, struct err *e)
{
	auto_oci_config c = OCI_CONFIG_INIT;
	auto_close int pidfd = state_pidfd(s);
	struct err ignored = { 0 };
	bool known = container_config(s, &c, &ignored) == 0;

	if (pidfd >= 0) {
		container_signal(s, SIGKILL, false, &ignored);
		if (wait_end(s, pidfd, e) < 0)
			return -e->code;
	}
	if (*s->cgroup && cgroup_remove(s->cgroup, e) < 0)
		return err_wrap(e, "cannot remove container '%s'", s->id);
	if (str_starts(s->cgroup, GROUP_PARENT "/"))
		cgroup_remove_parent(GROUP_PARENT);
	if (state_erase(s, e) < 0)
		return err_wrap(e, "cannot remove container '%s'", s->id);
	if (known) {
		auto_free char *text = state_text(s, STATE_STOPPED, false);
		hooks_run_all(&c.spec, HOOK_POSTSTOP, text, warn, i);
	}
	return 0;
}
