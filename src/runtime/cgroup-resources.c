/* The limits themselves: their notations, and what is released. */
#include "base/mem.h"
#include "runtime/cgroup-tree.h"
#include "runtime/posture.h"

const char *const cg_throttle_names[CG_WEIGHT + 1] = {
	[CG_READ_BPS] = "read_bps",
	[CG_WRITE_BPS] = "write_bps",
	[CG_READ_IOPS] = "read_iops",
	[CG_WRITE_IOPS] = "write_iops",
	[CG_WEIGHT] = "weight",
};

void cgroup_resources_release(struct cgroup_resources *r)
{
	free(r->cpuset_cpus);
	free(r->cpuset_mems);
	strv_release(&r->blkio_throttle);
	strv_release(&r->hugetlb);
	strv_release(&r->unified);
	free(r->devices);
	*r = (struct cgroup_resources)CGROUP_RESOURCES_INIT;
}

/* Splits "WORD MAJOR:MINOR NUMBER" and the like: a copy of `text` in `buffer`, its words in `v`. */
static size_t words(const char *text, char *buffer, size_t size, char **v, size_t max)
{
	size_t n = 0;
	char *s = buffer, *word;

	if (strlen(text) >= size)
		return 0;
	memcpy(buffer, text, strlen(text) + 1);
	while ((word = strsep(&s, " "))) {
		if (n == max || !*word)
			return 0;
		v[n++] = word;
	}
	return n;
}

static int device_number(char *text, uint64_t *ret_major, uint64_t *ret_minor)
{
	char *colon = strchr(text, ':');

	if (!colon)
		return -EINVAL;
	*colon++ = '\0';
	return str_to_u64(text, 0, UINT32_MAX, ret_major) < 0 ||
			       str_to_u64(colon, 0, UINT32_MAX, ret_minor) < 0
		       ? -EINVAL
		       : 0;
}

int cg_throttle_parse(const char *text, struct cg_throttle *ret, struct err *e)
{
	char buffer[96], *v[3];
	uint64_t major, minor, value;

	if (words(text, buffer, sizeof buffer, v, 3) != 3 ||
		device_number(v[1], &major, &minor) < 0 ||
		str_to_u64(v[2], 0, INT64_MAX, &value) < 0)
		return err_set(e, EINVAL, "'%.96s' is no limit of block I/O", text);
	for (enum cg_throttle_kind kind = 0; kind <= CG_WEIGHT; kind++)
		if (str_eq(v[0], cg_throttle_names[kind])) {
			*ret = (struct cg_throttle){ kind, (unsigned)major, (unsigned)minor,
				value };
			return 0;
		}
	return err_set(e, EINVAL, "'%.96s' is no limit of block I/O", text);
}

int cg_hugetlb_parse(const char *text, struct cg_hugetlb *ret, struct err *e)
{
	char buffer[64], *v[2];

	if (words(text, buffer, sizeof buffer, v, 2) != 2 || strlen(v[0]) >= sizeof ret->size ||
		strspn(v[0], "0123456789KMGB") != strlen(v[0]) ||
		str_to_u64(v[1], 0, UINT64_MAX, &ret->limit) < 0)
		return err_set(e, EINVAL, "'%.64s' is no limit of huge pages", text);
	memcpy(ret->size, v[0], strlen(v[0]) + 1);
	return 0;
}

static int number_or_any(const char *text, int64_t *ret)
{
	uint64_t value;

	*ret = -1;
	if (str_eq(text, "*"))
		return 0;
	if (str_to_u64(text, 0, UINT32_MAX, &value) < 0)
		return -EINVAL;
	*ret = (int64_t)value;
	return 0;
}

static int device_parse(const char *rule, struct cgroup_device *ret)
{
	char buffer[48], *v[3], *minor;
	struct cgroup_device d = { .allow = true };

	if (words(rule, buffer, sizeof buffer, v, 3) != 3 || strlen(v[0]) != 1 ||
		!strchr("abc", v[0][0]) || !(minor = strchr(v[1], ':')))
		return -EINVAL;
	*minor++ = '\0';
	d.type = v[0][0];
	if (number_or_any(v[1], &d.major) < 0 || number_or_any(minor, &d.minor) < 0 ||
		strlen(v[2]) >= sizeof d.access || strspn(v[2], "rwm") != strlen(v[2]))
		return -EINVAL;
	memcpy(d.access, v[2], strlen(v[2]));
	*ret = d;
	return 0;
}

int cgroup_allow_device(struct cgroup_resources *r, const char *rule, struct err *e)
{
	struct cgroup_device d;

	if (device_parse(rule, &d) < 0) {
		err_set(e, EINVAL, "'%.48s' is no rule for devices", rule);
		return err_hint(e, "type, numbers and access, as in 'c 10:200 rwm' or 'b 8:* r'");
	}
	if (r->n_devices >= CG_DEVICES_MAX)
		return err_set(
			e, E2BIG, "there are more than %d rules for devices", CG_DEVICES_MAX);
	r->devices = xrealloc_array(r->devices, r->n_devices + 1, sizeof *r->devices);
	r->devices[r->n_devices++] = d;
	return 0;
}

void cgroup_default_devices(struct cgroup_resources *r)
{
	struct err e;

	r->deny_devices = true;
	for (const char *const *rule = posture_device_rules; *rule; rule++)
		if (cgroup_allow_device(r, *rule, &e) < 0)
			abort(); /* ours: a test goes through them */
}
