/* Limits and restart policy of a container that exists, running or not. */
#include "base/mem.h"
#include "engine/local/local.h"
#include "engine/local/options.h"
#include "engine/local/protocol.h"
#include "runtime/cgroup.h"
#include "runtime/spec.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#define SPEC_MAX ((size_t)16 << 20)

static int read_spec(int run_dir, struct spec *ret, struct err *e)
{
	auto_free char *data = NULL;
	size_t len;
	int r = fs_read_file(run_dir, "spec", SPEC_MAX, &data, &len, e);

	return r < 0 ? r : spec_decode(data, len, ret, e);
}

static int write_spec(int run_dir, const struct spec *s, struct err *e)
{
	auto_str data = STR_INIT(SPEC_MAX);

	spec_encode(s, &data);
	return data.overflow
		       ? err_set(e, E2BIG, "the container's specification is too long")
		       : fs_write_file(run_dir, "spec", data.data, data.len, 0600, FS_VOLATILE, e);
}

int local_tell_update(struct local *l, const struct container *c, struct err *e)
{
	const struct frame update = { FRAME_UPDATE, 0 };
	auto_close int run_dir = fs_open_dir(l->dirs.run, c->id, e), fd = -1;
	auto_spec s = { 0 };
	struct err ignored;

	if (run_dir < 0)
		return run_dir == -ENOENT ? 0 : run_dir;
	if (read_spec(run_dir, &s, &ignored) < 0)
		return 0; /* it has never been started */
	free(s.name);
	s.name = xstrdup(c->config.name);
	free(take_ptr(&s.resources.cpuset_cpus));
	free(take_ptr(&s.resources.cpuset_mems));
	resources_to_cgroup(&c->config.resources, true, &s.resources);
	local_set_supervision(&c->config, &s);
	if (write_spec(run_dir, &s, e) < 0)
		return -e->code;
	fd = monitor_watch(l, c->id, &ignored);
	/* one that is gone has nothing to be told; its successor reads the file */
	if (fd >= 0 && send(fd, &update, sizeof update, MSG_NOSIGNAL) < 0)
		return 0;
	return 0;
}

static void set_number(int64_t *member, int64_t value)
{
	if (value)
		*member = value;
}

static void set_text(char **member, const char *value)
{
	if (!value)
		return;
	free(*member);
	*member = xstrdup(value);
}

static void merge(struct resources *r, const struct resources *with)
{
	set_number(&r->memory, with->memory);
	set_number(&r->memory_swap, with->memory_swap);
	set_number(&r->memory_reservation, with->memory_reservation);
	/* the two ways to say it exclude each other: the new one replaces the old */
	if (with->nano_cpus && !with->cpu_quota && !with->cpu_period)
		r->cpu_quota = r->cpu_period = 0;
	if ((with->cpu_quota || with->cpu_period) && !with->nano_cpus)
		r->nano_cpus = 0;
	set_number(&r->nano_cpus, with->nano_cpus);
	set_number(&r->cpu_shares, with->cpu_shares);
	set_number(&r->cpu_period, with->cpu_period);
	set_number(&r->cpu_quota, with->cpu_quota);
	set_number(&r->pids_limit, with->pids_limit);
	set_number(&r->blkio_weight, with->blkio_weight);
	set_text(&r->cpuset_cpus, with->cpuset_cpus);
	set_text(&r->cpuset_mems, with->cpuset_mems);
}

static int check_policy(
	const struct container_config *c, const struct update_config *u, struct err *e)
{
	if (!u->set_restart)
		return 0;
	if (c->auto_remove && u->restart != RESTART_NO) {
		err_set(e, EINVAL, "container '%s' is removed when it ends: it cannot be restarted",
			c->name);
		return err_hint(e, "make it without --rm");
	}
	if (u->restart_max < 0 || (u->restart_max && u->restart != RESTART_ON_FAILURE))
		return err_set(e, EINVAL, "restart policy '%s' counts no restarts",
			restart_policy_text(u->restart));
	return 0;
}

/* What changes in the control group of one that runs: swap follows memory, unless it was said. */
static int update_group(struct local *l, const struct container *c, const struct resources *from,
	const struct resources *to, struct err *e)
{
	auto_free char *cgroup = local_cgroup(l, c->id);
	struct cgroup_resources all = CGROUP_RESOURCES_INIT, change = CGROUP_RESOURCES_INIT;
	int r;

	resources_to_cgroup(to, true, &all);
	resources_to_cgroup(from, false, &change);
	if (change.memory)
		change.memory_swap = all.memory_swap;
	r = cgroup_update(cgroup, &change, e);
	cgroup_resources_release(&all);
	cgroup_resources_release(&change);
	return r;
}

static bool changes_limits(const struct resources *r)
{
	return r->memory || r->memory_swap || r->memory_reservation || r->nano_cpus ||
	       r->cpu_shares || r->cpu_period || r->cpu_quota || r->cpuset_cpus || r->cpuset_mems ||
	       r->pids_limit || r->blkio_weight;
}

int local_update(struct engine *en, const char *id, const struct update_config *u, struct err *e)
{
	struct local *l = local_of(en);
	auto_container c = { 0 };
	auto_container_config before = { 0 };
	auto_close int run_dir = local_run_dir(l, id, e), lock = -1, dir = -1;
	enum fs_durability durability;
	struct local_status s;
	int r;

	if (run_dir < 0 || (lock = fs_lock(run_dir, "lock", -1, e)) < 0 ||
		container_load(l, id, &c, e) < 0 || local_status(l, &c, &s, e) < 0 ||
		check_policy(&c.config, u, e) < 0 ||
		(dir = fs_open_dir(l->dirs.containers, id, e)) < 0)
		return -e->code;
	durability = c.config.auto_remove ? FS_VOLATILE : FS_DURABLE;
	container_config_copy(&c.config, &before);
	merge(&c.config.resources, &u->resources);
	if (resources_check(&c.config.resources, e) < 0)
		return -e->code;
	if (u->set_restart) {
		c.config.restart = u->restart;
		c.config.restart_max = u->restart_max;
	}
	/* written down first: a full disk changes nothing then */
	r = container_save(&c, dir, durability, e);
	if (r == 0 && (s.state == CONTAINER_RUNNING || s.state == CONTAINER_PAUSED) &&
		changes_limits(&u->resources))
		r = update_group(l, &c, &u->resources, &c.config.resources, e);
	if (r < 0) { /* what the kernel refuses is not so */
		struct err ignored;
		container_config_release(&c.config);
		c.config = before;
		before = (struct container_config){ 0 };
		container_save(&c, dir, durability, &ignored);
		return err_wrap(e, "cannot update container '%s'", c.config.name);
	}
	r = local_tell_update(l, &c, e);
	if (r == 0)
		local_container_event(l, &c, "update", NULL);
	return r;
}
