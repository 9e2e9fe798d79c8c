/* Limits, devices, capabilities, policies: what confines and supervises a container. */
#include "base/mem.h"
#include "base/str.h"
#include "cli/options.h"
#include "cli/values.h"
#include "engine/engine.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

static int parse_int(const char *text, int64_t *ret)
{
	uint64_t n;
	bool minus = *text == '-';

	if (str_to_u64(text + minus, 0, INT64_MAX, &n) < 0)
		return -EINVAL;
	*ret = minus ? -(int64_t)n : (int64_t)n;
	return 0;
}

static int within(
	const char *text, int64_t min, int64_t max, bool zero, int64_t *ret, struct err *e)
{
	int64_t n;

	if (parse_int(text, &n) < 0 || ((n < min || n > max) && !(zero && n == 0))) {
		err_set(e, EINVAL, "'%s' is out of range", text);
		return err_hint(e, "a whole number from %lld to %lld%s", (long long)min,
			(long long)max, zero ? ", or 0 for the default" : "");
	}
	*ret = n;
	return 0;
}

int value_cpu_shares(const char *text, void *ret_int64, struct err *e)
{
	return within(text, 2, 262144, true, ret_int64, e);
}

int value_blkio_weight(const char *text, void *ret_int64, struct err *e)
{
	return within(text, 10, 1000, true, ret_int64, e);
}

int value_swappiness(const char *text, void *ret_int64, struct err *e)
{
	int64_t *ret = ret_int64;

	if (str_eq(text, "-1")) { /* Docker's word for: not set */
		*ret = 0;
		return 0;
	}
	if (within(text, 0, 100, false, ret, e) < 0)
		return -EINVAL;
	if (*ret == 0)
		*ret = SWAPPINESS_NONE;
	return 0;
}

int value_oom_score(const char *text, void *ret_int64, struct err *e)
{
	return within(text, -1000, 1000, false, ret_int64, e);
}

int value_microseconds(const char *text, void *ret_int64, struct err *e)
{
	return within(text, 1000, INT64_MAX / 1000, true, ret_int64, e);
}

int value_count(const char *text, void *ret_int64, struct err *e)
{
	return within(text, 0, INT32_MAX, false, ret_int64, e);
}

int value_positive_size(const char *text, void *ret_int64, struct err *e)
{
	if (value_size(text, ret_int64, e) < 0)
		return -EINVAL;
	return *(int64_t *)ret_int64 > 0 ? 0 : err_set(e, EINVAL, "it must be more than 0");
}

int value_memory_swap(const char *text, void *ret_int64, struct err *e)
{
	if (str_eq(text, "-1")) {
		*(int64_t *)ret_int64 = -1;
		return 0;
	}
	return value_size(text, ret_int64, e);
}

/* cpuset(7), list format */
int value_cpuset(const char *text, void *ret_text, struct err *e)
{
	const char *p = text;

	while (isdigit((unsigned char)*p)) {
		char *end;
		unsigned long first = strtoul(p, &end, 10), last = first;

		if (*end == '-' && isdigit((unsigned char)end[1]))
			last = strtoul(end + 1, &end, 10);
		if (last < first || last > 65535)
			break;
		p = end;
		if (*p != ',')
			break;
		p++;
	}
	if (*p || p == text || p[-1] == ',') {
		err_set(e, EINVAL, "'%s' is no list of CPUs", text);
		return err_hint(e, "numbers and ranges, such as 0-3,7");
	}
	*(const char **)ret_text = text;
	return 0;
}

int value_device(const char *text, void *config, struct err *e)
{
	const char *colon = strchr(text, ':'), *second = colon ? strchr(colon + 1, ':') : NULL;
	const char *last = second ? second + 1 : colon ? colon + 1 : NULL;
	bool permissions = last && *last && strspn(last, "rwm") == strlen(last);
	struct device_config *d = container_config_add_device(config);

	d->host = colon ? xstrndup(text, (size_t)(colon - text)) : xstrdup(text);
	if (second)
		d->container = xstrndup(colon + 1, (size_t)(second - colon - 1));
	else
		d->container = xstrdup(colon && !permissions ? colon + 1 : d->host);
	d->permissions = xstrdup(permissions ? last : "rwm");
	if (d->host[0] != '/' || d->container[0] != '/' || (second && !permissions) ||
		!str_is_one_line(text)) {
		err_set(e, EINVAL, "'%s' is no device", text);
		return err_hint(e, "/dev/HOST[:/dev/CONTAINER[:rwm]]");
	}
	return 0;
}

/* setrlimit(2)'s names, in lower case */
static const char *const limits[] = { "as", "core", "cpu", "data", "fsize", "locks", "memlock",
	"msgqueue", "nice", "nofile", "nproc", "rss", "rtprio", "rttime", "sigpending", "stack",
	NULL };

static int limit_name(const char *name, struct err *e)
{
	const char *best = NULL;
	unsigned least = UINT_MAX;

	for (size_t i = 0; limits[i]; i++) {
		unsigned far = suggestion_distance(name, limits[i]);
		if (str_eq(name, limits[i]))
			return 0;
		if (far < least) {
			least = far;
			best = limits[i];
		}
	}
	err_set(e, EINVAL, "'%s' is no limit", name);
	return err_hint(e, "%s", best ? best : "nofile, nproc, core, memlock, ... of setrlimit(2)");
}

