/* Version 1: a hierarchy a controller (the kernel's Documentation/admin-guide/cgroup-v1). */
#include "base/mem.h"
#include "runtime/cgroup-tree.h"

/* Where every container gets a group. */
#define ALWAYS                                                                                     \
	(1u << CG_MEMORY | 1u << CG_PIDS | 1u << CG_DEVICES | 1u << CG_FREEZER | 1u << CG_CPUACCT)

static void plan_memory(const struct cgroup_resources *r, struct cg_plan *p)
{
	struct cg_setting *s;

	/* memory and swap together can at no time be limited to less than memory alone */
	if (r->memory) {
		s = cg_plan_add(p, CG_MEMORY, "the memory limit", "memory.limit_in_bytes", "%lld",
			(long long)r->memory);
		s->next_first = r->memory_swap != 0;
	}
	if (r->memory_swap)
		cg_plan_add(p, CG_MEMORY, "the limit of memory and swap",
			"memory.memsw.limit_in_bytes", "%lld", (long long)r->memory_swap);
	if (r->memory_reservation)
		cg_plan_add(p, CG_MEMORY, "the memory reservation", "memory.soft_limit_in_bytes",
			"%lld", (long long)r->memory_reservation);
	if (r->memory_swappiness >= 0)
		cg_plan_add(p, CG_MEMORY, "the swappiness", "memory.swappiness", "%lld",
			(long long)r->memory_swappiness);
	if (r->memory_kernel_tcp)
		cg_plan_add(p, CG_MEMORY, "the limit of TCP buffers",
			"memory.kmem.tcp.limit_in_bytes", "%lld", (long long)r->memory_kernel_tcp);
	if (r->oom_kill_disable) {
		s = cg_plan_add(
			p, CG_MEMORY, "the OOM killer's absence", "memory.oom_control", "1");
		s->key = xstrdup("oom_kill_disable");
		s->bare = true;
	}
}

static void plan_cpu(const struct cgroup_resources *r, struct cg_plan *p)
{
	int64_t quota = r->nano_cpus ? r->nano_cpus / 10000 : r->cpu_quota;
	int64_t period = r->nano_cpus ? 100000 : r->cpu_period;
	struct cg_setting *s = NULL;

	/* each is checked with the others: the quota a period against the parent's, the burst
	 * against the quota */
	if (period) {
		s = cg_plan_add(p, CG_CPU, "the CPU period", "cpu.cfs_period_us", "%lld",
			(long long)period);
		s->next_first = quota != 0;
	}
	if (quota) {
		s = cg_plan_add(
			p, CG_CPU, "the CPU limit", "cpu.cfs_quota_us", "%lld", (long long)quota);
		s->next_first = r->cpu_burst != 0;
	}
	if (r->cpu_burst)
		cg_plan_add(p, CG_CPU, "the CPU burst", "cpu.cfs_burst_us", "%lld",
			(long long)r->cpu_burst);
	if (r->cpu_shares)
		cg_plan_add(p, CG_CPU, "the CPU shares", "cpu.shares", "%lld",
			(long long)r->cpu_shares);
	if (r->cpu_idle)
		cg_plan_add(
			p, CG_CPU, "the idle class", "cpu.idle", "%lld", (long long)r->cpu_idle);
	if (r->cpu_rt_period) {
		s = cg_plan_add(p, CG_CPU, "the real-time period", "cpu.rt_period_us", "%lld",
			(long long)r->cpu_rt_period);
		s->next_first = r->cpu_rt_runtime != 0;
	}
	if (r->cpu_rt_runtime)
		cg_plan_add(p, CG_CPU, "the real-time runtime", "cpu.rt_runtime_us", "%lld",
			(long long)r->cpu_rt_runtime);
}

/* BFQ's names are there when that is the kernel's only scheduler with weights (since 5.0). */
static const char *weight_file(const char *path, const char *plain, const char *bfq)
{
	return cg_exists("blkio", path, plain) || !cg_exists("blkio", path, bfq) ? plain : bfq;
}

static int plan_block(
	const char *path, const struct cgroup_resources *r, struct cg_plan *p, struct err *e)
{
	struct cg_setting *s;

	if (r->blkio_weight)
		cg_plan_add(p, CG_BLKIO, "the block I/O weight",
			weight_file(path, "blkio.weight", "blkio.bfq.weight"), "%lld",
			(long long)r->blkio_weight);
	for (size_t i = 0; i < r->blkio_throttle.n; i++) {
		struct cg_throttle t;
		char file[48];
		if (cg_throttle_parse(r->blkio_throttle.v[i], &t, e) < 0)
			return -e->code;
		if (t.kind == CG_WEIGHT)
			snprintf(file, sizeof file, "%s",
				weight_file(
					path, "blkio.weight_device", "blkio.bfq.weight_device"));
		else
			snprintf(file, sizeof file, "blkio.throttle.%s_device",
				cg_throttle_names[t.kind]);
		s = cg_plan_add(p, CG_BLKIO, "the block I/O limit", file, "%u:%u %llu", t.major,
			t.minor, (unsigned long long)t.value);
		s->key = xasprintf("%u:%u", t.major, t.minor);
		s->absent = xasprintf("%u:%u 0", t.major, t.minor);
	}
	return 0;
}

