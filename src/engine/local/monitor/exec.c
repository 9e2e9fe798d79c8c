/* The monitor of one more process in a running container (redock exec): passes its input and output
 * on, and tells how it ended. Nothing of it is on disk. */
#include "runtime/exec.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/proc.h"
#include "engine/local/monitor/monitor.h"

#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>

/* The process behind a pidfd (proc(5), /proc/PID/fdinfo). */
static pid_t pid_of(int pidfd)
{
	auto_free char *path = xasprintf("/proc/self/fdinfo/%d", pidfd), *text = NULL;
	struct err ignored;
	const char *line;

	if (fs_read_file(AT_FDCWD, path, 4096, &text, NULL, &ignored) < 0)
		return -1;
	line = strstr(text, "\nPid:");
	return line ? (pid_t)strtol(line + 5, NULL, 10) : -1;
}

int monitor_exec(struct monitor *m, int *ret_status, struct err *e)
{
	auto_free char *containers = NULL;
	pid_t init = pid_of(MONITOR_FD_ALIVE);

	*ret_status = 125;
	if (init <= 0)
		return err_set(e, ESRCH, "the container is not running");
	containers = xasprintf("%s/containers", m->spec.run_root);
	m->dirs.run = open(containers, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return process_exec(&m->spec, init, MONITOR_FD_ALIVE, false, &m->process, ret_status, e);
}

void monitor_exec_relay(struct monitor *m)
{
	struct frame_exit end = { 0 };
	int32_t code = -1;
	int status;
	char detail[32];

	monitor_set_nonblocking(&m->process);
	while (monitor_turn(m, false))
		continue;
	monitor_drain(m);
	if (proc_reap(m->process.pid, &status) == m->process.pid)
		code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	end.code = code;
	clients_tell(&m->clients, FRAME_EXIT, &end, sizeof end);
	snprintf(detail, sizeof detail, "exitCode=%d", code);
	monitor_event(m, "exec_die", detail);
	while (clients_are_behind(&m->clients))
		monitor_turn(m, true);
}
