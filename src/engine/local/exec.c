/* Runs a program in a running container: a fork of the container's monitor does the work. */
#include "base/mem.h"
#include "engine/local/local.h"
#include "engine/local/protocol.h"
#include "runtime/posture.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>

#define SPEC_MAX (16 << 20)

static int refuse(const struct container *c, const struct local_status *s, struct err *e)
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

static void set_environment(struct spec *s, const struct exec_config *cfg)
{
	for (size_t i = 0; i < cfg->env.n; i++) {
		const char *entry = cfg->env.v[i], *own;
		if (strchr(entry, '='))
			strv_push(&s->env, entry);
		else if ((own = getenv(entry)))
			strv_pushf(&s->env, "%s=%s", entry, own);
	}
}

static void make_exec_id(char ret[ENGINE_ID_SIZE])
{
	unsigned char random[(ENGINE_ID_SIZE - 1) / 2];

	if (getrandom(random, sizeof random, 0) != sizeof random)
		abort(); /* the kernel has no such failure once it has booted */
	for (size_t i = 0; i < sizeof random; i++)
		snprintf(ret + 2 * i, 3, "%02x", random[i]);
}

/* What is other than in the container's own specification. */
static void describe(struct spec *s, const struct exec_config *cfg)
{
	const uint64_t all = cfg->privileged ? posture_caps_all() : 0;
	char exec_id[ENGINE_ID_SIZE];

	make_exec_id(exec_id);
	strv_extend(&s->args, cfg->args.v);
	set_environment(s, cfg);
	s->cwd = cfg->workdir ? xstrdup(cfg->workdir) : NULL;
	s->user = cfg->user ? xstrdup(cfg->user) : NULL;
	s->tty = cfg->tty;
	s->stdin_open = cfg->stdin_open;
	s->console_rows = cfg->console_rows;
	s->console_columns = cfg->console_columns;
	/* as Docker: the filter, no_new_privs and labels stay those of the container */
	s->caps = (struct spec_caps){ all, all, all, 0, 0 };
	strv_pushf(&s->annotations, "execID=%s", exec_id);
}

static int make_request(const struct exec_config *cfg, int *ret, struct err *e)
{
	auto_spec s = { 0 };
	auto_str data = STR_INIT(SPEC_MAX);
	auto_close int fd = memfd_create("exec", MFD_CLOEXEC);

	describe(&s, cfg);
	spec_encode(&s, &data);
	if (data.overflow)
		return err_set(e, E2BIG, "the command and its environment are too long");
	if (fd < 0 || fs_write_all(fd, data.data, data.len) < 0)
		return err_errno(e, "cannot hand the command over");
	*ret = take_fd(&fd);
	return 0;
}

static int send_request(int monitor, int session, int request, struct err *e)
{
	const struct frame frame = { FRAME_EXEC, 0 };
	const int fds[2] = { session, request };
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof fds)];
	} control = { .header = { .cmsg_len = CMSG_LEN(sizeof fds),
			      .cmsg_level = SOL_SOCKET,
			      .cmsg_type = SCM_RIGHTS } };
	struct iovec iov = { (void *)&frame, sizeof frame };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof control };

	memcpy(CMSG_DATA(&control.header), fds, sizeof fds);
	while (sendmsg(monitor, &msg, MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			return err_errno(e, "cannot speak to the container's monitor");
	return 0;
}

/* What begins takes a moment; a monitor that says nothing for so long (seconds) was stopped. */
#define ANSWER_WAIT 10

/* Says which process does not answer. */
static int no_answer(int monitor, struct err *e)
{
	struct ucred owner = { 0 };
	socklen_t len = sizeof owner;

	(void)getsockopt(monitor, SOL_SOCKET, SO_PEERCRED, &owner, &len);
	err_set(e, ETIMEDOUT, "the container's monitor, process %d, does not answer", owner.pid);
	return err_hint(e,
		"kill -CONT %d if it was stopped, else kill -KILL %d: another takes over",
		owner.pid, owner.pid);
}

static void set_patience(int session, time_t seconds)
{
	const struct timeval limit = { .tv_sec = seconds };

	(void)setsockopt(session, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
}

/* *ret_asked: the monitor may have begun. */
static int ask(struct local *l, const char *id, int request, bool *ret_asked, int *ret_session,
	int *ret_exec_status, struct err *e)
{
	auto_close int monitor = monitor_connect(l, id, e), session = -1, theirs = -1;
	int pair[2];
	char nothing;

	*ret_asked = false;
	if (monitor < 0)
		return monitor;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_errno(e, "cannot make a socket");
	session = pair[0];
	theirs = pair[1];
	if (send_request(monitor, theirs, request, e) < 0)
		return -e->code;
	*ret_asked = true;
	close_fd(&theirs); /* its end shows that nobody has taken it, or that it died */
	set_patience(session, ANSWER_WAIT);
	if (monitor_hear_started(l, session, ret_exec_status, e) < 0) {
		if (e->code == ETIMEDOUT)
			return no_answer(monitor, e);
		/* unix_release_sock(): so a socket ends that has something unread */
		*ret_asked = recv(monitor, &nothing, sizeof nothing, MSG_DONTWAIT) >= 0 ||
			     errno != ECONNRESET;
		return -e->code;
	}
	set_patience(session, 0);
	*ret_session = take_fd(&session);
	return 0;
}

/* Repairs what a crash has left; says why nothing can be executed, if there is a reason. */
static int look(struct local *l, const char *id, struct err *e)
{
	auto_container c = { 0 };
	struct local_status status;

	if (container_load(l, id, &c, e) < 0 || local_status(l, &c, &status, e) < 0)
		return -e->code;
	return refuse(&c, &status, e);
}

/* A command that froze it for a moment may have died (F29): the monitor, which knows no commands,
 * would wait for the thaw. */
static bool may_be_frozen(struct local *l, const char *id)
{
	auto_free char *path = xasprintf("%s/freezing", id);

	return faccessat(l->dirs.run, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int local_exec(struct engine *en, const char *id, const struct exec_config *cfg,
	struct session **ret_session, int *ret_exec_status, struct err *e)
{
	struct local *l = local_of(en);
	auto_close int request = -1, session = -1;
	struct err why = { 0 };
	bool asked;
	int r;

	*ret_exec_status = 125;
	if (cfg->args.n == 0)
		return err_set(e, EINVAL, "there is no command to run");
	if (cfg->workdir && cfg->workdir[0] != '/')
		return err_set(
			e, EINVAL, "the working directory '%s' is no absolute path", cfg->workdir);
	if (make_request(cfg, &request, e) < 0 || (may_be_frozen(l, id) && look(l, id, e) < 0))
		return -e->code;
	/* the monitor knows whether the container runs; only if that fails it is worth a look */
	r = ask(l, id, request, &asked, &session, ret_exec_status, e);
	if (r == -ETIMEDOUT)
		return r;
	if (r < 0 && *ret_exec_status == 125 && look(l, id, &why) < 0) {
		*e = why;
		return -e->code;
	}
	if (r < 0 && !asked) { /* its monitor has died, and has a successor now */
		err_clear(e);
		r = ask(l, id, request, &asked, &session, ret_exec_status, e);
	}
	if (r == -EIO && asked)
		return err_hint(e, "redock restart, if another version of redock has started it");
	if (r < 0)
		return r;
	*ret_exec_status = 0;
	if (ret_session)
		*ret_session = local_session_new(take_fd(&session));
	return 0;
}
