/* Limits: of control groups, and setrlimit(2)'s. */
#include "base/fs.h"
#include "base/mem.h"
#include "engine/local/options.h"
#include "runtime/posture.h"

#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define MEMORY_MIN (6 << 20) /* Docker's: less, and not even an exec works */
#define CPU_ONE    1000000000

/* One list of cpuset(7), "0-3,7", as bits; -EINVAL when it is none. */
static int cpuset_parse(const char *list, unsigned char ret[1024])
{
	memset(ret, 0, 1024);
	while (*list) {
		char number[16];
		uint64_t first, last;
		size_t n = strcspn(list, ","), dash;
		if (n == 0 || n >= sizeof number)
			return -EINVAL;
		memcpy(number, list, n);
		number[n] = '\0';
		dash = strcspn(number, "-");
		if (number[dash]) {
			number[dash] = '\0';
			if (str_to_u64(number + dash + 1, 0, 8191, &last) < 0)
				return -EINVAL;
		}
		if (str_to_u64(number, 0, 8191, &first) < 0)
			return -EINVAL;
		if (!memchr(list, '-', n))
			last = first;
		if (last < first)
			return -EINVAL;
		for (uint64_t i = first; i <= last; i++)
			ret[i / 8] |= (unsigned char)(1u << i % 8);
		list += n;
		if (*list == ',' && !*++list)
			return -EINVAL;
	}
	return 0;
}

int cpuset_check(const char *what, const char *list, const char *available, struct err *e)
{
	unsigned char wanted[1024], have[1024];

	if (cpuset_parse(list, wanted) < 0) {
		err_set(e, EINVAL, "'%.80s' is no list of %s", list, what);
		return err_hint(e, "0-2,4 for example");
	}
	if (cpuset_parse(available, have) < 0)
		return 0; /* the kernel will say what it thinks of the list */
	for (size_t i = 0; i < sizeof wanted; i++)
		if (wanted[i] & ~have[i]) {
			err_set(e, EINVAL, "%s '%.80s' are not all on this host", what, list);
			return err_hint(e, "some of %s", available);
		}
	return 0;
}

