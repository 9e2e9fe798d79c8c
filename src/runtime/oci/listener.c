#include "runtime/oci/listener.h"
#include "base/json.h"
#include "base/mem.h"
#include "runtime/oci/console.h"

/* config-linux.md, "Container process state". */
static char *process_state(const struct listener *l, pid_t pid)
{
	auto_free char *state = state_text(l->state, l->status, false);
	auto_json *inner = json_loads(state, 0, NULL);
	auto_json *j = json_pack("{s:s, s:[s], s:i, s:s, s:O}", "ociVersion", l->state->version,
		"fds", "seccompFd", "pid", (int)pid, "metadata",
		l->spec->seccomp_metadata ? l->spec->seccomp_metadata : "", "state", inner);

	if (!j)
		abort(); /* all of it was read from JSON */
	return json_text(j);
}

static int send_listener(void *listener, pid_t pid, int fd, struct err *e)
{
	const struct listener *l = listener;
	auto_free char *text = process_state(l, pid);

	if (socket_send_fd(l->spec->seccomp_listener, text, fd, e) < 0)
		return err_wrap(e, "cannot hand the seccomp filter to its agent");
	return 0;
}

void listener_set(struct process *p, struct listener *l)
{
	if (!l->spec->seccomp_listener)
		return;
	p->on_listener = send_listener;
	p->on_listener_data = l;
}
