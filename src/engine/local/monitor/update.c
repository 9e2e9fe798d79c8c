/* The file `spec` says something else now: `redock update` and `redock rename` write it. */
#include "base/mem.h"
#include "engine/local/monitor/monitor.h"

#include <fcntl.h>

static void move_text(char **to, char **from)
{
	free(*to);
	*to = take_ptr(from);
}

void monitor_update(struct monitor *m)
{
	auto_close int fd = openat(m->run, "spec", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	auto_spec s = { 0 };
	struct cgroup_resources old = m->spec.resources;
	struct err ignored;

	if (fd < 0 || monitor_read_spec(fd, spec_decode, &s, &ignored) < 0 || !s.name)
		return; /* what was said before still holds */
	move_text(&m->spec.name, &s.name);
	m->spec.resources = s.resources; /* for the next start: this one has its limits already */
	s.resources = old;
	m->spec.restart = s.restart;
	m->spec.restart_max = s.restart_max;
	m->life.policy = (enum policy_kind)s.restart;
	m->life.max = s.restart_max;
	if (m->life.state == LIFE_RUNNING)
		monitor_look_at_memory(m);
}
