/* Version 2: the one tree (the kernel's Documentation/admin-guide/cgroup-v2.rst). */
#include "base/mem.h"
#include "runtime/cgroup-tree.h"

#include <fcntl.h>

/* What a group of ours always has; more is handed down when a limit asks for it. */
static const char *const base_controllers[] = { "memory", "pids", "cpu", "io" };

static int cannot_on_v2(struct err *e, const char *what)
{
	return err_set(
		e, ENOTSUP, "cannot set %s: version 2 of control groups has no such thing", what);
}

/* cpu.shares (2..262144, usually 1024) to cpu.weight (1..10000, usually 100): the curve that runc
 * and crun have, 10^((l^2 + 125 l) / 612 - 7 / 34) with l = log2(shares), so that both usual values
 * meet. Exact at powers of two, straight in between. */
int64_t cg_weight_of_shares(int64_t shares)
{
	static const int16_t at_power[] = { 1, 1, 2, 3, 5, 8, 12, 21, 35, 59, 100, 174, 303, 532,
		942, 1681, 3023, 5478, 10000 };
	unsigned power = 1;

	if (shares <= 2)
		return 1;
	if (shares >= 262144)
		return 10000;
	while (INT64_C(2) << power <= shares)
		power++;
	return at_power[power] + (at_power[power + 1] - at_power[power]) *
					 (shares - (INT64_C(1) << power)) / (INT64_C(1) << power);
}

/* blkio.weight (10..1000) to io.weight (1..10000), as runc and crun do. */
int64_t cg_io_weight_of_blkio(int64_t weight)
{
	return weight <= 10 ? 1 : weight >= 1000 ? 10000 : 1 + (weight - 10) * 9999 / 990;
}

static int plan_memory(
	const char *path, const struct cgroup_resources *r, struct cg_plan *p, struct err *e)
{
	int64_t memory = r->memory;
	uint64_t now = 0;

	if (r->memory_swappiness >= 0)
		return cannot_on_v2(e, "the swappiness");
	if (r->memory_kernel_tcp)
		return cannot_on_v2(e, "the limit of TCP buffers");
	if (r->oom_kill_disable)
		return cannot_on_v2(e, "the OOM killer's absence");
	if (r->memory < 0)
		cg_plan_add(p, CG_MEMORY, "the memory limit", "memory.max", "max");
	else if (r->memory)
		cg_plan_add(p, CG_MEMORY, "the memory limit", "memory.max", "%lld",
			(long long)r->memory);
	if (r->memory_swap && !memory && cg_get_u64("", path, "memory.max", &now) == 0 &&
		now <= INT64_MAX)
		memory = (int64_t)now;
	/* version 2 counts swap alone */
	if (r->memory_swap < 0)
		cg_plan_add(p, CG_MEMORY, "the limit of swap", "memory.swap.max", "max");
	else if (r->memory_swap && (memory <= 0 || r->memory_swap < memory))
		return err_set(e, EINVAL,
			"cannot set the limit of memory and swap: it is less than that of memory "
			"alone, or there is none");
	else if (r->memory_swap)
		cg_plan_add(p, CG_MEMORY, "the limit of swap", "memory.swap.max", "%lld",
			(long long)(r->memory_swap - memory));
	if (r->memory_reservation)
		cg_plan_add(p, CG_MEMORY, "the memory reservation", "memory.low", "%lld",
			(long long)r->memory_reservation);
	return 0;
}

static int plan_cpu(
	const char *path, const struct cgroup_resources *r, struct cg_plan *p, struct err *e)
{
	int64_t quota = r->nano_cpus ? r->nano_cpus / 10000 : r->cpu_quota;
	int64_t period = r->nano_cpus ? 100000 : r->cpu_period;

	if (r->cpu_rt_period || r->cpu_rt_runtime)
		return cannot_on_v2(e, "the real-time share");
	if (r->cpu_shares)
		cg_plan_add(p, CG_CPU, "the CPU shares", "cpu.weight", "%lld",
			(long long)cg_weight_of_shares(r->cpu_shares));
	if (quota || period) {
		auto_free char *now = NULL;
		char text[64];
		if (!quota && cg_get("", path, "cpu.max", 64, &now) == 0)
			quota = (int64_t)strtoll(now, NULL, 10); /* 0: "max", or no such file yet */
		if (quota > 0)
			snprintf(text, sizeof text, "%lld", (long long)quota);
		else
			snprintf(text, sizeof text, "max");
		/* a quota alone leaves the period as it is */
		if (period)
			cg_plan_add(p, CG_CPU, "the CPU limit", "cpu.max", "%s %lld", text,
				(long long)period);
		else
			cg_plan_add(p, CG_CPU, "the CPU limit", "cpu.max", "%s", text);
		p->v[p->n - 1].next_first = r->cpu_burst != 0;
	}
	if (r->cpu_burst)
		cg_plan_add(p, CG_CPU, "the CPU burst", "cpu.max.burst", "%lld",
			(long long)r->cpu_burst);
	if (r->cpu_idle)
		cg_plan_add(
			p, CG_CPU, "the idle class", "cpu.idle", "%lld", (long long)r->cpu_idle);
	return 0;
}

