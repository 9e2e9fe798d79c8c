#include "machine/mmdebstrap.h"
#include "machine/basefiles.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/proc.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>

#define HOOKS "/usr/share/mmdebstrap/hooks/maybe-merged-usr"

struct job {
	struct engine *engine;
	pid_t pid, inner; /* unshare(1), and mmdebstrap once we have killed unshare */
	int output, signals;
	int caught; /* the signal that interrupted us, or 0 */
	struct str line;
	char fault[400]; /* the first "E: " line, else the last line */
	bool fault_is_error;
};

static void take_line(struct job *j)
{
	static const char *const details[] = { "tempdir", "architecture", "automatically",
		"success", "signed-by", "done", "-hook", "skipping" };
	const char *text = str_text(&j->line);
	int level = 1;

	if (str_starts(text, "E: ") && !j->fault_is_error) {
		snprintf(j->fault, sizeof j->fault, "%s", text + 3);
		j->fault_is_error = true;
	} else if (*text && !j->fault_is_error) {
		snprintf(j->fault, sizeof j->fault, "%s", text);
	}
	if (str_starts(text, "I: ")) {
		level = 0;
		text += 3;
		for (size_t i = 0; i < ARRAY_SIZE(details); i++)
			if (strstr(text, details[i]))
				level = 1;
	}
	if (*text && str_is_one_line(text))
		engine_say_to(j->engine, level, "%s", text);
	str_truncate(&j->line, 0);
	j->line.overflow = false;
}

/* False at the end of the output: everything that could write to it has ended. */
static bool take_output(struct job *j)
{
	char block[4096];
	ssize_t n = read(j->output, block, sizeof block);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	for (ssize_t i = 0; i < n; i++) {
		if (block[i] == '\n' || block[i] == '\r')
			take_line(j);
		else
			str_add_char(&j->line, block[i]);
	}
	return n > 0;
}

/* The one child that `pid` has, or 0. */
static pid_t child_of(pid_t pid)
{
	auto_free char *path = xasprintf("/proc/%d/task/%d/children", pid, pid);
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[32] = "";

	return fd >= 0 && fs_read_full(fd, text, sizeof text - 1) > 0
		       ? (pid_t)strtol(text, NULL, 10)
		       : 0;
}

/* Everything it started is in its pid namespace, which ends with it. */
static void take_signal(struct job *j)
{
	struct signalfd_siginfo info;

	if (read(j->signals, &info, sizeof info) != sizeof info || j->caught)
		return;
	j->caught = (int)info.ssi_signo;
	/* it becomes our child when unshare ends, and nobody else may be there to reap it */
	j->inner = child_of(j->pid);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	kill(j->pid, SIGKILL);
}

static void follow(struct job *j)
{
	struct pollfd fds[2] = { { j->output, POLLIN, 0 }, { j->signals, POLLIN, 0 } };
	bool more = true;

	while (more) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			break;
		if (fds[1].revents)
			take_signal(j);
		if (fds[0].revents)
			more = take_output(j);
		fds[0].revents = fds[1].revents = 0;
	}
	take_line(j);
}

/* unshare(1) makes namespaces for pids and mounts that die with it; setpriv(1) lets it die with us,
 * even if we are killed. */