static int check_cpusets(const struct resources *r, struct err *e)
{
	const struct {
		const char *what, *list, *file;
	} sets[] = {
		{ "CPUs", r->cpuset_cpus, "/sys/devices/system/cpu/online" },
		{ "memory nodes", r->cpuset_mems, "/sys/devices/system/node/online" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
		auto_free char *available = NULL;
		struct err ignored;
		if (!sets[i].list || !*sets[i].list)
			continue;
		if (fs_read_file(AT_FDCWD, sets[i].file, 4096, &available, NULL, &ignored) < 0)
			available = xstrdup("0"); /* a kernel without NUMA has one node */
		available[strcspn(available, "\n")] = '\0';
		if (cpuset_check(sets[i].what, sets[i].list, available, e) < 0)
			return -e->code;
	}
	return 0;
}

static int check_memory(const struct resources *r, struct err *e)
{
	if (r->memory && r->memory < MEMORY_MIN)
		return err_set(e, EINVAL, "a memory limit below 6 MB cannot work");
	if (r->memory_reservation && r->memory_reservation < MEMORY_MIN)
		return err_set(e, EINVAL, "a memory reservation below 6 MB cannot work");
	if (r->memory && r->memory_reservation > r->memory)
		return err_set(e, EINVAL, "the memory reservation is more than the memory limit");
	if (r->memory_swappiness > 100 ||
		(r->memory_swappiness < 0 && r->memory_swappiness != SWAPPINESS_NONE))
		return err_set(e, EINVAL, "a swappiness is 0 to 100");
	if (r->memory_swap < -1)
		return err_set(e, EINVAL, "a limit of memory and swap cannot be negative");
	if (r->memory_swap > 0 && !r->memory) {
		err_set(e, EINVAL, "a limit of memory and swap needs one of memory beside it");
		return err_hint(e, "--memory LIMIT --memory-swap MORE");
	}
	if (r->memory_swap > 0 && r->memory_swap < r->memory) {
		err_set(e, EINVAL,
			"the limit of memory and swap together is below that of memory alone");
		return err_hint(e, "a --memory-swap of at least %lld, or -1 for no limit",
			(long long)r->memory);
	}
	return 0;
}

static int check_cpus(const struct resources *r, struct err *e)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (r->nano_cpus && (r->cpu_quota || r->cpu_period)) {
		err_set(e, EINVAL, "a number of CPUs and a quota of CPU time exclude each other");
		return err_hint(e, "--cpus N alone, or --cpu-quota with --cpu-period");
	}
	if (r->nano_cpus && r->nano_cpus < CPU_ONE / 100)
		return err_set(e, EINVAL, "a CPU limit below 0.01 cannot work");
	if (cpus > 0 && r->nano_cpus > (int64_t)cpus * CPU_ONE)
		return err_set(e, EINVAL, "the CPU limit is more than the %ld this host has", cpus);
	if (r->cpu_period && (r->cpu_period < 1000 || r->cpu_period > 1000000))
		return err_set(e, EINVAL, "a CPU period is 1000 to 1000000 microseconds");
	if (r->cpu_quota && r->cpu_quota != -1 && r->cpu_quota < 1000)
		return err_set(e, EINVAL, "a CPU quota below 1000 microseconds cannot work");
	if (r->cpu_shares && (r->cpu_shares < 2 || r->cpu_shares > 262144))
		return err_set(e, EINVAL, "CPU shares are 2 to 262144");
	if (r->blkio_weight && (r->blkio_weight < 10 || r->blkio_weight > 1000))
		return err_set(e, EINVAL, "a block I/O weight is 10 to 1000");
	return 0;
}

int resources_check(const struct resources *r, struct err *e)
{
	if (cgroup_layout() == CGROUP_NONE &&
		(r->memory || r->memory_swap || r->memory_reservation || r->nano_cpus ||
			r->cpu_shares || r->cpu_quota || r->cpuset_cpus || r->cpuset_mems ||
			r->pids_limit > 0 || r->blkio_weight || r->memory_swappiness)) {
		err_set(e, ENOTSUP, "this host has no control groups, so nothing can be limited");
		return err_hint(e, "leave out the limits, or mount the cgroup file system");
	}
	if (check_memory(r, e) < 0 || check_cpus(r, e) < 0)
		return -e->code;
	return check_cpusets(r, e);
}

static char *copy_or_null(const char *text)
{
	return text && *text ? xstrdup(text) : NULL;
}

int64_t resources_pids(const struct resources *r)
{
	if (r->pids_limit > 0)
		return r->pids_limit;
	/* without control groups there is nothing by which our own limit could be set */
	if (cgroup_layout() == CGROUP_NONE)
		return 0;
	return r->pids_limit < 0 ? -1 : POSTURE_PIDS_LIMIT;
}

/* Memory without a word about swap: as much of it again, as Docker has it, where that is counted.
 */
void resources_to_cgroup(const struct resources *r, bool defaults, struct cgroup_resources *ret)
{
	struct cgroup_support support = { 0 };

	ret->memory = r->memory;
	ret->memory_swap = r->memory_swap;
	if (!r->memory_swap && r->memory > 0 && r->memory <= INT64_MAX / 2 && defaults) {
		cgroup_support(&support);
		ret->memory_swap = support.swap ? 2 * r->memory : 0;
	}
	ret->memory_reservation = r->memory_reservation;
	ret->memory_swappiness = r->memory_swappiness == SWAPPINESS_NONE ? 0
				 : r->memory_swappiness                  ? r->memory_swappiness
									 : -1;
	ret->nano_cpus = r->nano_cpus;
	ret->cpu_shares = r->cpu_shares;
	ret->cpu_quota = r->cpu_quota;
	ret->cpu_period = r->cpu_period;
	ret->cpuset_cpus = copy_or_null(r->cpuset_cpus);
	ret->cpuset_mems = copy_or_null(r->cpuset_mems);
	ret->pids = defaults || r->pids_limit ? resources_pids(r) : 0;
	ret->blkio_weight = r->blkio_weight;
}

