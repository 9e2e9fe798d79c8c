#include "runtime/oci/hooks.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/proc.h"

#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

static const char *phase_name(enum spec_hook_phase phase)
{
	static const char *const names[] = { "prestart", "createRuntime", "createContainer",
		"startContainer", "poststart", "poststop" };

	return names[phase];
}

/* A file and not a pipe: the hook may leave it unread, and need not be fed. */
static int state_file(const char *state, struct err *e)
{
	auto_close int fd = memfd_create("state", MFD_CLOEXEC);

	if (fd < 0 || fs_write_all(fd, state, strlen(state)) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return err_errno(e, "cannot hold the state for a hook");
	return take_fd(&fd);
}

static int run_one(const struct spec_hook *h, const char *state, struct err *e)
{
	struct proc_spawn p = PROC_SPAWN_INIT;
	char *only_path[] = { h->path, NULL };
	auto_close int input = state_file(state, e), pidfd = -1;
	int64_t ms = h->timeout ? h->timeout * 1000 : -1;
	struct pollfd ended;
	int status, n;
	pid_t pid;

	if (input < 0)
		return input;
	p.path = h->path;
	p.argv = h->args.n ? h->args.v : only_path;
	p.env = h->env.n ? h->env.v : NULL; /* without a list of its own it has ours */
	p.fds[0] = input;
	pid = proc_start(&p, &pidfd, e);
	if (pid < 0)
		return pid;
	ended = (struct pollfd){ pidfd, POLLIN, 0 };
	do
		n = poll(&ended, 1, ms > INT_MAX ? INT_MAX : (int)ms);
	while (n < 0 && errno == EINTR);
	if (n == 0)
		syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
	status = proc_wait(pid);
	if (n == 0)
		return err_set(e, ETIMEDOUT, "%s hook was not done after %lld s: '%s'",
			phase_name(h->phase), (long long)h->timeout, h->path);
	if (status != 0)
		return err_set(e, EIO, "%s hook failed with exit code %d: '%s'",
			phase_name(h->phase), status, h->path);
	return 0;
}

int hooks_run(const struct spec *s, enum spec_hook_phase phase, const char *state, struct err *e)
{
	for (size_t i = 0; i < s->n_hooks; i++)
		if (s->hooks[i].phase == phase && run_one(&s->hooks[i], state, e) < 0)
			return -e->code;
	return 0;
}

void hooks_run_all(const struct spec *s, enum spec_hook_phase phase, const char *state,
	void (*warn)(void *data, const struct err *), void *data)
{
	for (size_t i = 0; i < s->n_hooks; i++) {
		struct err e = { 0 };
		if (s->hooks[i].phase != phase || run_one(&s->hooks[i], state, &e) >= 0)
			continue;
		warn(data, &e);
	}
}
