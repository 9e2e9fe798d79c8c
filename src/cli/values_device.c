/* Limits of one block device: DEVICE:NUMBER. */
#include "base/mem.h"
#include "base/str.h"
#include "cli/values.h"
#include "engine/engine.h"

#include <errno.h>
#include <string.h>

static int no_limit(const char *text, const char *example, struct err *e)
{
	err_set(e, EINVAL, "'%s' is no limit of a device", text);
	return err_hint(e, "/dev/sda:%s", example);
}

/* The last limit of a kind that is given for a device counts. */
static void push(struct container_config *c, const char *kind, const char *device, int64_t n)
{
	auto_free char *prefix = xasprintf("%s %s ", kind, device);

	for (size_t i = 0; i < c->throttles.n; i++)
		if (str_starts(c->throttles.v[i], prefix)) {
			free(c->throttles.v[i]);
			c->throttles.v[i] = xasprintf("%s%lld", prefix, (long long)n);
			return;
		}
	strv_pushf(&c->throttles, "%s%lld", prefix, (long long)n);
}

static int add(const char *text, struct container_config *c, const char *kind,
	int parse(const char *, void *, struct err *), const char *example, struct err *e)
{
	const char *colon = strrchr(text, ':');
	auto_free char *device = colon ? xstrndup(text, (size_t)(colon - text)) : NULL;
	int64_t n = 0;

	if (!colon || *device != '/' || !str_is_one_line(device))
		return no_limit(text, example, e);
	if (parse(colon + 1, &n, e) < 0)
		return -EINVAL;
	if (n <= 0)
		return no_limit(text, example, e);
	push(c, kind, device, n);
	return 0;
}

int value_read_bps(const char *text, void *config, struct err *e)
{
	return add(text, config, "read_bps", value_size, "1mb", e);
}

int value_write_bps(const char *text, void *config, struct err *e)
{
	return add(text, config, "write_bps", value_size, "1mb", e);
}

int value_read_iops(const char *text, void *config, struct err *e)
{
	return add(text, config, "read_iops", value_count, "1000", e);
}

int value_write_iops(const char *text, void *config, struct err *e)
{
	return add(text, config, "write_iops", value_count, "1000", e);
}

int value_device_weight(const char *text, void *config, struct err *e)
{
	return add(text, config, "weight", value_blkio_weight, "500", e);
}