int cg_v1_plan(const char *path, const struct cgroup_resources *r, struct cg_plan *p, struct err *e)
{
	if (r->unified.n) {
		err_set(e, ENOTSUP, "cannot set '%.64s': this host has version 1 of control groups",
			r->unified.v[0]);
		return err_hint(e, "the limit's own option");
	}
	plan_memory(r, p);
	plan_cpu(r, p);
	cg_plan_common(r, p);
	if (plan_block(path, r, p, e) < 0)
		return -e->code;
	if (cg_plan_hugetlb(r, "limit_in_bytes", p, e) < 0)
		return -e->code;
	return 0;
}

unsigned cg_v1_hierarchies(const struct cgroup_resources *r)
{
	unsigned set = ALWAYS;

	if (r->nano_cpus || r->cpu_shares || r->cpu_quota || r->cpu_period || r->cpu_burst ||
		r->cpu_rt_runtime || r->cpu_rt_period || r->cpu_idle)
		set |= 1u << CG_CPU;
	if (r->cpuset_cpus || r->cpuset_mems)
		set |= 1u << CG_CPUSET;
	if (r->blkio_weight || r->blkio_throttle.n)
		set |= 1u << CG_BLKIO;
	if (r->hugetlb.n)
		set |= 1u << CG_HUGETLB;
	return set;
}

/* A group of this controller takes no process before it has CPUs and memory nodes; new ones have
 * none (cpuset(7)). From the top down, each gets those of the one above. */
static int fill_cpuset(const char *path)
{
	static const char *const files[] = { "cpuset.cpus", "cpuset.mems" };
	auto_free char *parent = cg_parent(path);
	int r = *parent ? fill_cpuset(parent) : 0;

	for (size_t i = 0; i < ARRAY_SIZE(files) && r == 0; i++) {
		auto_free char *own = NULL, *above = NULL;
		r = cg_get("cpuset", path, files[i], 65536, &own);
		if (r < 0 || (*own && *own != '\n'))
			continue;
		r = cg_get("cpuset", parent, files[i], 65536, &above);
		if (r == 0)
			r = cg_put("cpuset", path, files[i], above);
	}
	return r;
}

static int make_in(enum cg_controller c, const char *path)
{
	int r = cg_mkdir_all(cg_v1_names[c], path);

	if (r >= 0 && c == CG_CPUSET)
		r = fill_cpuset(path) < 0 ? -EINVAL : r;
	return r;
}

/* A hierarchy that is not there, or not ours to change, is passed over: a limit that needs it will
 * say so. */
static bool is_absent(int r)
{
	return r == -ENOENT || r == -EROFS || r == -EPERM || r == -EACCES;
}

int cg_v1_create(const char *path, unsigned controllers, struct err *e)
{
	for (enum cg_controller c = 0; c < CG_END; c++) {
		int r = controllers & 1u << c ? make_in(c, path) : 0;
		if (r < 0 && !is_absent(r)) {
			errno = -r;
			return err_errno(
				e, "cannot make control group '%s' of '%s'", path, cg_v1_names[c]);
		}
	}
	return 0;
}

/* Moves what is in the container's groups so far; a child that is being made meanwhile is either in
 * the new group with its parent or listed in the next pass. Ends with a pass that moves nothing. */
static int move_all(enum cg_controller c, const char *path, struct err *e)
{
	size_t moved = 1;

	while (moved > 0) {
		auto_free pid_t *there = NULL, *pids = NULL;
		size_t n_there = 0, n = 0;
		moved = 0;
		if (cgroup_pids(path, &pids, &n, e) < 0 ||
			cg_members(cg_v1_names[c], path, &there, &n_there, e) < 0)
			return -e->code;
		for (size_t i = 0; i < n; i++) {
			char text[24];
			bool is_there = false;
			int r;
			for (size_t k = 0; k < n_there && !is_there; k++)
				is_there = there[k] == pids[i];
			snprintf(text, sizeof text, "%d", (int)pids[i]);
			r = is_there ? -ESRCH : cg_put(cg_v1_names[c], path, "cgroup.procs", text);
			if (r < 0 && r != -ESRCH) {
				errno = -r;
				return err_errno(e, "cannot move process %d to the '%s' group",
					(int)pids[i], cg_v1_names[c]);
			}
			moved += r == 0;
		}
	}
	return 0;
}

int cg_v1_extend(const char *path, unsigned controllers, struct err *e)
{
	for (enum cg_controller c = 0; c < CG_END; c++) {
		int r;
		if (!(controllers & 1u << c) || cg_exists(cg_v1_names[c], path, NULL))
			continue;
		r = make_in(c, path);
		if (r < 0 && !is_absent(r)) {
			errno = -r;
			return err_errno(
				e, "cannot make control group '%s' of '%s'", path, cg_v1_names[c]);
		}
		if (r >= 0 && move_all(c, path, e) < 0)
			return -e->code;
	}
	return 0;
}

int cgroup_enter(const char *path, struct err *e)
{
	if (cgroup_layout() != CGROUP_V1)
		return 0;
	for (enum cg_controller c = 0; c < CG_END; c++) {
		int r = cg_put(cg_v1_names[c], path, "tasks", "0");
		if (r < 0 && r != -ENOENT) { /* made only where it is needed */
			errno = -r;
			return err_errno(e, "cannot enter control group '%s'", path);
		}
	}
	return 0;
}
