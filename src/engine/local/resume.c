/* After a boot: starts the containers whose restart policy wants it. */
#include "base/mem.h"
#include "engine/local/local.h"
#include "engine/local/monitor/policy.h"

#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>

#define AT_ONCE 4 /* starts side by side: a boot has other things to do */

struct waiting {
	char id[ENGINE_ID_SIZE];
	char *name;
	int64_t created;
	bool depends; /* on another container, which has to run first */
};

struct wanted {
	struct waiting *v;
	size_t n;
};

static void wanted_release(struct wanted *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->v[i].name);
	free(w->v);
}
#define auto_wanted __attribute__((cleanup(wanted_release))) struct wanted

static bool names_container(const char *mode)
{
	return mode && str_starts(mode, "container:");
}

static bool depends(const struct container_config *c)
{
	return names_container(c->network) || names_container(c->pid_mode) ||
	       names_container(c->ipc_mode) || c->links.n || c->volumes_from.n;
}

/* One that was never started is not waiting to be. */
static bool is_wanted(struct local *l, const struct container *c)
{
	auto_free char *stopped = xasprintf("%s/stopped", c->id);
	struct local_status s;
	struct err ignored;

	return c->config.restart != RESTART_NO && local_status(l, c, &s, &ignored) == 0 &&
	       s.state == CONTAINER_EXITED &&
	       policy_wants_after_boot((enum policy_kind)c->config.restart,
		       faccessat(l->dirs.containers, stopped, F_OK, AT_SYMLINK_NOFOLLOW) == 0,
		       s.last.exit_code);
}

static int oldest_first(const void *a, const void *b)
{
	const struct waiting *x = a, *y = b;

	if (x->depends != y->depends)
		return x->depends ? 1 : -1;
	return x->created > y->created ? 1 : x->created < y->created ? -1 : 0;
}

static int find_wanted(struct local *l, struct wanted *ret, struct err *e)
{
	auto_strv ids = { 0 };
	struct err damaged;

	if (local_ids(l, &ids, e) < 0)
		return -e->code;
	ret->v = xcalloc(ids.n + 1, sizeof *ret->v);
	for (size_t i = 0; i < ids.n; i++) {
		auto_container c = { 0 };
		struct waiting *w = &ret->v[ret->n];
		if (container_load(l, ids.v[i], &c, &damaged) < 0 || !is_wanted(l, &c))
			continue;
		memcpy(w->id, c.id, sizeof w->id);
		w->name = xstrdup(c.config.machine ? c.config.machine : c.config.name);
		w->created = c.created;
		w->depends = depends(&c.config);
		ret->n++;
	}
	if (ret->n)
		qsort(ret->v, ret->n, sizeof *ret->v, oldest_first);
	return 0;
}

/* A start in a process of its own, with an engine of its own: sockets and locks are not shared. */
static pid_t start_one(struct local *l, const struct waiting *w, int report)
{
	const struct engine_options options = { l->root, l->run_root, l->bridge, l->subnet,
		l->engine.say, l->engine.say_arg };
	struct err e = { 0 };
	auto_engine *en = NULL;
	pid_t pid = fork();
	int status, r;

	if (pid != 0)
		return pid;
	r = engine_open("local:", &options, &en, &e);
	if (r == 0)
		r = engine_start(en, w->id, NULL, &status, &e);
	if (r < 0 && r != -EALREADY) {
		err_wrap(&e, "cannot start '%s'", w->name);
		engine_say_to(&l->engine, 0, "%s", e.text);
		/* one write: the first of them is what the caller gets */
		if (write(report, &e, sizeof e) < 0)
			_exit(2);
		_exit(1);
	}
	_exit(0);
}

static void await_one(size_t *running)
{
	pid_t pid;

	do
		pid = waitpid(-1, NULL, 0);
	while (pid < 0 && errno == EINTR);
	*running = pid < 0 ? 0 : *running - 1;
}

int local_resume(struct engine *en, struct err *e)
{
	struct local *l = local_of(en);
	auto_wanted wanted = { 0 };
	auto_close int report_in = -1, report_out = -1;
	struct err first = { 0 };
	size_t running = 0;
	int fds[2];

	if (find_wanted(l, &wanted, e) < 0)
		return -e->code;
	/* not blocking: a report of which nobody takes the end is no reason to hang */
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_errno(e, "cannot make a pipe");
	report_in = fds[0];
	report_out = fds[1];
	for (size_t i = 0; i < wanted.n; i++) {
		/* those that depend on others: one after the other, when the others run */
		while (running && (running == AT_ONCE || wanted.v[i].depends))
			await_one(&running);
		if (start_one(l, &wanted.v[i], report_out) > 0)
			running++;
		else
			engine_say_to(en, 0, "cannot start '%s': no process can be made",
				wanted.v[i].name);
	}
	while (running)
		await_one(&running);
	if (read(report_in, &first, sizeof first) == sizeof first) {
		*e = first;
		return -e->code;
	}
	return 0;
}
