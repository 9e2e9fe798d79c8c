/* config-linux.md, "Control groups". */
#include "base/mem.h"
#include "runtime/oci/config.h"
#include "runtime/oci/members.h"

#include <string.h>

#define R(type, key, member, ...) MEMBER(type, key, struct cgroup_resources, member, __VA_ARGS__)

static int read_memory(const json_t *value, void *resources, const char *where, struct err *e)
{
	static const struct member table[] = {
		R(MEMBER_NUMBER, "limit", memory, false),
		R(MEMBER_NUMBER, "reservation", memory_reservation, false),
		R(MEMBER_NUMBER, "swap", memory_swap, false),
		R(MEMBER_NUMBER, "swappiness", memory_swappiness, false, 0, 200),
		R(MEMBER_NUMBER, "kernelTCP", memory_kernel_tcp, false),
		R(MEMBER_FLAG, "disableOOMKiller", oom_kill_disable, false),
		{ NULL },
	};

	return members_read(value, table, resources, where, e);
}

static int read_cpu(const json_t *value, void *resources, const char *where, struct err *e)
{
	static const struct member table[] = {
		R(MEMBER_NUMBER, "shares", cpu_shares, false, 0, INT64_MAX),
		R(MEMBER_NUMBER, "quota", cpu_quota, false),
		R(MEMBER_NUMBER, "burst", cpu_burst, false, 0, INT64_MAX),
		R(MEMBER_NUMBER, "period", cpu_period, false, 0, INT64_MAX),
		R(MEMBER_NUMBER, "realtimeRuntime", cpu_rt_runtime, false),
		R(MEMBER_NUMBER, "realtimePeriod", cpu_rt_period, false, 0, INT64_MAX),
		R(MEMBER_NUMBER, "idle", cpu_idle, false),
		R(MEMBER_TEXT, "cpus", cpuset_cpus, false),
		R(MEMBER_TEXT, "mems", cpuset_mems, false),
		{ NULL },
	};

	return members_read(value, table, resources, where, e);
}

static int read_pids(const json_t *value, void *resources, const char *where, struct err *e)
{
	static const struct member table[] = {
		R(MEMBER_NUMBER, "limit", pids, false),
		{ NULL },
	};

	return members_read(value, table, resources, where, e);
}

struct throttle {
	struct cgroup_resources *resources;
	const char *what;
	int64_t major, minor, rate;
};

static int read_throttle(const json_t *value, void *throttle, const char *where, struct err *e)
{
	static const struct member table[] = {
		MEMBER(MEMBER_NUMBER, "major", struct throttle, major, true, 0, 4095),
		MEMBER(MEMBER_NUMBER, "minor", struct throttle, minor, true, 0, 1048575),
		MEMBER(MEMBER_NUMBER, "rate", struct throttle, rate, false, 0, INT64_MAX),
		MEMBER(MEMBER_NUMBER, "weight", struct throttle, rate, false, 0, 1000),
		{ NULL },
	};
	struct throttle *t = throttle;

	if (members_read(value, table, t, where, e) < 0)
		return -e->code;
	strv_pushf(&t->resources->blkio_throttle, "%s %lld:%lld %lld", t->what, (long long)t->major,
		(long long)t->minor, (long long)t->rate);
	return 0;
}

static int read_block(const json_t *value, void *resources, const char *where, struct err *e)
{
	static const struct member table[] = {
		R(MEMBER_NUMBER, "weight", blkio_weight, false, 0, 1000),
		{ NULL },
	};
	static const char *const throttles[][2] = {
		{ "weightDevice", "weight" },
		{ "throttleReadBpsDevice", "read_bps" },
		{ "throttleWriteBpsDevice", "write_bps" },
		{ "throttleReadIOPSDevice", "read_iops" },
		{ "throttleWriteIOPSDevice", "write_iops" },
	};

	if (members_read(value, table, resources, where, e) < 0)
		return -e->code;
	for (size_t i = 0; i < ARRAY_SIZE(throttles); i++) {
		const json_t *list = json_object_get(value, throttles[i][0]);
		auto_free char *name = xasprintf("%s.%s", where, throttles[i][0]);
		struct throttle t = { .resources = resources, .what = throttles[i][1] };
		if (list && !json_is_null(list) &&
			members_each(list, &t, name, e, read_throttle) < 0)
			return -e->code;
	}
	return 0;
}

static int read_huge(const json_t *value, void *resources, const char *where, struct err *e)
{
	struct text {
		char *size;
		int64_t limit;
	} t = { 0 };
	static const struct member table[] = {
		MEMBER(MEMBER_TEXT, "pageSize", struct text, size, true),
		MEMBER(MEMBER_NUMBER, "limit", struct text, limit, true, 0, INT64_MAX),
		{ NULL },
	};
	struct cgroup_resources *r = resources;
	int result = members_read(value, table, &t, where, e);
	size_t digits = t.size ? strspn(t.size, "0123456789") : 0;

	/* it becomes part of a file's name */
	if (result == 0 &&
		(!digits || (!str_eq(t.size + digits, "KB") && !str_eq(t.size + digits, "MB") &&
				    !str_eq(t.size + digits, "GB"))))
		result = members_bad(e, where, "has a page size that is not like 2MB");
	if (result == 0)
		strv_pushf(&r->hugetlb, "%s %lld", t.size, (long long)t.limit);
	free(t.size);
	return result;
}

static int read_huges(const json_t *value, void *resources, const char *where, struct err *e)
{
	return members_each(value, resources, where, e, read_huge);
}