/* BFQ has weights of its own where it is loaded; elsewhere there is io.weight, with iocost. */
static void plan_weight(const char *path, const struct cg_throttle *t, struct cg_plan *p)
{
	const char *device = t->major || t->minor ? "" : "default";
	auto_free char *numbers =
		*device ? xstrdup(device) : xasprintf("%u:%u", t->major, t->minor);
	bool bfq = cg_exists("", path, "io.bfq.weight");
	struct cg_setting *s = cg_plan_add(p, CG_BLKIO, "the block I/O weight",
		bfq ? "io.bfq.weight" : "io.weight", "%s %lld", numbers,
		(long long)(bfq ? (int64_t)t->value : cg_io_weight_of_blkio((int64_t)t->value)));

	s->absent = xasprintf("%s default", numbers);
	s->key = take_ptr(&numbers);
}

static int plan_block(
	const char *path, const struct cgroup_resources *r, struct cg_plan *p, struct err *e)
{
	static const char *const keys[] = {
		[CG_READ_BPS] = "rbps",
		[CG_WRITE_BPS] = "wbps",
		[CG_READ_IOPS] = "riops",
		[CG_WRITE_IOPS] = "wiops",
	};
	struct cg_setting *s;

	if (r->blkio_weight) {
		const struct cg_throttle t = { CG_WEIGHT, 0, 0, (uint64_t)r->blkio_weight };
		plan_weight(path, &t, p);
	}
	for (size_t i = 0; i < r->blkio_throttle.n; i++) {
		struct cg_throttle t;
		if (cg_throttle_parse(r->blkio_throttle.v[i], &t, e) < 0)
			return -e->code;
		if (t.kind == CG_WEIGHT) {
			plan_weight(path, &t, p);
			continue;
		}
		/* version 1 has 0 for no limit */
		s = t.value ? cg_plan_add(p, CG_BLKIO, "the block I/O limit", "io.max",
				      "%u:%u %s=%llu", t.major, t.minor, keys[t.kind],
				      (unsigned long long)t.value)
			    : cg_plan_add(p, CG_BLKIO, "the block I/O limit", "io.max",
				      "%u:%u %s=max", t.major, t.minor, keys[t.kind]);
		s->key = xasprintf("%u:%u", t.major, t.minor);
		s->absent =
			xasprintf("%u:%u rbps=max wbps=max riops=max wiops=max", t.major, t.minor);
	}
	return 0;
}

/* "memory.high=1000000": the part before the first "." is the controller. */
static int plan_unified(const char *entry, struct cg_plan *p, struct err *e)
{
	const char *eq = strchr(entry, '='), *dot = strchr(entry, '.');
	auto_free char *file = NULL, *lines = NULL;
	enum cg_controller c = CG_MEMORY;
	char *rest, *line;

	if (!eq || !dot || dot > eq || dot == entry || memchr(entry, '/', (size_t)(eq - entry)))
		return err_set(e, EINVAL, "'%.64s' is no limit of version 2, FILE=VALUE", entry);
	file = xstrndup(entry, (size_t)(eq - entry));
	while (c < CG_END && !(cg_v2_names[c] && strlen(cg_v2_names[c]) == (size_t)(dot - entry) &&
				     str_starts(entry, cg_v2_names[c])))
		c++;
	/* others, "rdma" for one, are not handed down by us: there, or not */
	if (c == CG_END)
		c = CG_DEVICES;
	rest = lines = xstrdup(eq + 1);
	while ((line = strsep(&rest, "\n")))
		if (*line)
			cg_plan_add(p, c, "a limit of version 2", file, "%s", line);
	return 0;
}

