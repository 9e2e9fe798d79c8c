/* Starts a container: its specification, its network, and then a monitor that does the rest. */
#include "base/mem.h"
#include "engine/local/endpoints.h"
#include "engine/local/local.h"
#include "engine/local/protocol.h"
#include "runtime/spec.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>

/* The directories and files that redock mounts on, as the topmost read-only layer: an image cannot
 * lack them or replace them by links (T06 to T08), and no mount point is left in what is committed.
 */
int local_make_skeleton(struct local *l, struct err *e)
{
	static const char *const dirs[] = { "dev", "proc", "sys", "etc", "run" };
	static const char *const files[] = { "etc/hosts", "etc/hostname", "etc/resolv.conf" };
	auto_close int dir = -1, lock = -1;

	if (faccessat(l->dirs.root, "skeleton", F_OK, 0) == 0)
		return 0;
	lock = fs_lock(l->run, "skeleton.lock", -1, e);
	if (lock < 0 || fs_remove_tree(l->dirs.root, "skeleton.new", e) < 0)
		return -e->code;
	dir = fs_open_dir_make(l->dirs.root, "skeleton.new", 0755, e);
	for (size_t i = 0; dir >= 0 && i < ARRAY_SIZE(dirs); i++)
		if (mkdirat(dir, dirs[i], 0755) < 0)
			return err_errno(e, "cannot make '%s'", dirs[i]);
	for (size_t i = 0; dir >= 0 && i < ARRAY_SIZE(files); i++)
		if (fs_write_file(dir, files[i], "", 0, 0644, FS_VOLATILE, e) < 0)
			return -e->code;
	if (dir < 0)
		return -e->code;
	/* before the rename, which says that all of it is there */
	if (mkdirat(l->dirs.root, "mnt", 0700) < 0 && errno != EEXIST)
		return err_errno(e, "cannot make '%s/mnt'", l->root);
	if (renameat(l->dirs.root, "skeleton.new", l->dirs.root, "skeleton") < 0 &&
		errno != EEXIST && errno != ENOTEMPTY)
		return err_errno(e, "cannot make '%s/skeleton'", l->root);
	return 0;
}

/* A new network namespace; ours is the same again afterwards. */
static int new_netns(int *ret, struct err *e)
{
	auto_close int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), fd = -1;

	if (own < 0 || unshare(CLONE_NEWNET) < 0)
		return err_errno(e, "cannot make a network namespace");
	fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (setns(own, CLONE_NEWNET) < 0)
		abort(); /* going on would touch the wrong network */
	if (fd < 0)
		return err_errno(e, "cannot open a network namespace");
	*ret = take_fd(&fd);
	return 0;
}

/* What a start has made so far; given back if it fails before the monitor has taken charge. */
struct start {
	struct local *l;
	struct container c;
	struct spec spec;
	struct container_net net;
	bool spawned; /* cleaning up is the monitor's business */
	bool again;   /* by its policy */
	int run_dir, alive, spec_fd, client;
};

static void start_release(struct start *s, bool failed)
{
	struct err ignored;

	container_net_release(s->l, &s->c, &s->net, !s->spawned);
	if (failed && s->alive >= 0 && !s->spawned && s->c.config.auto_remove)
		container_remove_files(
			&s->l->dirs, s->c.id, s->c.config.name, s->c.config.machine, &ignored);
	close_fd(&s->run_dir);
	close_fd(&s->alive);
	close_fd(&s->spec_fd);
	close_fd(&s->client);
	spec_release(&s->spec);
	container_release(&s->c);
}

