#include "runtime/priority.h"
#include "base/mem.h"
#include "runtime/cgroup-tree.h"

#include <sys/syscall.h>

/* sched_setattr(2); the kernel knows by its size which version this is. */
struct attributes {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

#define IOPRIO_WHO_PROCESS 1 /* ioprio_set(2) has no header */

int priority_set_cpus(const char *list, struct err *e)
{
	struct cg_cpus cpus;

	if (cg_cpu_list(list, &cpus) < 0)
		return err_set(e, EINVAL, "'%.200s' is not a list of CPUs like 0-3,7", list);
	if (syscall(SYS_sched_setaffinity, 0, sizeof cpus.bits, cpus.bits) < 0)
		return err_errno(e, "cannot run on CPUs '%.200s'", list);
	return 0;
}

int priority_apply(const struct spec *s, struct err *e)
{
	const struct attributes a = { .size = sizeof a,
		.policy = (uint32_t)s->sched_policy,
		.flags = (uint64_t)s->sched_flags,
		.nice = (int32_t)s->sched_nice,
		.priority = (uint32_t)s->sched_priority,
		.runtime = (uint64_t)s->sched_runtime,
		.deadline = (uint64_t)s->sched_deadline,
		.period = (uint64_t)s->sched_period };

	/* a process of SCHED_DEADLINE may not choose its CPUs any more */
	if (s->cpus && priority_set_cpus(s->cpus, e) < 0)
		return -e->code;
	if (s->io_priority &&
		syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, (int)s->io_priority) < 0)
		return err_errno(e, "cannot set the I/O priority");
	if (s->set_scheduler && syscall(SYS_sched_setattr, 0, &a, 0) < 0) {
		int r = err_errno(e, "cannot set the scheduler");
		if (r == -EPERM)
			err_hint(e, "give redock CAP_SYS_NICE; and a control group with limits of "
				    "CPU time of version 1 needs cpu.realtimeRuntime, too");
		return r;
	}
	return 0;
}