/* ---- setrlimit(2) ---- */

static const struct {
	const char *name;
	int resource;
} rlimit_names[] = {
	{ "core", RLIMIT_CORE },
	{ "cpu", RLIMIT_CPU },
	{ "data", RLIMIT_DATA },
	{ "fsize", RLIMIT_FSIZE },
	{ "locks", RLIMIT_LOCKS },
	{ "memlock", RLIMIT_MEMLOCK },
	{ "msgqueue", RLIMIT_MSGQUEUE },
	{ "nice", RLIMIT_NICE },
	{ "nofile", RLIMIT_NOFILE },
	{ "nproc", RLIMIT_NPROC },
	{ "rss", RLIMIT_RSS },
	{ "rtprio", RLIMIT_RTPRIO },
	{ "rttime", RLIMIT_RTTIME },
	{ "sigpending", RLIMIT_SIGPENDING },
	{ "stack", RLIMIT_STACK },
};

static int rlimit_number(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(rlimit_names); i++)
		if (str_eq(rlimit_names[i].name, name))
			return rlimit_names[i].resource;
	return -EINVAL;
}

static int unknown_ulimit(const char *name, struct err *e)
{
	const char *nearest = NULL;
	unsigned best = 3;

	err_set(e, EINVAL, "no limit is called '%.40s'", name);
	for (size_t i = 0; i < ARRAY_SIZE(rlimit_names); i++)
		if (str_distance(name, rlimit_names[i].name) < best) {
			nearest = rlimit_names[i].name;
			best = str_distance(name, nearest);
		}
	return nearest ? err_hint(e, "--ulimit %s=SOFT:HARD", nearest)
		       : err_hint(e, "one of setrlimit(2): nofile, nproc, memlock, ...");
}

/* Unlimited is the most there is. */
static uint64_t amount(int64_t limit)
{
	return limit < 0 ? UINT64_MAX : (uint64_t)limit;
}

int limits_check(const struct container_config *c, struct err *e)
{
	for (size_t i = 0; i < c->n_ulimits; i++) {
		const struct ulimit_config *u = &c->ulimits[i];
		if (!u->name || rlimit_number(u->name) < 0)
			return unknown_ulimit(u->name ? u->name : "", e);
		if (u->soft < -1 || u->hard < -1 || amount(u->soft) > amount(u->hard))
			return err_set(e, EINVAL, "limit '%s': soft is more than hard", u->name);
		for (size_t k = 0; k < i; k++)
			if (str_eq(c->ulimits[k].name, u->name))
				return err_set(e, EINVAL, "limit '%s' is given twice", u->name);
	}
	if (c->oom_score_adj < -1000 || c->oom_score_adj > 1000)
		return err_set(e, EINVAL, "an OOM score adjustment is -1000 to 1000");
	return 0;
}

void limits_to_spec(const struct container_config *c, struct spec *s)
{
	for (size_t i = 0; i < c->n_ulimits; i++) {
		int resource = rlimit_number(c->ulimits[i].name);
		struct spec_rlimit *r = NULL;
		for (size_t k = 0; k < s->n_rlimits && !r; k++)
			if (s->rlimits[k].resource == resource)
				r = &s->rlimits[k];
		if (!r)
			r = spec_add_rlimit(s);
		*r = (struct spec_rlimit){ resource, c->ulimits[i].soft, c->ulimits[i].hard };
	}
	s->oom_score_adj = c->oom_score_adj;
	s->set_oom_score_adj = c->oom_score_adj != 0;
}