static int limit_value(const char *text, int64_t *ret)
{
	if (str_eq(text, "unlimited") || str_eq(text, "-1")) {
		*ret = -1;
		return 0;
	}
	return parse_int(text, ret) < 0 || *ret < 0 ? -EINVAL : 0;
}

int value_ulimit(const char *text, void *config, struct err *e)
{
	size_t name_len = strcspn(text, "=");
	auto_free char *name = xstrndup(text, name_len);
	const char *values = text[name_len] ? text + name_len + 1 : "";
	size_t soft_len = strcspn(values, ":");
	auto_free char *soft_text = xstrndup(values, soft_len);
	struct container_config *c = config;
	struct ulimit_config *u = NULL;
	int64_t soft, hard;

	if (limit_name(name, e) < 0)
		return -EINVAL;
	if (limit_value(soft_text, &soft) < 0 ||
		limit_value(values[soft_len] ? values + soft_len + 1 : soft_text, &hard) < 0) {
		err_set(e, EINVAL, "'%s' is no limit", text);
		return err_hint(e, "%s=SOFT[:HARD], numbers or -1 for none", name);
	}
	if (hard >= 0 && (soft > hard || soft < 0))
		return err_set(e, EINVAL, "the soft limit of '%s' is above the hard one", name);
	for (size_t i = 0; i < c->n_ulimits; i++) /* the last one given counts */
		if (str_eq(c->ulimits[i].name, name))
			u = &c->ulimits[i];
	if (!u) {
		u = container_config_add_ulimit(c);
		u->name = xstrdup(name);
	}
	u->soft = soft;
	u->hard = hard;
	return 0;
}

/* capabilities(7) of Linux 6.x */
static const char *const capabilities[] = { "ALL", "AUDIT_CONTROL", "AUDIT_READ", "AUDIT_WRITE",
	"BLOCK_SUSPEND", "BPF", "CHECKPOINT_RESTORE", "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH",
	"FOWNER", "FSETID", "IPC_LOCK", "IPC_OWNER", "KILL", "LEASE", "LINUX_IMMUTABLE",
	"MAC_ADMIN", "MAC_OVERRIDE", "MKNOD", "NET_ADMIN", "NET_BIND_SERVICE", "NET_BROADCAST",
	"NET_RAW", "PERFMON", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYSLOG", "SYS_ADMIN",
	"SYS_BOOT", "SYS_CHROOT", "SYS_MODULE", "SYS_NICE", "SYS_PACCT", "SYS_PTRACE", "SYS_RAWIO",
	"SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "WAKE_ALARM" };

int value_capability_push(const char *text, void *ret_strv, struct err *e)
{
	const char *name = strncasecmp(text, "CAP_", 4) == 0 ? text + 4 : text, *best = NULL;
	auto_free char *upper = xstrdup(name);
	unsigned least = UINT_MAX;

	for (char *p = upper; *p; p++)
		*p = (char)toupper((unsigned char)*p);
	for (size_t i = 0; i < ARRAY_SIZE(capabilities); i++) {
		unsigned far = suggestion_distance(upper, capabilities[i]);

		if (str_eq(upper, capabilities[i])) {
			strv_push(ret_strv, upper);
			return 0;
		}
		if (far < least) {
			least = far;
			best = capabilities[i];
		}
	}
	err_set(e, EINVAL, "'%s' is no capability", text);
	return err_hint(e, "%s", best ? best : "a name of capabilities(7), or ALL");
}

int value_restart(const char *text, void *config, struct err *e)
{
	struct container_config *c = config;
	size_t len = strcspn(text, ":");
	auto_free char *name = xstrndup(text, len);
	int policy = *name ? restart_policy_parse(name) : RESTART_NO;
	int64_t count = 0;

	if (policy < 0) {
		err_set(e, EINVAL, "'%s' is no restart policy", text);
		return err_hint(e, "no, on-failure[:COUNT], always or unless-stopped");
	}
	if (text[len] &&
		(policy != RESTART_ON_FAILURE || value_count(text + len + 1, &count, e) < 0))
		return err_set(
			e, EINVAL, "'%s': a count goes with on-failure, as a whole number", text);
	c->restart = (enum restart_policy)policy;
	c->restart_max = count;
	return 0;
}

int value_stop_timeout(const char *text, void *config, struct err *e)
{
	struct container_config *c = config;
	int64_t seconds;

	if (str_eq(text, "-1"))
		seconds = -1;
	else if (value_count(text, &seconds, e) < 0)
		return -EINVAL;
	c->stop_timeout = seconds == 0 ? STOP_AT_ONCE : seconds;
	return 0;
}

int value_signal_name(const char *text, void *ret_text, struct err *e)
{
	int ignored;

	if (value_signal(text, &ignored, e) < 0)
		return -EINVAL;
	*(const char **)ret_text = text;
	return 0;
}

int value_health_command(const char *text, void *config, struct err *e)
{
	struct container_config *c = config;

	if (!*text)
		return err_set(e, EINVAL, "the command is empty");
	strv_release(&c->health.test);
	strv_push(&c->health.test, "CMD-SHELL");
	strv_push(&c->health.test, text);
	return 0;
}
