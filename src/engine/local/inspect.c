/* Looks at containers: inspect, list, wait, kill, the end of the log, the number of changes. */
#include "base/mem.h"
#include "base/proc.h"
#include "base/time.h"
#include "engine/local/local.h"
#include "engine/local/mounts.h"
#include "engine/local/options.h"
#include "engine/local/protocol.h"
#include "engine/local/seen.h"
#include "runtime/cgroup.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

static char *join_command(const struct container *c)
{
	auto_str text = STR_INIT(4096);

	for (size_t i = 0; i < c->config.entrypoint.n; i++)
		str_addf(&text, "%s%s", text.len ? " " : "", c->config.entrypoint.v[i]);
	for (size_t i = 0; i < c->config.cmd.n; i++)
		str_addf(&text, "%s%s", text.len ? " " : "", c->config.cmd.v[i]);
	return str_take(&text);
}

/* Docker's word for one that has ended, whatever its last probe said: unhealthy. */
static enum health_status health_of(
	const struct health_config *h, const struct local_status *s, bool runs)
{
	if (runs)
		return (enum health_status)s->run.health;
	return h->test.n > 1 && s->last.started ? HEALTH_UNHEALTHY : HEALTH_NONE;
}

/* The configuration moves to `ret`: a listing of hundreds has no time for copies. */
static int describe(struct local *l, struct container *c, const struct local_status *s,
	struct container_info *ret, struct err *e)
{
	bool runs = s->state == CONTAINER_RUNNING || s->state == CONTAINER_PAUSED;

	memset(ret, 0, sizeof *ret);
	memcpy(ret->id, c->id, sizeof ret->id);
	ret->image_id = take_ptr(&c->image_id);
	ret->command = join_command(c);
	mounts_describe(l, c, ret);
	ret->state = s->state;
	ret->ready = runs && s->run.ready;
	ret->oom_killed = !runs && s->last.oom_killed;
	ret->oom_kills = runs ? 0 : s->last.oom_kills;
	ret->error = !runs && *s->last.error ? xstrdup(s->last.error) : NULL;
	ret->restart_count =
		runs || s->state == CONTAINER_RESTARTING ? s->run.restarts : s->last.restarts;
	ret->health = health_of(&c->config.health, s, runs);
	ret->failing_streak = runs ? s->run.failing : 0;
	ret->exit_code = runs ? 0 : s->last.exit_code;
	ret->pid = runs ? s->run.pid : 0;
	ret->created = c->created;
	ret->started = runs ? s->run.started : s->last.started;
	ret->finished = runs ? 0 : s->last.finished;
	if (!c->config.log_driver || str_eq(c->config.log_driver, "json-file"))
		ret->log_path = xasprintf("%s/containers/%s/log", l->root, c->id);
	if (local_network_info(l, c, runs ? &s->run : NULL, ret, e) < 0) {
		container_info_release(ret);
		return -e->code;
	}
	ret->config = c->config;
	c->config = (struct container_config){ 0 };
	return 0;
}

/* The last runs of its health check, as its monitor has written them down. */
static void read_probes(struct local *l, struct container_info *c)
{
	auto_free char *path = xasprintf("%s/health", c->id);
	auto_json *j = NULL;
	struct err ignored;
	json_t *log, *entry;
	size_t i;

	if (c->health == HEALTH_NONE ||
		json_read_file(l->dirs.run, path, 1 << 20, &j, &ignored) < 0)
		return;
	log = json_object_get(j, "Log");
	c->probes = xcalloc(json_array_size(log) + 1, sizeof *c->probes);
	json_array_foreach(log, i, entry)
	{
		c->probes[c->n_probes++] = (struct health_probe){
			.started = json_int(entry, "Start", 0),
			.finished = json_int(entry, "End", 0),
			.exit_code = (int)json_int(entry, "ExitCode", -1),
			.output = xstrdup(json_str(entry, "Output", "")),
		};
	}
}

/* Its monitor died while it waited for its next attempt: whoever looks makes that. */
static int take_up_again(
	struct local *l, const struct container *c, struct local_status *status, struct err *e)
{
	struct err failed = { 0 };

	if (local_start_again(l, c, &failed) < 0)
		engine_say_to(&l->engine, ENGINE_WARNING, "cannot start '%s' again: %s",
			c->config.machine ? c->config.machine : c->config.name, failed.text);
	return local_status(l, c, status, e);
}

static int inspect_id(struct local *l, const char *id, struct container_info *ret, struct err *e)
{
	auto_container c = { 0 };
	struct local_status status;

	if (container_load(l, id, &c, e) < 0 || local_status(l, &c, &status, e) < 0 ||
		(status.forgotten && take_up_again(l, &c, &status, e) < 0))
		return -e->code;
	return describe(l, &c, &status, ret, e);
}

int local_inspect(struct engine *en, const char *name, struct container_info *ret, struct err *e)
{
	struct local *l = local_of(en);
	char id[ENGINE_ID_SIZE];
	int r = local_resolve(l, name, id, e);

	if (r == 0)
		r = inspect_id(l, id, ret, e);
	if (r < 0)
		return r;
	read_probes(l, ret);
	/* the default is a limit like any other */
	ret->config.resources.pids_limit = resources_pids(&ret->config.resources);
	return 0;
}

