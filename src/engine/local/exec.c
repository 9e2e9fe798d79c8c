/* Runs a program in a running container: a monitor of its own does the work. */
#include "base/mem.h"
#include "base/proc.h"
#include "engine/local/local.h"
#include "engine/local/protocol.h"
#include "runtime/posture.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>

#define SPEC_MAX (16 << 20)

static int check_state(const struct container *c, const struct local_status *s, struct err *e)
{
	const char *shown = c->config.machine ? c->config.machine : c->config.name;

	if (s->state == CONTAINER_PAUSED) {
		err_set(e, EBUSY, "'%s' is paused", shown);
		return err_hint(e, "redock unpause %s", shown);
	}
	if (s->state == CONTAINER_RESTARTING) {
		err_set(e, ESRCH, "'%s' is about to be started again", shown);
		return err_hint(e, "redock logs %s says why it ended", shown);
	}
	if (s->state != CONTAINER_RUNNING) {
		err_set(e, ESRCH, "'%s' does not run", shown);
		return err_hint(e, "redock start %s", shown);
	}
	return 0;
}

/* As the container was started, which is not always as it would be started now. */
static int read_spec(struct local *l, const char *id, struct spec *ret, struct err *e)
{
	auto_close int run_dir = fs_open_dir(l->dirs.run, id, e);
	auto_free char *data = NULL;
	size_t len = 0;
	int r = run_dir < 0 ? run_dir : fs_read_file(run_dir, "spec", SPEC_MAX, &data, &len, e);

	return r < 0 ? r : spec_decode(data, len, ret, e);
}

static void set_text(char **to, const char *value)
{
	free(*to);
	*to = xstrdup(value);
}

static void set_environment(struct spec *s, const struct exec_config *cfg)
{
	for (size_t i = 0; i < cfg->env.n; i++) {
		const char *entry = cfg->env.v[i], *own;
		if (strchr(entry, '=')) {
			strv_set_env(&s->env, entry);
		} else if ((own = getenv(entry))) {
			auto_free char *text = xasprintf("%s=%s", entry, own);
			strv_set_env(&s->env, text);
		}
	}
	if (cfg->tty && !strv_get_env(&s->env, "TERM"))
		strv_push(&s->env, "TERM=xterm");
}

static void change_spec(struct spec *s, const struct exec_config *cfg, const char *exec_id)
{
	const uint64_t all = posture_caps_all();

	strv_release(&s->args);
	strv_extend(&s->args, cfg->args.v);
	set_environment(s, cfg);
	if (cfg->workdir)
		set_text(&s->cwd, cfg->workdir);
	if (cfg->user)
		set_text(&s->user, cfg->user);
	s->tty = cfg->tty;
	s->stdin_open = cfg->stdin_open;
	s->console_rows = cfg->console_rows;
	s->console_columns = cfg->console_columns;
	if (cfg->privileged) {
		s->caps = (struct spec_caps){ all, all, all, 0, 0 };
		set_text(&s->seccomp, "");
		s->no_new_privs = false;
	}
	strv_release(&s->health); /* that is the container's, not this program's */
	strv_pushf(&s->annotations, "execID=%s", exec_id);
}

static int spec_to_fd(const struct spec *s, int *ret, struct err *e)
{
	auto_str data = STR_INIT(SPEC_MAX);
	auto_close int fd = memfd_create("spec", MFD_CLOEXEC);

	spec_encode(s, &data);
	if (data.overflow)
		return err_set(e, E2BIG, "the command and its environment are too long");
	if (fd < 0 || fs_write_all(fd, data.data, data.len) < 0)
		return err_errno(e, "cannot hand the command over");
	*ret = take_fd(&fd);
	return 0;
}

static int run(struct local *l, const struct container *c, const struct local_status *status,
	const struct spec *s, int *ret_client, int *ret_exec_status, struct err *e)
{
	auto_close int init = proc_open(status->run.pid, status->run.start), spec_fd = -1;
	auto_close int client = -1;
	int pair[2], r;

	if (init < 0)
		return err_set(e, ESRCH, "'%s' does not run", c->config.name);
	if (spec_to_fd(s, &spec_fd, e) < 0)
		return -e->code;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_errno(e, "cannot make a socket");
	client = pair[0];
	r = monitor_start(
		l, "exec", s->machine ? s->machine : s->name, pair[1], spec_fd, init, NULL, e);
	close(pair[1]);
	if (r == 0)
		r = monitor_hear_started(l, client, ret_exec_status, e);
	if (r == 0)
		*ret_client = take_fd(&client);
	return r;
}

/* For events: as much of it as fits. */
static char *join(const struct strv *args)
{
	auto_str text = STR_INIT(4096);

	for (size_t i = 0; i < args->n && !text.overflow; i++)
		str_addf(&text, "%s%s", i ? " " : "", args->v[i]);
	return str_take(&text);
}

static void make_exec_id(char ret[ENGINE_ID_SIZE])
{
	unsigned char random[(ENGINE_ID_SIZE - 1) / 2];

	if (getrandom(random, sizeof random, 0) != sizeof random)
		abort(); /* the kernel has no such failure once it has booted */
	for (size_t i = 0; i < sizeof random; i++)
		snprintf(ret + 2 * i, 3, "%02x", random[i]);
}

int local_exec(struct engine *en, const char *id, const struct exec_config *cfg,
	struct session **ret_session, int *ret_exec_status, struct err *e)
{
	struct local *l = local_of(en);
	auto_container c = { 0 };
	auto_close int client = -1;
	auto_free char *command = NULL;
	char exec_id[ENGINE_ID_SIZE], action[256];
	struct local_status status;
	auto_spec s = { 0 };
	int r;

	*ret_exec_status = 125;
	if (cfg->args.n == 0)
		return err_set(e, EINVAL, "there is no command to run");
	if (cfg->workdir && cfg->workdir[0] != '/')
		return err_set(
			e, EINVAL, "the working directory '%s' is no absolute path", cfg->workdir);
	if (container_load(l, id, &c, e) < 0 || local_status(l, &c, &status, e) < 0 ||
		check_state(&c, &status, e) < 0 || read_spec(l, id, &s, e) < 0)
		return -e->code;
	make_exec_id(exec_id);
	change_spec(&s, cfg, exec_id);
	command = join(&cfg->args);
	snprintf(action, sizeof action, "exec_create: %s", command);
	local_container_event(l, &c, action, "execID", exec_id, NULL);
	snprintf(action, sizeof action, "exec_start: %s", command);
	local_container_event(l, &c, action, "execID", exec_id, NULL);
	r = run(l, &c, &status, &s, &client, ret_exec_status, e);
	if (r < 0)
		return r;
	*ret_exec_status = 0;
	if (ret_session)
		*ret_session = local_session_new(take_fd(&client));
	return 0;
}
