/* The configuration as data: one table of members, and what release, copy and JSON make of it. */
#include "engine/config.h"
#include "base/mem.h"
#include "engine/config_table.h"

#include <string.h>

#define M(struct_name, section, key, kind, member)                                                 \
	{                                                                                          \
		section, key, kind, offsetof(struct struct_name, member), NULL, NULL               \
	}

static const char *const mount_types[] = { "bind", "volume", "tmpfs", NULL };
static const char *const propagations[] = { "rprivate", "private", "rshared", "shared", "rslave",
	"slave", NULL };
static const char *const policies[] = { "no", "on-failure", "always", "unless-stopped", NULL };

static const struct member mount_members[] = {
	{ NULL, "Type", NAMED, offsetof(struct mount_config, type), mount_types, NULL },
	M(mount_config, NULL, "Source", TEXT, source),
	M(mount_config, NULL, "Target", TEXT, target),
	M(mount_config, NULL, "ReadOnly", FLAG, read_only),
	M(mount_config, "BindOptions", "CreateMountpoint", FLAG, make_source),
	M(mount_config, "BindOptions", "NonRecursive", FLAG, no_recursive),
	{ "BindOptions", "Propagation", NAMED, offsetof(struct mount_config, propagation),
		propagations, NULL },
	M(mount_config, "VolumeOptions", "NoCopy", FLAG, no_copy),
	M(mount_config, "VolumeOptions", "Driver", TEXT, driver),
	M(mount_config, "VolumeOptions", "Options", MAP, driver_opts),
	M(mount_config, "VolumeOptions", "Labels", MAP, labels),
	M(mount_config, "TmpfsOptions", "SizeBytes", COUNT, size),
	M(mount_config, "TmpfsOptions", "Mode", MODE, mode),
	M(mount_config, "TmpfsOptions", "Options", LIST, options),
	{ 0 },
};
static const struct table mount_table = { mount_members, sizeof(struct mount_config) };

static const struct member port_members[] = {
	M(port_config, NULL, "Protocol", TEXT, protocol),
	M(port_config, NULL, "HostIp", TEXT, host_address),
	M(port_config, NULL, "HostPort", PORT, host_port),
	M(port_config, NULL, "HostPortEnd", PORT, host_port_end),
	M(port_config, NULL, "ContainerPort", PORT, container_port),
	{ 0 },
};
static const struct table port_table = { port_members, sizeof(struct port_config) };

static const struct member device_members[] = {
	M(device_config, NULL, "PathOnHost", TEXT, host),
	M(device_config, NULL, "PathInContainer", TEXT, container),
	M(device_config, NULL, "CgroupPermissions", TEXT, permissions),
	{ 0 },
};
static const struct table device_table = { device_members, sizeof(struct device_config) };

static const struct member ulimit_members[] = {
	M(ulimit_config, NULL, "Name", TEXT, name),
	M(ulimit_config, NULL, "Soft", NUMBER, soft),
	M(ulimit_config, NULL, "Hard", NUMBER, hard),
	{ 0 },
};
static const struct table ulimit_table = { ulimit_members, sizeof(struct ulimit_config) };

static const struct member endpoint_members[] = {
	M(endpoint_config, NULL, "Network", TEXT, network),
	M(endpoint_config, NULL, "Aliases", LIST, aliases),
	M(endpoint_config, NULL, "IPv4Address", TEXT, address),
	{ 0 },
};
static const struct table endpoint_table = { endpoint_members, sizeof(struct endpoint_config) };

#define C(section, key, kind, member) M(container_config, section, key, kind, member)
#define CONFIG                        "Config"
#define HOST                          "HostConfig"
#define ARRAY_OF(section, key, member, sub)                                                        \
	{                                                                                          \
		section, key, ARRAY, offsetof(struct container_config, member), NULL, &sub         \
	}