static int write_spec(struct start *s, struct err *e)
{
	auto_str data = STR_INIT(16 << 20);

	spec_encode(&s->spec, &data);
	if (data.overflow)
		return err_set(e, E2BIG, "the container's command and environment are too long");
	if (fs_write_file(s->run_dir, "spec", data.data, data.len, 0600, FS_VOLATILE, e) < 0)
		return -e->code;
	s->spec_fd = openat(s->run_dir, "spec", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return s->spec_fd < 0 ? err_errno(e, "cannot read the container's specification") : 0;
}

static int spawn(struct start *s, struct err *e)
{
	int pair[2], r;
	const char *shown = s->c.config.machine ? s->c.config.machine : s->c.config.name;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_errno(e, "cannot make a socket");
	s->client = pair[0];
	r = monitor_start(s->l, "start", shown, pair[1], s->spec_fd, s->alive, &s->net.reserved, e);
	close(pair[1]);
	return r;
}

/* The network, while the monitor makes the rest; then GO. */
static int connect_and_go(struct start *s, struct err *e)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct frame frame = { FRAME_GO, 0 };
	struct iovec iov = { &frame, sizeof frame };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	auto_close int netns = -1;

	if (s->spec.network == SPEC_NETWORK_PREPARED) {
		int r = 0;
		if (s->net.shared_netns >= 0)
			netns = take_fd(&s->net.shared_netns);
		else if ((r = new_netns(&netns, e)) == 0)
			r = container_net_attach(s->l, &s->c, &s->net, netns, e);
		if (r < 0)
			return r;
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(sizeof(int));
		control.header = (struct cmsghdr){ CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
		memcpy(CMSG_DATA(&control.header), &netns, sizeof(int));
	}
	if (sendmsg(s->client, &msg, MSG_NOSIGNAL) < 0 && errno != EPIPE)
		return err_errno(e, "cannot speak to the monitor");
	return 0; /* EPIPE: it has said why, and is gone */
}

int monitor_hear_started(struct local *l, int client, int *ret_exec_status, struct err *e)
{
	struct {
		struct frame header;
		union {
			struct frame_failed failed;
			char text[FRAME_TEXT_MAX];
		};
	} m;
	ssize_t n;

	for (;;) {
		n = recv(client, &m, sizeof m, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < (ssize_t)sizeof m.header || m.header.type != FRAME_WARNING)
			break;
		engine_say_to(
			&l->engine, ENGINE_WARNING, "%.*s", (int)(n - sizeof m.header), m.text);
	}
	if (n == sizeof m.header && m.header.type == FRAME_STARTED)
		return 0;
	if (n < 0 && errno == EAGAIN) /* the caller has set SO_RCVTIMEO */
		return err_set(e, ETIMEDOUT, "the container's monitor does not answer");
	if (n != sizeof m || m.header.type != FRAME_FAILED) {
		err_set(e, EIO, "the container's monitor died while it was started");
		return -EIO;
	}
	*ret_exec_status = m.failed.exec_status;
	err_set(e, m.failed.code > 0 ? m.failed.code : EIO, "%.767s", m.failed.text);
	if (*m.failed.hint)
		err_hint(e, "%.383s", m.failed.hint);
	return -e->code;
}

/* Taken before anything is claimed: by it others see that the claims are somebody's. */
static int lock_alive(struct start *s, struct err *e)
{
	/* not LOCK_NB: who only looks whether somebody has it, has it for a moment himself */
	s->alive = fs_lock(s->run_dir, "alive", 2000, e);
	if (s->alive == -ETIMEDOUT)
		return err_set(e, EALREADY, "container '%s' is already running", s->c.config.name);
	return s->alive < 0 ? s->alive : 0;
}

/* By its policy: unless a person has stopped it. */
static int check_policy(struct start *s, const struct local_status *status, struct err *e)
{
	auto_free char *stopped = xasprintf("%s/stopped", s->c.id);

	if (!s->again)
		return local_begin_policy(s->l, &s->c, e);
	if (!status->forgotten ||
		faccessat(s->l->dirs.containers, stopped, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return err_set(e, ECANCELED, "container '%s' was stopped", s->c.config.name);
	return 0;
}

static int prepare(struct start *s, const char *id, struct err *e)
{
	struct local_status status;
	int r = container_load(s->l, id, &s->c, e);

	if (r == 0)
		r = local_status(s->l, &s->c, &status, e);
	if (r == 0 && status.state != CONTAINER_CREATED && status.state != CONTAINER_EXITED)
		r = err_set(e, EALREADY, "container '%s' is already running", s->c.config.name);
	if (r == 0)
		r = lock_alive(s, e);
	if (r == 0)
		r = check_policy(s, &status, e);
	if (r == 0 && status.forgotten)
		r = local_end_wait(s->l, &s->c, &status.run, e);
	if (r == 0)
		r = local_build_spec(s->l, &s->c, &s->spec, e);
	if (s->again)
		s->spec.restarts = (int64_t)status.run.restarts + 1;
	if (r == 0)
		r = container_net_claim(s->l, &s->c, &s->spec, s->run_dir, &s->net, e);
	if (r == 0)
		r = etc_write(s->l, &s->c, &s->net, &s->spec, e);
	if (r == 0)
		r = write_spec(s, e);
	return r;
}

static int start(struct local *l, const char *id, bool again, struct session **ret_session,
	int *ret_exec_status, struct err *e)
{
	struct start s = { .l = l,
		.again = again,
		.net = CONTAINER_NET_INIT,
		.run_dir = -1,
		.alive = -1,
		.spec_fd = -1,
		.client = -1 };
	auto_close int lock = -1;
	int r = local_make_skeleton(l, e);

	*ret_exec_status = 125;
	if (r == 0 && (s.run_dir = local_run_dir(l, id, e)) < 0)
		r = s.run_dir;
	if (r == 0 && (lock = fs_lock(s.run_dir, "lock", -1, e)) < 0)
		r = lock;
	if (r == 0)
		r = prepare(&s, id, e);
	if (r == 0)
		r = spawn(&s, e);
	if (r == 0) {
		close_fd(&s.alive); /* the monitor's from here on */
		s.spawned = true;
		r = connect_and_go(&s, e);
	}
	if (r == 0)
		r = monitor_hear_started(l, s.client, ret_exec_status, e);
	if (r == 0 && ret_session)
		*ret_session = local_session_new(take_fd(&s.client));
	start_release(&s, r < 0);
	close_fd(&lock); /* those that are linked have locks, too */
	if (r == 0)
		local_tell_linked(l, id);
	return r;
}

int local_start(struct engine *en, const char *id, struct session **ret_session,
	int *ret_exec_status, struct err *e)
{
	return start(local_of(en), id, false, ret_session, ret_exec_status, e);
}

int local_start_again(struct local *l, const struct container *c, struct err *e)
{
	auto_free char *stopped = xasprintf("%s/stopped", c->id);
	struct local_status s;
	int status, r = start(l, c->id, true, NULL, &status, e);

	if (r == -EALREADY || r == -ECANCELED) {
		err_clear(e);
		return 0;
	}
	/* whoever stopped it while it was made has found nothing to stop */
	if (r == 0 && faccessat(l->dirs.containers, stopped, F_OK, AT_SYMLINK_NOFOLLOW) == 0 &&
		(r = local_status(l, c, &s, e)) == 0 && s.state != CONTAINER_EXITED)
		r = local_end_now(l, c, &s, e);
	return r;
}