static int read_rule(const json_t *value, void *resources, const char *where, struct err *e)
{
	struct text {
		bool allow;
		char *type, *access;
		int64_t major, minor;
	} t = { .major = -1, .minor = -1 };
	static const struct member table[] = {
		MEMBER(MEMBER_FLAG, "allow", struct text, allow, true),
		MEMBER(MEMBER_TEXT, "type", struct text, type, false),
		MEMBER(MEMBER_TEXT, "access", struct text, access, false),
		MEMBER(MEMBER_NUMBER, "major", struct text, major, false, -1, 4095),
		MEMBER(MEMBER_NUMBER, "minor", struct text, minor, false, -1, 1048575),
		{ NULL },
	};
	struct cgroup_resources *r = resources;
	struct cgroup_device *d;
	int result = members_read(value, table, &t, where, e);

	if (result == 0 && t.type && *t.type && (strlen(t.type) != 1 || !strchr("abc", *t.type)))
		result = members_bad(e, where, "has a type that is not one of a, b, c");
	if (result == 0 && t.access &&
		(strlen(t.access) > 3 || strspn(t.access, "rwm") != strlen(t.access)))
		result = members_bad(e, where, "has an access that is not of r, w, m");
	if (result == 0) {
		r->devices = xrealloc_array(r->devices, r->n_devices + 1, sizeof *r->devices);
		d = &r->devices[r->n_devices++];
		*d = (struct cgroup_device){ .allow = t.allow,
			.type = t.type && *t.type ? *t.type : 'a',
			.major = t.major,
			.minor = t.minor };
		snprintf(d->access, sizeof d->access, "%s",
			t.access && *t.access ? t.access : "rwm");
	}
	free(t.type);
	free(t.access);
	return result;
}

/* What a container has whatever the list says: the devices of config-linux.md, "Default Devices",
 * terminals, and to make any node. */
static void add_default_rules(struct cgroup_resources *r)
{
	static const struct cgroup_device always[] = {
		{ true, 'c', -1, -1, "m" },
		{ true, 'b', -1, -1, "m" },
		{ true, 'c', 1, 3, "rwm" },
		{ true, 'c', 1, 5, "rwm" },
		{ true, 'c', 1, 7, "rwm" },
		{ true, 'c', 1, 8, "rwm" },
		{ true, 'c', 1, 9, "rwm" },
		{ true, 'c', 5, 0, "rwm" },
		{ true, 'c', 5, 2, "rwm" },
		{ true, 'c', 136, -1, "rwm" },
	};

	r->devices =
		xrealloc_array(r->devices, r->n_devices + ARRAY_SIZE(always), sizeof *r->devices);
	memcpy(r->devices + r->n_devices, always, sizeof always);
	r->n_devices += ARRAY_SIZE(always);
}

static int read_rules(const json_t *value, void *resources, const char *where, struct err *e)
{
	struct cgroup_resources *r = resources;

	if (members_each(value, r, where, e, read_rule) < 0)
		return -e->code;
	if (r->n_devices) {
		/* the usual first rule, said in the list's own way */
		const struct cgroup_device *first = &r->devices[0];
		if (!first->allow && first->type == 'a' && first->major < 0 && first->minor < 0 &&
			str_eq(first->access, "rwm")) {
			r->deny_devices = true;
			memmove(r->devices, r->devices + 1, --r->n_devices * sizeof *r->devices);
		}
		add_default_rules(r);
	}
	return 0;
}

/* Version 1's net_cls and net_prio: a limit that cannot be set is an error, never left out. */
static int refuse_network(const json_t *value, void *resources, const char *where, struct err *e)
{
	const json_t *id = json_object_get(value, "classID");

	if ((id && json_integer_value(id) != 0) ||
		json_array_size(json_object_get(value, "priorities")))
		return err_set(e, ENOTSUP,
			"config.json: '%s': classes and priorities of network "
			"packets are not supported",
			where);
	return 0;
}

static int refuse_rdma(const json_t *value, void *resources, const char *where, struct err *e)
{
	if (json_object_size(value))
		return err_set(e, ENOTSUP, "config.json: '%s' is not supported", where);
	return 0;
}

static int read_unified(const json_t *value, void *resources, const char *where, struct err *e)
{
	struct cgroup_resources *r = resources;
	const char *key;
	json_t *text;

	if (!json_is_object(value))
		return members_bad(e, where, "is not an object");
	json_object_foreach((json_t *)value, key, text)
	{
		if (!json_is_string(text) || !*key || strchr(key, '/') || strchr(key, '=') ||
			!strchr(key, '.') || str_starts(key, "cgroup.") || !str_is_one_line(key))
			return err_set(e, EINVAL,
				"config.json: '%s': '%.60s' is no controller's file", where, key);
		strv_pushf(&r->unified, "%s=%s", key, json_string_value(text));
	}
	return 0;
}

int config_read_resources(const json_t *value, void *resources, const char *where, struct err *e)
{
	static const struct member table[] = {
		MEMBER_READ("memory", false, read_memory),
		MEMBER_READ("cpu", false, read_cpu),
		MEMBER_READ("pids", false, read_pids),
		MEMBER_READ("blockIO", false, read_block),
		MEMBER_READ("hugepageLimits", false, read_huges),
		MEMBER_READ("network", false, refuse_network),
		MEMBER_READ("rdma", false, refuse_rdma),
		MEMBER_READ("devices", false, read_rules),
		MEMBER_READ("unified", false, read_unified),
		{ NULL },
	};

	return members_read(value, table, resources, where, e);
}
