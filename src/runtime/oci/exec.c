/* `exec`: one more process in a running container. */
#include "runtime/exec.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/proc.h"
#include "runtime/oci/console.h"
#include "runtime/oci/container.h"
#include "runtime/oci/create.h"
#include "runtime/oci/listener.h"
#include "runtime/oci/names.h"
#include "runtime/oci/self.h"
#include "runtime/priority.h"

#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>

#define STATUS_FAILED 255 /* what runc and crun end with when it is not the program's own */

static int read_process(const char *file, struct spec *s, struct err *e)
{
	auto_free char *text = NULL;
	size_t len = 0;

	if (fs_read_file(AT_FDCWD, file, CONFIG_MAX, &text, &len, e) < 0 ||
		oci_process_parse(text, len, s, e) < 0)
		return err_wrap(e, "process '%s'", file);
	return 0;
}

static int add_caps(const struct options *o, struct spec *s, struct err *e)
{
	for (size_t i = 0; i < o->caps.n; i++) {
		int n = name_capability(o->caps.v[i]);
		uint64_t bit = UINT64_C(1) << (n & 63);
		if (n < 0)
			return err_set(e, EINVAL, "there is no capability '%s'", o->caps.v[i]);
		s->caps.bounding |= bit;
		s->caps.effective |= bit;
		s->caps.permitted |= bit;
	}
	return 0;
}

static void replace(char **at, const char *text)
{
	if (!text)
		return;
	free(*at);
	*at = xstrdup(text);
}

/* The container's own process with what the command line says instead. */
static int from_options(const struct invocation *i, struct spec *s, struct err *e)
{
	const struct options *o = &i->o;

	if (i->n_operands < 2)
		return err_set(e, EINVAL, "'exec' needs a command, or --process");
	strv_release(&s->args);
	s->args = (struct strv){ 0 };
	strv_extend(&s->args, i->operands + 1);
	for (size_t k = 0; k < o->env.n; k++)
		strv_set_env(&s->env, o->env.v[k]);
	s->tty = o->tty;
	replace(&s->cwd, o->cwd);
	replace(&s->user, o->user);
	if (o->user && !strchr(o->user, ':')) { /* a number alone: no group of somebody else's */
		strv_release(&s->groups);
		s->groups = (struct strv){ 0 };
		s->only_groups = false;
	}
	for (size_t k = 0; k < o->additional_gids.n; k++)
		strv_push(&s->groups, o->additional_gids.v[k]);
	replace(&s->apparmor, o->apparmor);
	replace(&s->selinux, o->process_label);
	s->no_new_privs = s->no_new_privs || o->no_new_privs;
	return add_caps(o, s, e);
}

static int choose_group(
	const struct invocation *i, const struct state *st, struct spec *s, struct err *e)
{
	free(s->cgroup);
	s->cgroup = *st->cgroup ? xstrdup(st->cgroup) : NULL;
	if (!i->o.sub_cgroup)
		return 0;
	if (!s->cgroup || strstr(i->o.sub_cgroup, ".."))
		return err_set(e, EINVAL, "'%s' is no control group below the container's",
			i->o.sub_cgroup);
	free(s->cgroup);
	s->cgroup = xasprintf("%s/%s", st->cgroup, i->o.sub_cgroup);
	return 0;
}

static int check_status(const struct invocation *i, const struct state *s, struct err *e)
{
	enum state_status status = state_status(s);

	if (status == STATE_PAUSED && !i->o.ignore_paused) {
		err_set(e, EINVAL, "container '%s' is paused", s->id);
		return err_hint(e, "redock-runtime resume %s", s->id);
	}
	if (status == STATE_STOPPED || status == STATE_CREATING)
		return err_set(e, EINVAL, "container '%s' is %s: nothing can be executed in it",
			s->id, state_word(status));
	return 0;
}

static int fill(struct invocation *i, struct state *st, struct oci_config *c, struct err *e)
{
	struct spec *s = &c->spec;

	if (container_config(st, c, e) < 0)
		return -e->code;
	s->state_dir = xasprintf("/proc/self/fd/%d", st->dir);
	s->console_rows = s->console_columns = 0;
	if ((i->o.process ? read_process(i->o.process, s, e) : from_options(i, s, e)) < 0)
		return -e->code;
	s->tty = s->tty || i->o.tty;
	if (!s->args.n)
		return err_set(e, EINVAL, "'exec' needs a command, or --process");
	if (i->o.console_socket && !s->tty)
		return err_set(e, EINVAL, "'--console-socket' is for a process with a terminal");
	if (s->tty && i->o.detach && !i->o.console_socket)
		return err_set(e, EINVAL, "the process has a terminal, and nobody gets its master");
	s->preserve_fds = preserved_fds(&i->o, &s->env);
	s->cpus = take_ptr(&s->exec_final_cpus);
	if (choose_group(i, st, s, e) < 0)
		return -e->code;
	return self_seccomp_again(c, e);
}

int verb_exec(struct invocation *i, struct err *e)
{
	__attribute__((cleanup(process_release))) struct process p = PROCESS_INIT;
	auto_state st = STATE_INIT;
	auto_oci_config c = OCI_CONFIG_INIT;
	auto_close int init = -1;
	struct listener agent = { &c.spec, &st, STATE_RUNNING };
	int status = STATUS_FAILED;

	if (state_open(i->o.root, i->operands[0], false, &st, e) < 0 ||
		check_status(i, &st, e) < 0 || fill(i, &st, &c, e) < 0)
		return -e->code;
	init = state_pidfd(&st);
	listener_set(&p, &agent);
	/* config.md, "execCPUAffinity": ours until the process is in the control group */
	if (c.spec.exec_cpus && priority_set_cpus(c.spec.exec_cpus, e) < 0)
		return err_wrap(e, "cannot execute in container '%s'", st.id);
	if (process_exec(&c.spec, st.pid, init, true, &p, &status, e) < 0) {
		err_wrap(e, "cannot execute in container '%s'", st.id);
		log_err(&i->log, LOG_ERROR, e);
		err_clear(e);
		return status == 125 ? STATUS_FAILED : status;
	}
	for (size_t k = 0; k < p.warnings.n; k++)
		log_say(&i->log, LOG_WARNING, "%s", p.warnings.v[k]);
	if ((i->o.pid_file && write_pid_file(i->o.pid_file, p.pid, e) < 0) ||
		(i->o.console_socket && console_send(i->o.console_socket, p.pty, e) < 0)) {
		kill(p.pid, SIGKILL);
		proc_reap(p.pid, NULL);
		return -e->code;
	}
	if (i->o.detach)
		return 0;
	if (i->o.console_socket)
		close_fd(&p.pty);
	return console_attend(p.pid, p.pty, e);
}
