/* What the monitor keeps true on disk. */
#include "base/fs.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/time.h"
#include "engine/local/journal.h"
#include "engine/local/monitor/monitor.h"
#include "runtime/cgroup.h"

#include <fcntl.h>
#include <string.h>

int monitor_write_state(struct monitor *m, struct err *e)
{
	m->state.restarting = m->life.state == LIFE_WAITING;
	m->state.restarts = m->life.restarts;
	return run_state_write(m->run, &m->state, e);
}

void monitor_events(struct monitor *m, const char *const *actions, const char *detail)
{
	auto_strv attributes = { 0 };
	auto_close int run = openat(m->dirs.run, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);

	strv_pushf(&attributes, "name=%s", m->spec.name);
	if (detail)
		strv_push(&attributes, detail);
	strv_extend(&attributes, m->spec.annotations.v);
	journal_add_all(run, "container", actions, m->spec.id, attributes.v);
}

void monitor_event(struct monitor *m, const char *action, const char *detail)
{
	monitor_events(m, (const char *const[]){ action, NULL }, detail);
}

static void write_last(struct monitor *m, struct last_state *last)
{
	struct err ignored;

	last->started = m->state.started;
	last->finished = time_now();
	last->restarts = m->life.restarts;
	last->memory_limit = m->spec.resources.memory > 0 ? m->spec.resources.memory : 0;
	if (!m->spec.auto_remove)
		last_state_write(m->dir, last, &ignored);
}

void monitor_record_end(struct monitor *m, int code)
{
	struct last_state last = { .exit_code = code };
	struct cgroup_stats stats = { 0 };
	struct err ignored;
	char detail[32];

	last.oom_killed = cgroup_oom_killed(m->spec.cgroup);
	if (last.oom_killed) {
		cgroup_stats(m->spec.cgroup, &stats, &ignored);
		last.oom_kills = stats.oom_kills ? stats.oom_kills : 1;
	}
	m->oom_kills = last.oom_kills;
	/* one that ended before we could look */
	if (last.oom_killed && m->oom_told == 0)
		monitor_event(m, "oom", NULL);
	cgroup_remove(m->spec.cgroup, &ignored);
	write_last(m, &last);
	snprintf(detail, sizeof detail, "exitCode=%d", code);
	monitor_event(m, "die", detail);
}

void monitor_record_failure(struct monitor *m, int status, const struct err *e)
{
	struct last_state last = { .exit_code = status };
	struct err ignored;

	cgroup_remove(m->spec.cgroup, &ignored);
	snprintf(last.error, sizeof last.error, "%.*s", (int)strcspn(e->text, "\n"), e->text);
	write_last(m, &last);
}

/* Only what is still ours: somebody may have given it on while this process was stopped. */
static void release_claims(const struct monitor *m)
{
	struct err ignored;

	for (size_t i = 0; i < m->spec.release.n; i++) {
		auto_free char *owner = NULL;
		const char *path = m->spec.release.v[i];
		if (fs_read_file(AT_FDCWD, path, 256, &owner, NULL, &ignored) == 0 &&
			str_eq(owner, m->spec.id))
			unlink(path);
	}
}

/* Published ports, names and networks beyond the default one: of them the kernel and a name server
 * know, and a program that can speak to both takes them back. */
static void release_network(struct monitor *m)
{
	struct err ignored;

	close_fd(&m->netns);
	/* "shared": another container has this one's namespace, which outlives it with the link */
	if (m->spec.network_release.n && (faccessat(m->run, "network", F_OK, 0) == 0 ||
						 faccessat(m->run, "shared", F_OK, 0) == 0))
		proc_run(m->spec.network_release.v, NULL, &ignored);
	ports_close(&m->ports);
}

void monitor_clean_up(struct monitor *m, bool ran)
{
	struct err ignored;

	if (!ran)
		cgroup_remove(m->spec.cgroup, &ignored);
	release_network(m);
	release_claims(m);
	if (m->spec.auto_remove) {
		container_hide_files(&m->dirs, m->spec.id, m->spec.name, m->spec.machine, &ignored);
		if (ran)
			monitor_event(m, "destroy", NULL);
		return;
	}
	if (!ran)
		unlinkat(m->dir, "exit", 0); /* or it would say that it had been started */
	unlinkat(m->run, "state", 0);
	unlinkat(m->run, "control", 0);
}