static pid_t start(const char *path, const char *suite, int archive, int output, struct err *e)
{
	static const char *const begin[] = { "setpriv", "--pdeathsig", "KILL", "unshare", "--fork",
		"--pid", "--kill-child", "--mount", "--mount-proc", "mmdebstrap", "--mode=root",
		"--variant=minbase", "--format=tar" };
	static const char *const keep[] = { "http_proxy", "https_proxy", "no_proxy", "HTTPS_PROXY",
		"NO_PROXY", "SOURCE_DATE_EPOCH" };
	auto_strv argv = { 0 }, env = { 0 };
	struct proc_spawn p = PROC_SPAWN_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(begin); i++)
		strv_push(&argv, begin[i]);
	if (access(HOOKS, F_OK) == 0)
		strv_push(&argv, "--hook-dir=" HOOKS);
	strv_pushf(&argv, "--include=%s", base_packages);
	strv_pushf(&argv, "--aptopt=%s/apt.conf", path);
	strv_push(&argv, "--skip=chroot/policy-rc.d");
	strv_pushf(&argv, "--extract-hook=%s/extract", path);
	strv_pushf(&argv, "--customize-hook=%s/customize", path);
	strv_push(&argv, suite);
	strv_push(&argv, "-");
	strv_pushf(&argv, "%s/redock.sources", path);
	strv_push(&env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	strv_push(&env, "LC_ALL=C.UTF-8");
	strv_push(&env, "DEBIAN_FRONTEND=noninteractive");
	strv_pushf(&env, "TMPDIR=%s", path);
	for (size_t i = 0; i < ARRAY_SIZE(keep); i++)
		if (getenv(keep[i]))
			strv_pushf(&env, "%s=%s", keep[i], getenv(keep[i]));
	p.path = argv.v[0];
	p.search = true;
	p.argv = argv.v;
	p.env = env.v;
	p.fds[0] = -1;
	p.fds[1] = archive;
	p.fds[2] = output;
	p.new_session = true; /* Ctrl-C comes to us, and we end it */
	return proc_start(&p, NULL, e);
}

static bool is_installed(void)
{
	static const char *const dirs[] = { "/usr/bin", "/usr/local/bin", "/bin" };

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		auto_free char *path = xasprintf("%s/mmdebstrap", dirs[i]);

		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

static int outcome(const struct job *j, int status, struct err *e)
{
	if (j->caught)
		return err_set(e, EINTR, "interrupted");
	if (status == 0)
		return 0;
	err_set(e, EIO, "mmdebstrap: %s",
		*j->fault && str_is_one_line(j->fault) ? j->fault : "it failed without a word");
	return err_hint(e,
		"redock -v start ... shows all it says; another place to get Debian from: "
		"--mirror http://MIRROR/debian");
}

static int run_guarded(struct job *j, const char *path, const char *suite, int archive,
	const sigset_t *guarded, struct err *e)
{
	auto_close int output = -1, signals = signalfd(-1, guarded, SFD_CLOEXEC | SFD_NONBLOCK);
	int pipe_fds[2], status;

	if (signals < 0)
		return err_errno(e, "cannot watch for signals");
	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return err_errno(e, "cannot make a pipe");
	output = pipe_fds[0];
	j->pid = start(path, suite, archive, pipe_fds[1], e);
	close(pipe_fds[1]);
	if (j->pid < 0)
		return j->pid;
	j->output = output;
	j->signals = signals;
	follow(j);
	status = proc_wait(j->pid);
	if (j->inner > 0)
		proc_wait(j->inner);
	if (j->caught)
		prctl(PR_SET_CHILD_SUBREAPER, 0);
	return outcome(j, status, e);
}

int mmdebstrap_run(struct engine *en, const char *path, const char *suite, int archive,
	int *ret_signal, struct err *e)
{
	struct job j = { .engine = en, .line = STR_INIT(4096) };
	sigset_t guarded, old;
	int r;

	if (!is_installed()) {
		err_set(e, ENOENT, "mmdebstrap, which makes it, is not installed");
		return err_hint(e, "apt-get install mmdebstrap");
	}
	sigemptyset(&guarded);
	sigaddset(&guarded, SIGINT);
	sigaddset(&guarded, SIGTERM);
	sigaddset(&guarded, SIGHUP);
	sigprocmask(SIG_BLOCK, &guarded, &old);
	r = run_guarded(&j, path, suite, archive, &guarded, e);
	str_release(&j.line);
	*ret_signal = j.caught;
	sigprocmask(SIG_SETMASK, &old, NULL);
	return r;
}