int local_inspect_machine(
	struct engine *en, const char *machine, struct container_info *ret, struct err *e)
{
	int r = strchr(machine, ':') ? local_inspect(en, machine, ret, e) : -ENOENT;

	if (r == -ENOENT)
		err_set(e, ENOENT, "no machine named '%s'", machine);
	return r;
}

static int newest_first(const void *a, const void *b)
{
	const struct container_info *x = a, *y = b;

	return x->created < y->created ? 1 : x->created > y->created ? -1 : strcmp(x->id, y->id);
}

/* Those that are whole; the others are named, as a crash of one is none of theirs. */
static int inspect_all(struct local *l, const struct strv *ids, bool all,
	struct container_list *list, struct err *e)
{
	list->v = xcalloc(ids->n, sizeof *list->v);
	for (size_t i = 0; i < ids->n; i++) {
		struct container_info *c = &list->v[list->n];
		int r;
		if (l->seen)
			seen_next(l->seen, ids->v[i]);
		r = inspect_id(l, ids->v[i], c, e);
		if (r == -ENOENT)
			continue; /* removed meanwhile */
		if (r == -EPROTO || r == -EINVAL) {
			engine_say_to(&l->engine, ENGINE_WARNING,
				"%s; to remove it: redock rm -f %.12s", e->text, ids->v[i]);
			continue;
		}
		if (r < 0)
			return r;
		list->n++;
		if (!all && (c->state == CONTAINER_CREATED || c->state == CONTAINER_EXITED)) {
			container_info_release(c);
			list->n--;
		}
	}
	return 0;
}

int local_list(struct engine *en, bool all, struct container_list *ret, struct err *e)
{
	struct local *l = local_of(en);
	auto_container_list list = { 0 };
	auto_strv ids = { 0 };
	int r = local_ids(l, &ids, e);

	if (r < 0)
		return r;
	l->seen = seen_begin(l, ids.n, time_now());
	r = inspect_all(l, &ids, all, &list, e);
	seen_end(l, take_ptr(&l->seen));
	if (r < 0)
		return r;
	if (list.n)
		qsort(list.v, list.n, sizeof *list.v, newest_first);
	*ret = list;
	list = (struct container_list){ 0 };
	return 0;
}

/* Frames until the wanted one; the container's end ends it in any case. */
static int listen_for(int fd, enum wait_for what, int timeout_ms, struct err *e)
{
	int64_t deadline = time_monotonic() + (int64_t)timeout_ms * 1000000;

	for (;;) {
		struct {
			struct frame header;
			int32_t code;
		} m;
		struct pollfd p = { fd, POLLIN, 0 };
		int64_t left = (deadline - time_monotonic() + 999999) / 1000000;
		int r = poll(&p, 1, timeout_ms < 0 ? -1 : left > 0 ? (int)left : 0);

		if (r < 0 && errno == EINTR)
			continue;
		if (r == 0)
			return err_set(e, ETIMEDOUT, "it took longer than %d.%03d s",
				timeout_ms / 1000, timeout_ms % 1000);
		if (recv(fd, &m, sizeof m, 0) < (ssize_t)sizeof m.header)
			return err_set(e, ECONNRESET, "the container's monitor is gone");
		if (m.header.type == FRAME_READY && what == WAIT_READY)
			return 0;
		if (m.header.type == FRAME_EXIT)
			return what == WAIT_EXIT
				       ? m.code
				       : err_set(e, ESRCH, "it exited with status %d", m.code);
	}
}

static bool goes_on(const struct container_info *c)
{
	return c->state == CONTAINER_RUNNING || c->state == CONTAINER_PAUSED ||
	       c->state == CONTAINER_RESTARTING;
}

int local_wait(struct engine *en, const char *id, enum wait_for what, int timeout_ms, struct err *e)
{
	struct local *l = local_of(en);
	auto_container_info c = { 0 };
	int64_t deadline = time_monotonic() + (int64_t)timeout_ms * 1000000;
	int r = inspect_id(l, id, &c, e);

	/* each time that the monitor hangs up something has happened: it ended, or its monitor did,
	 * or it was started again just now; what is true afterwards is on disk */
	while (r == 0 && goes_on(&c)) {
		int64_t left = (deadline - time_monotonic()) / 1000000;
		auto_close int fd = -1;
		if (c.ready && what == WAIT_READY)
			return 0;
		fd = monitor_watch(l, id, e);
		if (fd >= 0)
			r = listen_for(fd, what, timeout_ms < 0 ? -1 : left > 0 ? (int)left : 0, e);
		if (fd >= 0 && r != -ECONNRESET)
			return r;
		container_info_release(&c);
		r = inspect_id(l, id, &c, e);
	}
	if (r < 0)
		return r;
	if (c.state == CONTAINER_EXITED)
		return what == WAIT_EXIT
			       ? c.exit_code
			       : err_set(e, ESRCH, "it exited with status %d", c.exit_code);
	return err_set(e, ESRCH, "container '%s' does not run", c.config.name);
}

int local_count_changes(
	struct engine *en, const char *id, int64_t since, uint64_t *ret, struct err *e)
{
	struct local *l = local_of(en);
	auto_free char *path = xasprintf("%s/upper", id);
	auto_close int upper =
		openat(l->dirs.containers, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (upper < 0)
		return err_errno(e, "cannot read the changes of container '%.12s'", id);
	return store_count_changes(upper, since, ret, e);
}
