/* The verbs about resources: update, events. */
#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "runtime/cgroup.h"
#include "runtime/oci/container.h"
#include "runtime/oci/group.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/timerfd.h>

#define RESOURCES_MAX (1u << 20)

struct limit {
	const char *name;
	size_t number; /* offset, or 0 */
	size_t text;
	int64_t min;
};
#define NUMBER(name, member, min)                                                                  \
	{                                                                                          \
		name, offsetof(struct cgroup_resources, member), SIZE_MAX, min                     \
	}
#define TEXT(name, member)                                                                         \
	{                                                                                          \
		name, SIZE_MAX, offsetof(struct cgroup_resources, member), 0                       \
	}
static const struct limit limits[] = {
	NUMBER("memory", memory, -1),
	NUMBER("memory-reservation", memory_reservation, -1),
	NUMBER("memory-swap", memory_swap, -1),
	NUMBER("cpu-period", cpu_period, 0),
	NUMBER("cpu-quota", cpu_quota, -1),
	NUMBER("cpu-burst", cpu_burst, 0),
	NUMBER("cpu-share", cpu_shares, 0),
	NUMBER("cpu-shares", cpu_shares, 0),
	NUMBER("cpu-rt-period", cpu_rt_period, 0),
	NUMBER("cpu-rt-runtime", cpu_rt_runtime, -1),
	NUMBER("cpu-idle", cpu_idle, 0),
	NUMBER("pids-limit", pids, -1),
	NUMBER("blkio-weight", blkio_weight, 0),
	TEXT("cpuset-cpus", cpuset_cpus),
	TEXT("cpuset-mems", cpuset_mems),
};

static int set_limit(struct cgroup_resources *r, const char *entry, struct err *e)
{
	const char *value = strchr(entry, '=') + 1;
	size_t len = (size_t)(value - entry) - 1;

	if (str_starts(entry, "kernel-memory"))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		const struct limit *l = &limits[i];
		char *end;
		long long n;
		if (strlen(l->name) != len || memcmp(l->name, entry, len) != 0)
			continue;
		if (l->text != SIZE_MAX) {
			char **at = (char **)((char *)r + l->text);
			free(*at);
			*at = xstrdup(value);
			return 0;
		}
		errno = 0;
		n = strtoll(value, &end, 10);
		if (errno || end == value || *end || n < l->min)
			return err_set(e, EINVAL, "'--%.*s %s': expected a number of at least %lld",
				(int)len, entry, value, (long long)l->min);
		*(int64_t *)((char *)r + l->number) = n;
		return 0;
	}
	return err_set(e, ENOTSUP, "'--%.*s' is not supported here", (int)len, entry);
}

static int read_resources(const char *file, struct cgroup_resources *r, struct err *e)
{
	auto_str text = STR_INIT(RESOURCES_MAX);
	auto_close int fd =
		str_eq(file, "-") ? fcntl(0, F_DUPFD_CLOEXEC, 3) : open(file, O_RDONLY | O_CLOEXEC);
	char block[4096];
	ssize_t n = 0;

	while (fd >= 0 && (n = read(fd, block, sizeof block)) > 0)
		str_add_data(&text, block, (size_t)n);
	if (fd < 0 || n < 0)
		return err_errno(e, "cannot read '%s'", file);
	if (text.overflow || !text.len)
		return err_set(e, EINVAL, "'%s' is empty or too large", file);
	return oci_resources_parse(text.data, text.len, r, e);
}

int verb_update(struct invocation *i, struct err *e)
{
	__attribute__((cleanup(cgroup_resources_release))) struct cgroup_resources r =
		CGROUP_RESOURCES_INIT;
	auto_state s = STATE_INIT;
	enum state_status status;

	if (i->o.resources && read_resources(i->o.resources, &r, e) < 0)
		return -e->code;
	for (size_t k = 0; k < i->o.limits.n; k++)
		if (set_limit(&r, i->o.limits.v[k], e) < 0)
			return -e->code;
	if (state_open(i->o.root, i->operands[0], true, &s, e) < 0)
		return -e->code;
	status = state_status(&s);
	if (status == STATE_STOPPED || status == STATE_CREATING)
		return err_set(e, EINVAL, "container '%s' is %s: it has no limits to change", s.id,
			state_word(status));
	if (!*s.cgroup)
		return err_set(e, ENOTSUP, "container '%s' has no control group", s.id);
	return group_update(s.cgroup, s.scope, &r, e);
}

