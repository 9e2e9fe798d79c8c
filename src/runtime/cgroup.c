#include "runtime/cgroup.h"
#include "base/mem.h"
#include "runtime/cgroup-tree.h"

#include <linux/magic.h>
#include <sys/statfs.h>

enum cgroup_layout cgroup_layout(void)
{
	struct statfs sfs;

	if (statfs(CG_BASE, &sfs) < 0)
		return CGROUP_NONE;
	if (sfs.f_type == CGROUP2_SUPER_MAGIC)
		return CGROUP_V2;
	for (enum cg_controller c = 0; c < CG_END; c++) {
		auto_free char *name = cg_name(cg_v1_names[c], "", NULL);
		if (statfs(name, &sfs) == 0 && sfs.f_type == CGROUP_SUPER_MAGIC)
			return CGROUP_V1;
	}
	return CGROUP_NONE;
}

/* A path goes below the hierarchies as it is: it may be a bundle's. */
static int check_path(const char *path, struct err *e)
{
	if (!*path || *path == '/' || str_ends(path, "/") || strlen(path) > 3000 ||
		strstr(path, "//") || str_starts(path, "../") || str_starts(path, "./") ||
		strstr(path, "/../") || strstr(path, "/./") || str_ends(path, "/..") ||
		str_ends(path, "/.") || str_eq(path, "..") || str_eq(path, ".") ||
		!str_is_one_line(path))
		return err_set(e, EINVAL, "'%.128s' is no path of a control group", path);
	return 0;
}

static int check_cpus(const struct cgroup_resources *r, enum cgroup_layout layout, struct err *e)
{
	auto_free char *text = NULL;
	struct cg_cpus wanted, there;
	int got;

	if (!r->cpuset_cpus)
		return 0;
	if (cg_cpu_list(r->cpuset_cpus, &wanted) < 0)
		return err_set(
			e, EINVAL, "'%.64s' is no set of CPUs, as in '0-2,4'", r->cpuset_cpus);
	got = layout == CGROUP_V2 ? cg_get("", "", "cpuset.cpus.effective", 65536, &text)
				  : cg_get("cpuset", "", "cpuset.cpus", 65536, &text);
	if (got < 0 || cg_cpu_list(text, &there) < 0 || cg_cpus_within(&wanted, &there))
		return 0; /* the kernel will say more */
	text[strcspn(text, "\n")] = '\0';
	return err_set(e, EINVAL, "cannot set the set of CPUs to '%.64s': this host has '%.64s'",
		r->cpuset_cpus, text);
}

static int make_plan(enum cgroup_layout layout, const char *path, const struct cgroup_resources *r,
	struct cg_plan *ret, struct err *e)
{
	if (check_cpus(r, layout, e) < 0)
		return -e->code;
	return layout == CGROUP_V1 ? cg_v1_plan(path, r, ret, e) : cg_v2_plan(path, r, ret, e);
}

/* Where there are no control groups only a list of devices can be asked for, and is passed over. */
static int refuse_limits(const struct cgroup_resources *r, struct err *e)
{
	auto_plan plan = { 0 };

	if (cg_v1_plan("", r, &plan, e) == 0 && plan.n == 0)
		return 0;
	if (plan.n > 0)
		err_set(e, ENOTSUP, "cannot set %s: this host has no control groups",
			plan.v[0].what);
	return err_hint(e, "leave out the limits, or mount the cgroup file system");
}

int cgroup_create(const char *path, const struct cgroup_resources *r, struct err *e)
{
	enum cgroup_layout layout = cgroup_layout();
	auto_plan plan = { 0 };
	struct err ignored;
	int result;

	if (layout == CGROUP_NONE)
		return refuse_limits(r, e);
	if (check_path(path, e) < 0)
		return -e->code;
	result = layout == CGROUP_V1 ? cg_v1_create(path, cg_v1_hierarchies(r), e)
				     : cg_v2_create(path, e);
	if (result == 0)
		result = make_plan(layout, path, r, &plan, e);
	if (result == 0)
		result = cg_plan_apply(&plan, layout, path, false, e);
	if (result < 0)
		cgroup_remove(path, &ignored);
	return result;
}

int cgroup_set_devices(const char *path, const struct cgroup_resources *r, struct err *e)
{
	switch (cgroup_layout()) {
	case CGROUP_V1:
		return cg_v1_devices(path, r, false, e);
	case CGROUP_V2:
		return cg_v2_devices(path, r, e);
	case CGROUP_NONE:
		break;
	}
	return 0;
}

int cgroup_update(const char *path, const struct cgroup_resources *r, struct err *e)
{
	enum cgroup_layout layout = cgroup_layout();
	auto_plan plan = { 0 };
	int result;

	if (layout == CGROUP_NONE)
		return refuse_limits(r, e);
	if (check_path(path, e) < 0 || make_plan(layout, path, r, &plan, e) < 0)
		return -e->code;
	result = layout == CGROUP_V1 ? cg_v1_extend(path, cg_plan_controllers(&plan), e)
				     : cg_v2_shrink(path, r->memory, e);
	if (result == 0)
		result = cg_plan_apply(&plan, layout, path, true, e);
	if (result < 0)
		return result;
	result = layout == CGROUP_V1 ? cg_v1_devices(path, r, true, e) : cg_v2_devices(path, r, e);
	if (result < 0)
		cg_plan_undo(&plan, layout, path);
	return result;
}

static bool has(enum cgroup_layout layout, enum cg_controller c, const char *v1_file)
{
	auto_free char *list = NULL;
	char *rest, *word;

	if (layout == CGROUP_V1)
		return cg_exists(cg_v1_names[c], "", v1_file);
	if (layout != CGROUP_V2 || !cg_v2_names[c] ||
		cg_get("", "", "cgroup.controllers", 4096, &list) < 0)
		return false;
	rest = list;
	while ((word = strsep(&rest, " \n")))
		if (str_eq(word, cg_v2_names[c]))
			return true;
	return false;
}

void cgroup_support(struct cgroup_support *ret)
{
	enum cgroup_layout l = cgroup_layout();
	bool v1 = l == CGROUP_V1, v2 = l == CGROUP_V2;

	*ret = (struct cgroup_support){
		.memory = has(l, CG_MEMORY, "memory.limit_in_bytes"),
		/* the root group of version 2 has no such file, but the kernel counts where it can
		 */
		.swap = v1 ? has(l, CG_MEMORY, "memory.memsw.limit_in_bytes")
			   : has(l, CG_MEMORY, NULL) && access("/proc/swaps", F_OK) == 0,
		.oom_kill_disable = v1 && has(l, CG_MEMORY, "memory.oom_control"),
		.swappiness = v1 && has(l, CG_MEMORY, "memory.swappiness"),
		.pids = has(l, CG_PIDS, "cgroup.procs"),
		.cpu_quota = has(l, CG_CPU, "cpu.cfs_quota_us"),
		.cpu_shares = has(l, CG_CPU, "cpu.shares"),
		.cpuset = has(l, CG_CPUSET, "cpuset.cpus"),
		.blkio_weight = has(l, CG_BLKIO, "blkio.weight") ||
				(v1 && has(l, CG_BLKIO, "blkio.bfq.io_serviced")),
		.blkio_throttle = has(l, CG_BLKIO, "blkio.throttle.read_bps_device"),
		.hugetlb = has(l, CG_HUGETLB, "cgroup.procs"),
		.devices = v2 || has(l, CG_DEVICES, "devices.deny"),
		.freeze = v2 || has(l, CG_FREEZER, "cgroup.procs"),
	};
}
