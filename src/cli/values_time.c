/* Durations and points in time as options give them. */
#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "cli/values.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define SECOND 1000000000LL

static const struct {
	const char *name;
	int64_t ns;
} units[] = {
	/* longer ones before their beginnings */
	{ "ns", 1 },
	{ "us", 1000 },
	{ "\302\265s", 1000 },
	{ "ms", 1000000 },
	{ "s", SECOND },
	{ "m", 60 * SECOND },
	{ "h", 3600 * SECOND },
	{ "d", 86400 * SECOND },
};

/* "1h30m", "1.5s": Go's form, and days. */
static int parse_duration(const char *text, int64_t *ret)
{
	__int128 total = 0;

	if (str_eq(text, "0")) {
		*ret = 0;
		return 0;
	}
	for (const char *p = text; *p || p == text;) {
		size_t unit = 0;
		int64_t scaled;

		/* the unit first, since it is the scale of the digits before it */
		const char *after = p + strspn(p, "0123456789.");
		while (unit < ARRAY_SIZE(units) && !str_starts(after, units[unit].name))
			unit++;
		if (unit == ARRAY_SIZE(units) || value_decimal(&p, units[unit].ns, &scaled) < 0 ||
			p != after)
			return -EINVAL;
		p += strlen(units[unit].name);
		total += scaled;
		if (total > INT64_MAX)
			return -ERANGE;
	}
	*ret = (int64_t)total;
	return 0;
}

int value_duration(const char *text, void *ret_int64, struct err *e)
{
	if (parse_duration(text, ret_int64) < 0) {
		err_set(e, EINVAL, "'%s' is no duration", text);
		return err_hint(e, "numbers with units: 30s, 1m30s, 500ms, 2h");
	}
	return 0;
}

/* "1700000000", "1700000000.5": seconds since 1970 */
static int parse_unix(const char *text, int64_t *ret)
{
	const char *p = text;

	return value_decimal(&p, SECOND, ret) < 0 || *p ? -EINVAL : 0;
}

/* Docker's shorter forms of RFC 3339, in the caller's time zone. */
static int parse_local(const char *text, int64_t *ret)
{
	static const char *const forms[] = { "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H",
		"%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M" };

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		struct tm tm = { .tm_isdst = -1 };
		const char *end = strptime(text, forms[i], &tm);
		int64_t fraction = 0;
		time_t t;

		if (!end)
			continue;
		if (*end == '.' && value_decimal(&end, SECOND, &fraction) < 0)
			continue;
		t = *end ? -1 : mktime(&tm);
		if (t < 0)
			continue;
		*ret = (int64_t)t * SECOND + fraction;
		return 0;
	}
	return -EINVAL;
}

int value_moment(const char *text, void *ret_int64, struct err *e)
{
	int64_t *ret = ret_int64, ago;

	if (parse_unix(text, ret) == 0 || time_parse(text, ret) == 0 || parse_local(text, ret) == 0)
		return 0;
	if (parse_duration(text, &ago) == 0) {
		*ret = time_now() - ago;
		return 0;
	}
	err_set(e, EINVAL, "'%s' is no time", text);
	return err_hint(e, "10m, 2024-05-17T08:30:00Z or 1715934600");
}
