/* config.md, "Linux Process": scheduler, I/O priority and CPUs. */
#include "base/mem.h"
#include "runtime/cgroup-tree.h"
#include "runtime/oci/config.h"
#include "runtime/oci/members.h"

#include <linux/ioprio.h>
#include <linux/sched.h>

struct word {
	const char *name;
	int64_t number;
};

static const struct word policies[] = {
	{ "SCHED_OTHER", SCHED_NORMAL },
	{ "SCHED_FIFO", SCHED_FIFO },
	{ "SCHED_RR", SCHED_RR },
	{ "SCHED_BATCH", SCHED_BATCH },
	{ "SCHED_ISO", 4 }, /* reserved: the kernel says that it has none */
	{ "SCHED_IDLE", SCHED_IDLE },
	{ "SCHED_DEADLINE", SCHED_DEADLINE },
	{ NULL, 0 },
};
static const struct word flags[] = {
	{ "SCHED_FLAG_RESET_ON_FORK", SCHED_FLAG_RESET_ON_FORK },
	{ "SCHED_FLAG_RECLAIM", SCHED_FLAG_RECLAIM },
	{ "SCHED_FLAG_DL_OVERRUN", SCHED_FLAG_DL_OVERRUN },
	{ "SCHED_FLAG_KEEP_POLICY", SCHED_FLAG_KEEP_POLICY },
	{ "SCHED_FLAG_KEEP_PARAMS", SCHED_FLAG_KEEP_PARAMS },
	{ "SCHED_FLAG_UTIL_CLAMP_MIN", SCHED_FLAG_UTIL_CLAMP_MIN },
	{ "SCHED_FLAG_UTIL_CLAMP_MAX", SCHED_FLAG_UTIL_CLAMP_MAX },
	{ NULL, 0 },
};
static const struct word classes[] = {
	{ "IOPRIO_CLASS_RT", IOPRIO_CLASS_RT },
	{ "IOPRIO_CLASS_BE", IOPRIO_CLASS_BE },
	{ "IOPRIO_CLASS_IDLE", IOPRIO_CLASS_IDLE },
	{ NULL, 0 },
};

static int find(const struct word *words, const json_t *value, const char *where, int64_t *ret,
	struct err *e)
{
	const char *text = json_string_value(value);

	if (!text)
		return members_bad(e, where, "is not a string");
	for (; words->name; words++)
		if (str_eq(words->name, text)) {
			*ret = words->number;
			return 0;
		}
	return err_set(e, EINVAL, "config.json: '%s': there is no '%.60s'", where, text);
}

static int read_policy(const json_t *value, void *spec, const char *where, struct err *e)
{
	return find(policies, value, where, &((struct spec *)spec)->sched_policy, e);
}

static int read_flag(const json_t *value, void *spec, const char *where, struct err *e)
{
	int64_t flag = 0;

	if (find(flags, value, where, &flag, e) < 0)
		return -e->code;
	((struct spec *)spec)->sched_flags |= flag;
	return 0;
}

static int read_flags(const json_t *value, void *spec, const char *where, struct err *e)
{
	return members_each(value, spec, where, e, read_flag);
}

int config_read_scheduler(const json_t *value, void *spec, const char *where, struct err *e)
{
	static const struct member table[] = {
		MEMBER_READ("policy", true, read_policy),
		MEMBER_READ("flags", false, read_flags),
		MEMBER(MEMBER_NUMBER, "nice", struct spec, sched_nice, false, -20, 19),
		MEMBER(MEMBER_NUMBER, "priority", struct spec, sched_priority, false, 0, 99),
		MEMBER(MEMBER_NUMBER, "runtime", struct spec, sched_runtime, false, 0, INT64_MAX),
		MEMBER(MEMBER_NUMBER, "deadline", struct spec, sched_deadline, false, 0, INT64_MAX),
		MEMBER(MEMBER_NUMBER, "period", struct spec, sched_period, false, 0, INT64_MAX),
		{ NULL },
	};
	struct spec *s = spec;

	s->sched_policy = s->sched_flags = s->sched_nice = s->sched_priority = 0;
	s->sched_runtime = s->sched_deadline = s->sched_period = 0;
	if (members_read(value, table, s, where, e) < 0)
		return -e->code;
	/* the kernel looks at what belongs to the policy, and would pass over the rest */
	if (s->sched_nice && s->sched_policy != SCHED_NORMAL && s->sched_policy != SCHED_BATCH)
		return members_bad(e, where, "has a nice value, which its policy has not");
	if (s->sched_priority && s->sched_policy != SCHED_FIFO && s->sched_policy != SCHED_RR)
		return members_bad(e, where, "has a priority, which its policy has not");
	if ((s->sched_runtime || s->sched_deadline || s->sched_period) &&
		s->sched_policy != SCHED_DEADLINE)
		return members_bad(e, where, "has times, which are SCHED_DEADLINE's");
	s->set_scheduler = true;
	return 0;
}

struct io {
	int64_t class, priority;
};

static int read_class(const json_t *value, void *io, const char *where, struct err *e)
{
	return find(classes, value, where, &((struct io *)io)->class, e);
}

int config_read_io_priority(const json_t *value, void *spec, const char *where, struct err *e)
{
	static const struct member table[] = {
		MEMBER_READ("class", true, read_class),
		MEMBER(MEMBER_NUMBER, "priority", struct io, priority, false, 0, 7),
		{ NULL },
	};
	struct io io = { 0 };

	if (members_read(value, table, &io, where, e) < 0)
		return -e->code;
	((struct spec *)spec)->io_priority = IOPRIO_PRIO_VALUE(io.class, io.priority);
	return 0;
}

int config_read_affinity(const json_t *value, void *spec, const char *where, struct err *e)
{
	static const struct member table[] = {
		MEMBER(MEMBER_TEXT, "initial", struct spec, exec_cpus, false),
		MEMBER(MEMBER_TEXT, "final", struct spec, exec_final_cpus, false),
		{ NULL },
	};
	struct spec *s = spec;
	struct cg_cpus cpus;

	if (members_read(value, table, s, where, e) < 0)
		return -e->code;
	if ((s->exec_cpus && cg_cpu_list(s->exec_cpus, &cpus) < 0) ||
		(s->exec_final_cpus && cg_cpu_list(s->exec_final_cpus, &cpus) < 0))
		return members_bad(e, where, "is not of lists of CPUs like 0-3,7");
	return 0;
}
