/* redock ssh: ssh(1) as the calling person, with the person's own configuration. */
#include "machine/access.h"
#include "machine/name.h"
#include "base/mem.h"
#include "base/fs.h"
#include "base/proc.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* What another person's ssh(1) has to see, when root became that person. */
static void set_environment(const struct person *p)
{
	setenv("HOME", p->home, 1);
	setenv("USER", p->name, 1);
	setenv("LOGNAME", p->name, 1);
	setenv("SHELL", p->shell, 1);
	unsetenv("XDG_DATA_HOME");
	unsetenv("XDG_CONFIG_HOME");
	unsetenv("XDG_RUNTIME_DIR");
}

/* A word after the host is the command's, even if it begins with '-': "--" before the host ends
 * ssh's options for good. */
__attribute__((noreturn)) static void exec_ssh(
	const struct person *p, const char *alias, char *const *argv, int report)
{
	auto_strv words = { 0 };
	struct err e = { 0 };
	sigset_t none;
	mode_t mask = umask(022);

	strv_push(&words, "ssh");
	strv_push(&words, "--");
	strv_push(&words, alias);
	strv_extend(&words, argv);
	if (person_become(p, &e) >= 0) {
		umask(mask);
		prctl(PR_SET_PDEATHSIG, SIGHUP);
		if (geteuid() != 0 || p->uid != 0)
			set_environment(p);
		signal(SIGINT, SIG_DFL);
		signal(SIGQUIT, SIG_DFL);
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		execvp("ssh", words.v);
		err_errno(&e, "cannot execute ssh");
		if (e.code == ENOENT)
			err_hint(&e, "apt-get install openssh-client");
	}
	if (write(report, &e, sizeof e) != sizeof e)
		_exit(126);
	_exit(127);
}

/* While ssh runs, Ctrl-C and Ctrl-\ are for it. */
static int run_ssh(const struct person *p, const char *alias, char *const *argv, struct err *e)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN }, old_int, old_quit;
	int report[2], status;
	struct err failure;
	ssize_t n;
	pid_t pid;

	if (pipe2(report, O_CLOEXEC) < 0)
		return err_errno(e, "cannot make a pipe");
	fflush(NULL);
	sigaction(SIGINT, &ignore, &old_int);
	sigaction(SIGQUIT, &ignore, &old_quit);
	pid = fork();
	if (pid == 0)
		exec_ssh(p, alias, argv, report[1]);
	close(report[1]);
	if (pid < 0) {
		status = err_errno(e, "cannot start a process");
	} else {
		n = fs_read_full(report[0], &failure, sizeof failure);
		status = proc_wait(pid);
		if (n == sizeof failure) {
			*e = failure;
			status = -e->code;
		}
	}
	close(report[0]);
	sigaction(SIGINT, &old_int, NULL);
	sigaction(SIGQUIT, &old_quit, NULL);
	return status;
}

/* The person's entry is there and has the present address. */
static int ensure_entry(struct engine *en, const struct machine_name *name,
	const struct person *person, char alias[MACHINE_ALIAS_SIZE], struct err *e)
{
	auto_free char *text = xasprintf("machine:%s", name->text);
	auto_container_info info = { 0 };
	auto_close int lock = engine_lock(en, text, e);
	char slug[64];
	int r = lock < 0 ? lock : engine_inspect_machine(en, name->text, &info, e);

	if (r == -ENOENT)
		err_set(e, ENOENT, "no machine named '%s'", name->text);
	else if (r >= 0 && info.state != CONTAINER_RUNNING)
		r = err_set(e, ENOTCONN, "machine '%s' is not running", name->text);
	if (r == -ENOENT || r == -ENOTCONN)
		return err_hint(e, "redock start %s", name->text);
	if (r >= 0)
		r = machine_slug(info.config.hostname, slug, e);
	if (r < 0)
		return r;
	machine_alias(slug, alias);
	r = access_prepare(en, name, alias, person, e);
	return r < 0 ? r
		     : access_publish(en, name, alias, container_info_address(&info), person, e);
}

int machine_ssh(
	struct engine *en, const struct machine_name *name, char *const *argv, struct err *e)
{
	auto_person person = { 0 };
	char alias[MACHINE_ALIAS_SIZE];
	int r = person_caller(&person, e);

	if (r >= 0)
		r = ensure_entry(en, name, &person, alias, e);
	return r < 0 ? r : run_ssh(&person, alias, argv, e);
}