static const struct member config_members[] = {
	C(NULL, "Name", TEXT, name),
	C(NULL, "RedockMachine", TEXT, machine),
	C(NULL, "RedockNotifyPath", TEXT, notify_path),
	C(CONFIG, "Image", TEXT, image),
	C(CONFIG, "Hostname", TEXT, hostname),
	C(CONFIG, "Domainname", TEXT, domainname),
	C(CONFIG, "MacAddress", TEXT, mac_address),
	C(CONFIG, "Labels", MAP, labels),
	C(CONFIG, "Entrypoint", LIST, entrypoint),
	C(CONFIG, "Cmd", LIST, cmd),
	C(CONFIG, "Env", LIST, env),
	C(CONFIG, "WorkingDir", TEXT, workdir),
	C(CONFIG, "User", TEXT, user),
	C(CONFIG, "Tty", FLAG, tty),
	C(CONFIG, "OpenStdin", FLAG, stdin_open),
	C(CONFIG, "StopSignal", TEXT, stop_signal),
	C(CONFIG, "StopTimeout", NUMBER, stop_timeout),
	C(CONFIG, "ExposedPorts", SET, exposed),
	C(CONFIG, "HealthcheckTest", LIST, health.test),
	C(CONFIG, "HealthcheckInterval", NUMBER, health.interval),
	C(CONFIG, "HealthcheckTimeout", NUMBER, health.timeout),
	C(CONFIG, "HealthcheckStartPeriod", NUMBER, health.start_period),
	C(CONFIG, "HealthcheckStartInterval", NUMBER, health.start_interval),
	C(CONFIG, "HealthcheckRetries", NUMBER, health.retries),
	C(HOST, "Annotations", MAP, annotations),
	C(HOST, "GroupAdd", LIST, groups),
	C(HOST, "Init", FLAG, init),
	C(HOST, "ConsoleRows", NUMBER, console_rows),
	C(HOST, "ConsoleColumns", NUMBER, console_columns),
	ARRAY_OF(HOST, "Ulimits", ulimits, ulimit_table),
	C(HOST, "OomScoreAdj", NUMBER, oom_score_adj),
	C(HOST, "OomKillDisable", FLAG, oom_kill_disable),
	C(HOST, "Privileged", FLAG, privileged),
	C(HOST, "ReadonlyRootfs", FLAG, read_only),
	C(HOST, "CapAdd", LIST, cap_add),
	C(HOST, "CapDrop", LIST, cap_drop),
	C(HOST, "SecurityOpt", LIST, security),
	ARRAY_OF(HOST, "Devices", devices, device_table),
	C(HOST, "DeviceCgroupRules", LIST, device_rules),
	C(HOST, "Sysctls", MAP, sysctls),
	C(HOST, "PidMode", TEXT, pid_mode),
	C(HOST, "IpcMode", TEXT, ipc_mode),
	C(HOST, "UTSMode", TEXT, uts_mode),
	C(HOST, "UsernsMode", TEXT, userns_mode),
	C(HOST, "CgroupnsMode", TEXT, cgroupns_mode),
	C(HOST, "CgroupParent", TEXT, cgroup_parent),
	C(HOST, "Memory", NUMBER, resources.memory),
	C(HOST, "MemorySwap", NUMBER, resources.memory_swap),
	C(HOST, "MemoryReservation", NUMBER, resources.memory_reservation),
	C(HOST, "NanoCpus", NUMBER, resources.nano_cpus),
	C(HOST, "CpuShares", NUMBER, resources.cpu_shares),
	C(HOST, "CpuPeriod", NUMBER, resources.cpu_period),
	C(HOST, "CpuQuota", NUMBER, resources.cpu_quota),
	C(HOST, "CpusetCpus", TEXT, resources.cpuset_cpus),
	C(HOST, "CpusetMems", TEXT, resources.cpuset_mems),
	C(HOST, "PidsLimit", NUMBER, resources.pids_limit),
	C(HOST, "BlkioWeight", NUMBER, resources.blkio_weight),
	C(HOST, "MemorySwappiness", NUMBER, resources.memory_swappiness),
	C(HOST, "RedockThrottles", LIST, throttles),
	C(HOST, "ShmSize", COUNT, shm_size),
	ARRAY_OF(HOST, "Mounts", mounts, mount_table),
	C(HOST, "VolumesFrom", LIST, volumes_from),
	C(HOST, "NetworkMode", TEXT, network),
	ARRAY_OF(HOST, "RedockEndpoints", endpoints, endpoint_table),
	C(HOST, "Links", LIST, links),
	C(HOST, "Dns", LIST, dns),
	C(HOST, "DnsSearch", LIST, dns_search),
	C(HOST, "DnsOptions", LIST, dns_options),
	C(HOST, "ExtraHosts", LIST, extra_hosts),
	ARRAY_OF(HOST, "RedockPorts", ports, port_table),
	C(HOST, "PublishAllPorts", FLAG, publish_all),
	C(HOST, "AutoRemove", FLAG, auto_remove),
	{ HOST, "RestartPolicy", NAMED, offsetof(struct container_config, restart), policies,
		NULL },
	C(HOST, "RestartMaximumRetryCount", NUMBER, restart_max),
	C(HOST, "LogDriver", TEXT, log_driver),
	C(HOST, "LogOptions", MAP, log_opts),
	{ 0 },
};
const struct table container_config_table = { config_members, sizeof(struct container_config) };