int cg_v2_plan(const char *path, const struct cgroup_resources *r, struct cg_plan *p, struct err *e)
{
	if (plan_memory(path, r, p, e) < 0 || plan_cpu(path, r, p, e) < 0)
		return -e->code;
	cg_plan_common(r, p);
	if (plan_block(path, r, p, e) < 0)
		return -e->code;
	if (cg_plan_hugetlb(r, "max", p, e) < 0)
		return -e->code;
	for (size_t i = 0; i < r->unified.n; i++)
		if (plan_unified(r->unified.v[i], p, e) < 0)
			return -e->code;
	return 0;
}

/* Hands the controller down from one group to those in it. */
static int hand_down(const char *group, const char *controller)
{
	char text[32];

	snprintf(text, sizeof text, "+%s", controller);
	return cg_put("", group, "cgroup.subtree_control", text);
}

int cg_v2_enable(const char *path, const char *controller, struct err *e)
{
	auto_free char *parent = cg_parent(path), *list = NULL;
	int r;

	if (!*path)
		return 0;
	if (*parent && cg_v2_enable(parent, controller, e) < 0)
		return -e->code;
	r = hand_down(parent, controller);
	if (r == 0)
		return 0;
	if (r == -EBUSY) {
		err_set(e, EBUSY,
			"control group '/%s' has processes of its own, so its controllers cannot "
			"be handed down",
			parent);
		return err_hint(e, "move them to a group below it (cgroups(7), \"no internal "
				   "processes\"), or start it in one");
	}
	if (r == -ENOENT || r == -EINVAL)
		return err_set(e, ENOTSUP, "this host does not offer the '%s' controller to '/%s'",
			controller, path);
	errno = -r;
	return err_errno(e, "cannot hand the '%s' controller down to '/%s'", controller, path);
}

/* The group above containers: it, too, has ancestors that hand down to it. What the host does not
 * have is missed only when a limit asks for it. */
static int make_parent(const char *path)
{
	auto_free char *parent = cg_parent(path);
	int r = *path ? cg_mkdir("", path) : 0;

	if (r == -ENOENT && *parent) {
		r = make_parent(parent);
		r = r < 0 ? r : cg_mkdir("", path);
	}
	for (size_t i = 0; i < ARRAY_SIZE(base_controllers) && r >= 0; i++) {
		if (*path)
			hand_down(parent, base_controllers[i]);
		hand_down(path, base_controllers[i]);
	}
	return r;
}

int cg_v2_create(const char *path, struct err *e)
{
	int r = cg_mkdir("", path);

	if (r == -ENOENT) {
		auto_free char *parent = cg_parent(path);
		r = make_parent(parent);
		if (r >= 0)
			r = cg_mkdir("", path);
	}
	if (r < 0) {
		errno = -r;
		return err_errno(e, "cannot make control group '%s'", path);
	}
	return 0;
}

int cg_v2_shrink(const char *path, int64_t memory, struct err *e)
{
	auto_free char *high = NULL, *text = xasprintf("%lld", (long long)memory);
	uint64_t used = 0;
	int r = 0;

	if (memory <= 0 || cg_get_u64("", path, "memory.current", &used) < 0 ||
		used <= (uint64_t)memory)
		return 0;
	/* above "high" the kernel reclaims, but does not kill */
	if (cg_get("", path, "memory.high", 64, &high) == 0 &&
		cg_put("", path, "memory.high", text) == 0) {
		r = cg_get_u64("", path, "memory.current", &used);
		cg_put("", path, "memory.high", high);
	}
	if (r == 0 && used > (uint64_t)memory)
		return err_set(e, EBUSY,
			"cannot set the memory limit to %lld bytes: %llu bytes are in use",
			(long long)memory, (unsigned long long)used);
	return 0;
}

int cgroup_open(const char *path)
{
	auto_free char *name = cg_name("", path, NULL);

	if (cgroup_layout() != CGROUP_V2)
		return -1;
	return open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int cgroup_open_of(pid_t pid)
{
	auto_free char *file = xasprintf("/proc/%d/cgroup", (int)pid);
	auto_file FILE *f = cgroup_layout() == CGROUP_V2 ? fopen(file, "re") : NULL;
	char line[4200], *end;

	while (f && fgets(line, sizeof line, f)) {
		if (!str_starts(line, "0::/") || !(end = strchr(line, '\n')))
			continue;
		*end = '\0';
		if (str_starts(line + 4, "../") || strstr(line, "/../"))
			break; /* outside what our namespace shows */
		return cgroup_open(line + 4);
	}
	return -1;
}