static json_t *stats_json(const struct cgroup_stats *t)
{
	return json_pack("{s:{s:{s:I,s:I,s:I},s:{s:I,s:I}},"
			 "s:{s:{s:I,s:I,s:I,s:I},s:I,s:{s:I}},"
			 "s:{s:I,s:I}, s:{s:[{s:s,s:I},{s:s,s:I}]}}",
		"cpu", "usage", "total", (json_int_t)t->cpu_ns, "user", (json_int_t)t->cpu_user_ns,
		"kernel", (json_int_t)t->cpu_system_ns, "throttling", "throttledPeriods",
		(json_int_t)t->throttled_periods, "throttledTime", (json_int_t)t->throttled_ns,
		"memory", "usage", "limit", (json_int_t)t->memory_limit, "usage",
		(json_int_t)t->memory, "max", (json_int_t)t->memory_max, "failcnt",
		(json_int_t)t->oom_kills, "cache", (json_int_t)t->memory_cache, "swap", "usage",
		(json_int_t)t->swap, "pids", "current", (json_int_t)t->pids, "limit",
		(json_int_t)t->pids_limit, "blkio", "ioServiceBytesRecursive", "op", "Read",
		"value", (json_int_t)t->block_read, "op", "Write", "value",
		(json_int_t)t->block_written);
}

static int print_event(const struct state *s, const char *type, struct err *e)
{
	struct cgroup_stats stats = { 0 };
	auto_json *event = json_pack("{s:s, s:s}", "type", type, "id", s->id);
	auto_free char *text = NULL;

	if (str_eq(type, "stats")) {
		if (cgroup_stats(s->cgroup, &stats, e) < 0)
			return -e->code;
		json_object_set_new(event, "data", stats_json(&stats));
	}
	text = json_text(event);
	puts(text);
	fflush(stdout);
	return 0;
}

/* "5s", "500ms", "1m". */
static int parse_interval(const char *text, int64_t *ret_ms, struct err *e)
{
	size_t digits = strspn(text, "0123456789");
	auto_free char *number = xstrndup(text, digits);
	const char *unit = text + digits;
	uint64_t n, factor = str_eq(unit, "ms")            ? 1
			     : str_eq(unit, "m")           ? 60000
			     : str_eq(unit, "s") || !*unit ? 1000
							   : 0;

	if (!factor || str_to_u64(number, 1, 86400, &n) < 0)
		return err_set(e, EINVAL, "'--interval %s': expected a time like 5s", text);
	*ret_ms = (int64_t)(n * factor);
	return 0;
}

static int follow(const struct state *s, int64_t ms, struct err *e)
{
	const struct itimerspec every = { { ms / 1000, ms % 1000 * 1000000 },
		{ ms / 1000, ms % 1000 * 1000000 } };
	short oom_events = 0;
	auto_close int pidfd = state_pidfd(s), oom = cgroup_oom_fd(s->cgroup, &oom_events),
		       timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	uint64_t before = 0, count;

	if (timer < 0 || timerfd_settime(timer, 0, &every, NULL) < 0)
		return err_errno(e, "cannot make a timer");
	for (;;) {
		struct pollfd p[] = { { pidfd, POLLIN, 0 }, { timer, POLLIN, 0 },
			{ oom, oom_events, 0 } };
		uint64_t kills;
		if (poll(p, ARRAY_SIZE(p), -1) < 0 && errno != EINTR)
			return err_errno(e, "cannot wait");
		if (p[0].revents)
			return 0;
		if (p[1].revents && read(timer, &count, sizeof count) > 0 &&
			print_event(s, "stats", e) < 0)
			return -e->code;
		if (!p[2].revents)
			continue;
		cgroup_oom_seen(oom);
		kills = cgroup_oom_kills(s->cgroup);
		if (kills > before && print_event(s, "oom", e) < 0)
			return -e->code;
		before = kills;
	}
}

int verb_events(struct invocation *i, struct err *e)
{
	auto_state s = STATE_INIT;
	enum state_status status;
	int64_t ms = 0;

	if (parse_interval(i->o.interval ? i->o.interval : "5s", &ms, e) < 0 ||
		state_open(i->o.root, i->operands[0], false, &s, e) < 0)
		return -e->code;
	status = state_status(&s);
	if (status == STATE_STOPPED || status == STATE_CREATING)
		return err_set(e, EINVAL, "container '%s' is %s", s.id, state_word(status));
	if (!*s.cgroup)
		return err_set(e, ENOTSUP, "container '%s' has no control group", s.id);
	return i->o.stats ? print_event(&s, "stats", e) : follow(&s, ms, e);
}