#define NEIGHBOURS(pointer, count)                                                                 \
	_Static_assert(offsetof(struct container_config, count) ==                                 \
			       offsetof(struct container_config, pointer) + sizeof(void *),        \
		#count " stands behind " #pointer)
NEIGHBOURS(mounts, n_mounts);
NEIGHBOURS(ports, n_ports);
NEIGHBOURS(devices, n_devices);
NEIGHBOURS(ulimits, n_ulimits);
NEIGHBOURS(endpoints, n_endpoints);
_Static_assert(ARRAY_SIZE(config_members) <= UINT8_MAX, "config_pack.c has a byte for a member");
_Static_assert(sizeof(enum mount_type) == sizeof(int), "NAMED members are ints");

static void release(const struct table *t, void *object)
{
	for (const struct member *m = t->members; m->key; m++) {
		void *at = (char *)object + m->offset;
		struct array *array = at;
		switch (m->kind) {
		case TEXT:
			free(*(char **)at);
			break;
		case LIST:
		case MAP:
		case SET:
			strv_release(at);
			break;
		case ARRAY:
			for (size_t i = 0; i < array->n; i++)
				release(m->sub, array->v + i * m->sub->size);
			free(array->v);
			break;
		default:
			break;
		}
	}
	memset(object, 0, t->size);
}

static void copy(const struct table *t, const void *from, void *to)
{
	memcpy(to, from, t->size);
	for (const struct member *m = t->members; m->key; m++) {
		const void *source = (const char *)from + m->offset;
		void *at = (char *)to + m->offset;
		struct array *array = at;
		const char *v;
		switch (m->kind) {
		case TEXT:
			*(char **)at =
				*(char *const *)source ? xstrdup(*(char *const *)source) : NULL;
			break;
		case LIST:
		case MAP:
		case SET:
			memset(at, 0, sizeof(struct strv));
			strv_extend(at, ((const struct strv *)source)->v);
			break;
		case ARRAY:
			v = array->v;
			array->v = array->n ? xcalloc(array->n, m->sub->size) : NULL;
			for (size_t i = 0; i < array->n; i++)
				copy(m->sub, v + i * m->sub->size, array->v + i * m->sub->size);
			break;
		default:
			break;
		}
	}
}

void container_config_release(struct container_config *c)
{
	release(&container_config_table, c);
}

void container_config_copy(const struct container_config *c, struct container_config *ret)
{
	copy(&container_config_table, c, ret);
}

/* ---- JSON ---- */

/* An argument or a path may be any bytes, and JSON is UTF-8: what is not travels as an object with
 * the bytes in hexadecimal digits. */
static json_t *text_to_json(const char *text)
{
	json_t *j = json_string(text);
	char digits[3];

	if (!j) {
		auto_str hex = STR_INIT(SIZE_MAX / 2);
		for (const char *c = text; *c; c++) {
			snprintf(digits, sizeof digits, "%02x", (unsigned char)*c);
			str_add(&hex, digits);
		}
		j = json_pack("{s:s}", "RedockBytes", str_text(&hex));
	}
	return j;
}

/* What text_to_json() wrote, or any string; NULL for anything else. The caller frees. */
static char *text_from_json(const json_t *j)
{
	const char *hex = json_str(j, "RedockBytes", NULL);
	auto_free char *text = NULL;
	size_t n;

	if (json_is_string(j))
		return xstrdup(json_string_value(j));
	if (!hex)
		return NULL;
	n = strlen(hex);
	if (n % 2 || strspn(hex, "0123456789abcdef") != n)
		return NULL;
	text = xcalloc(n / 2 + 1, 1);
	for (size_t i = 0; i < n; i += 2) {
		const char digits[3] = { hex[i], hex[i + 1], '\0' };
		text[i / 2] = (char)strtoul(digits, NULL, 16);
	}
	return strlen(text) == n / 2 ? take_ptr(&text) : NULL;
}

static json_t *list_to_json(const struct strv *v)
{
	json_t *array = json_array();

	for (size_t i = 0; i < v->n; i++)
		json_array_append_new(array, text_to_json(v->v[i]));
	return array;
}

static json_t *map_to_json(const struct strv *v)
{
	json_t *object = json_object();

	for (size_t i = 0; i < v->n; i++) {
		size_t key = strcspn(v->v[i], "=");
		auto_free char *name = xstrndup(v->v[i], key);
		json_object_set_new(
			object, name, text_to_json(v->v[i] + key + (v->v[i][key] == '=')));
	}
	return object;
}

static json_t *set_to_json(const struct strv *v)
{
	json_t *object = json_object();

	for (size_t i = 0; i < v->n; i++)
		json_object_set_new(object, v->v[i], json_object());
	return object;
}

static void to_json(const struct table *t, const void *object, json_t *ret);

static json_t *array_to_json(const struct table *sub, const struct array *array)
{
	json_t *ret = json_array();

	for (size_t i = 0; i < array->n; i++) {
		json_t *element = json_object();
		to_json(sub, array->v + i * sub->size, element);
		json_array_append_new(ret, element);
	}
	return ret;
}

/* NULL for a member that is zero. */
static json_t *value_to_json(const struct member *m, const void *at)
{
	const struct strv *list = at;
	const struct array *array = at;

	switch (m->kind) {
	case TEXT:
		return *(char *const *)at ? text_to_json(*(char *const *)at) : NULL;
	case LIST:
		return list->n ? list_to_json(list) : NULL;
	case MAP:
		return list->n ? map_to_json(list) : NULL;
	case SET:
		return list->n ? set_to_json(list) : NULL;
	case FLAG:
		return *(const bool *)at ? json_true() : NULL;
	case NUMBER:
	case COUNT:
		return *(const int64_t *)at ? json_integer(*(const int64_t *)at) : NULL;
	case PORT:
		return *(const uint16_t *)at ? json_integer(*(const uint16_t *)at) : NULL;
	case MODE:
		return *(const mode_t *)at ? json_integer(*(const mode_t *)at) : NULL;
	case NAMED:
		return *(const int *)at ? json_string(m->names[*(const int *)at]) : NULL;
	case ARRAY:
		return array->n ? array_to_json(m->sub, array) : NULL;
	}
	return NULL;
}

static void to_json(const struct table *t, const void *object, json_t *ret)
{
	for (const struct member *m = t->members; m->key; m++) {
		json_t *value = value_to_json(m, (const char *)object + m->offset), *into = ret;
		if (!value)
			continue;
		if (m->section && !(into = json_object_get(ret, m->section))) {
			into = json_object();
			json_object_set_new(ret, m->section, into);
		}
		json_object_set_new(into, m->key, value);
	}
}

void container_config_to_json(const struct container_config *c, json_t *object)
{
	to_json(&container_config_table, c, object);
}

static int wrong(const struct member *m, struct err *e)
{
	return err_set(e, EINVAL, "the configuration's '%s%s%s' cannot be what it is",
		m->section ? m->section : "", m->section ? "." : "", m->key);
}

static int from_json(const struct table *t, const json_t *object, void *ret, struct err *e);

static int array_from_json(
	const struct member *m, const json_t *value, struct array *ret, struct err *e)
{
	const json_t *element;
	size_t i;
	int r;

	if (!json_is_array(value))
		return wrong(m, e);
	ret->v = xcalloc(json_array_size(value) + 1, m->sub->size);
	json_array_foreach(value, i, element)
	{
		r = from_json(m->sub, element, ret->v + ret->n++ * m->sub->size, e);
		if (r < 0)
			return err_wrap(e, "in '%s'", m->key);
	}
	return 0;
}

static int object_from_json(
	const struct member *m, const json_t *value, struct strv *ret, struct err *e)
{
	const char *key;
	json_t *element;

	if (!json_is_object(value))
		return wrong(m, e);
	json_object_foreach((json_t *)value, key, element)
	{
		auto_free char *text = m->kind == SET ? NULL : text_from_json(element);
		if (m->kind == SET)
			strv_push(ret, key);
		else if (text)
			strv_pushf(ret, "%s=%s", key, text);
		else
			return wrong(m, e);
	}
	return 0;
}

static int list_from_json(
	const struct member *m, const json_t *value, struct strv *ret, struct err *e)
{
	const json_t *element;
	size_t i;

	if (!json_is_array(value))
		return wrong(m, e);
	json_array_foreach(value, i, element)
	{
		char *text = text_from_json(element);
		if (!text)
			return wrong(m, e);
		strv_push_take(ret, text);
	}
	return 0;
}

static int named_from_json(const struct member *m, const json_t *value, int *ret, struct err *e)
{
	const char *text = json_string_value(value);

	for (int i = 0; text && m->names[i]; i++)
		if (str_eq(text, m->names[i])) {
			*ret = i;
			return 0;
		}
	return wrong(m, e);
}

static int number_from_json(const struct member *m, const json_t *value, void *at, struct err *e)
{
	int64_t n = json_integer_value(value);

	if (!json_is_integer(value) || (m->kind == PORT && (n < 0 || n > UINT16_MAX)) ||
		(m->kind == MODE && (n < 0 || n > 07777)) || (m->kind == COUNT && n < 0))
		return wrong(m, e);
	if (m->kind == PORT)
		*(uint16_t *)at = (uint16_t)n;
	else if (m->kind == MODE)
		*(mode_t *)at = (mode_t)n;
	else
		*(int64_t *)at = n;
	return 0;
}

static int value_from_json(const struct member *m, const json_t *value, void *at, struct err *e)
{
	switch (m->kind) {
	case TEXT:
		*(char **)at = text_from_json(value);
		return *(char **)at ? 0 : wrong(m, e);
	case LIST:
		return list_from_json(m, value, at, e);
	case MAP:
	case SET:
		return object_from_json(m, value, at, e);
	case FLAG:
		if (!json_is_boolean(value))
			return wrong(m, e);
		*(bool *)at = json_is_true(value);
		return 0;
	case NUMBER:
	case COUNT:
	case PORT:
	case MODE:
		return number_from_json(m, value, at, e);
	case NAMED:
		return named_from_json(m, value, at, e);
	case ARRAY:
		return array_from_json(m, value, at, e);
	}
	return 0;
}

/* What it has read so far is *ret's to release, whatever it returns. */
static int from_json(const struct table *t, const json_t *object, void *ret, struct err *e)
{
	const char *section = NULL;
	const json_t *from = object;
	size_t left = json_object_size(from);

	/* most members are absent in most files: a section's others are not looked for when all
	 * that it has were found */
	for (const struct member *m = t->members; m->key; m++) {
		const json_t *value;
		if (m->section != section &&
			!(section && m->section && str_eq(section, m->section))) {
			section = m->section;
			from = section ? json_object_get(object, section) : object;
			left = json_object_size(from);
		}
		value = left ? json_object_get(from, m->key) : NULL;
		left -= value != NULL;
		if (!value || json_is_null(value))
			continue;
		int r = value_from_json(m, value, (char *)ret + m->offset, e);
		if (r < 0)
			return r;
	}
	return 0;
}

int container_config_from_json(const json_t *object, struct container_config *ret, struct err *e)
{
	int r;

	memset(ret, 0, sizeof *ret);
	r = from_json(&container_config_table, object, ret, e);
	if (r < 0)
		container_config_release(ret);
	return r;
}

/* ---- elements and names ---- */

static void *add(void *array_at, size_t size)
{
	struct array *array = array_at;
	char *element;

	array->v = xrealloc_array(array->v, array->n + 1, size);
	element = array->v + array->n++ * size;
	memset(element, 0, size);
	return element;
}

struct mount_config *container_config_add_mount(struct container_config *c)
{
	return add(&c->mounts, sizeof *c->mounts);
}

struct port_config *container_config_add_port(struct container_config *c)
{
	return add(&c->ports, sizeof *c->ports);
}

struct device_config *container_config_add_device(struct container_config *c)
{
	return add(&c->devices, sizeof *c->devices);
}

struct ulimit_config *container_config_add_ulimit(struct container_config *c)
{
	return add(&c->ulimits, sizeof *c->ulimits);
}

struct endpoint_config *container_config_add_endpoint(struct container_config *c)
{
	return add(&c->endpoints, sizeof *c->endpoints);
}

static int find_name(const char *const *names, const char *text)
{
	for (int i = 0; names[i]; i++)
		if (str_eq(names[i], text))
			return i;
	return -EINVAL;
}

const char *restart_policy_text(enum restart_policy policy)
{
	return policies[policy];
}

int restart_policy_parse(const char *text)
{
	return find_name(policies, text);
}

const char *mount_type_text(enum mount_type type)
{
	return mount_types[type];
}

const char *mount_propagation_text(enum mount_propagation propagation)
{
	return propagations[propagation];
}

int mount_propagation_parse(const char *text)
{
	return find_name(propagations, text);
}
