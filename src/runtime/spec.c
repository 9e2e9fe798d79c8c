#include "runtime/spec.h"
#include "base/mem.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Elements of one list at most: no person writes so many, and a damaged file may say anything. */
#define ELEMENTS_MAX 65536

enum field_type {
	TEXT,    /* char * */
	LIST,    /* struct strv */
	FLAG,    /* bool */
	NUMBER,  /* int64_t */
	COUNT,   /* uint64_t */
	SMALL,   /* int, or an enum: 0 and more */
	MODE,    /* mode_t */
	LETTER,  /* char */
	LETTERS, /* char[4] with a NUL */
	ARRAY,   /* pointer to `record`s, and their number */
};

struct record;
struct field {
	const char *key;
	enum field_type type;
	size_t offset;
	size_t count; /* ARRAY: where the number is */
	const struct record *record;
};
struct record {
	const struct field *fields;
	size_t n, size;
};

#define F(type, member, field_type)                                                                \
	{                                                                                          \
#member, field_type, offsetof(struct type, member), 0, NULL                        \
	}
#define A(type, path, member, of)                                                                  \
	{                                                                                          \
#path #member, ARRAY, offsetof(struct type, path member),                          \
			offsetof(struct type, path n_##member), &of                                \
	}
#define RECORD(type, fields)                                                                       \
	{                                                                                          \
		fields, ARRAY_SIZE(fields), sizeof(struct type)                                    \
	}

static const struct field id_map_fields[] = {
	F(spec_id_map, inside, NUMBER),
	F(spec_id_map, outside, NUMBER),
	F(spec_id_map, count, NUMBER),
};
static const struct record id_map = RECORD(spec_id_map, id_map_fields);

static const struct field mount_fields[] = {
	F(spec_mount, type, SMALL),
	F(spec_mount, source, TEXT),
	F(spec_mount, target, TEXT),
	F(spec_mount, mount_ns, TEXT),
	F(spec_mount, ns_pid, NUMBER),
	F(spec_mount, ns_start, NUMBER),
	F(spec_mount, fs_type, TEXT),
	F(spec_mount, options, TEXT),
	F(spec_mount, read_only, FLAG),
	F(spec_mount, no_recursive, FLAG),
	F(spec_mount, copy_up, FLAG),
	F(spec_mount, attrs, COUNT),
	F(spec_mount, clear, COUNT),
	F(spec_mount, recursive_attrs, COUNT),
	F(spec_mount, recursive_clear, COUNT),
	F(spec_mount, propagation, NUMBER),
	F(spec_mount, size, COUNT),
	F(spec_mount, mode, MODE),
	A(spec_mount, , uid_maps, id_map),
	A(spec_mount, , gid_maps, id_map),
	F(spec_mount, recursive_maps, FLAG),
};
static const struct record mount = RECORD(spec_mount, mount_fields);

static const struct field namespace_fields[] = {
	F(spec_namespace, flag, NUMBER),
	F(spec_namespace, path, TEXT),
	F(spec_namespace, pid, NUMBER),
	F(spec_namespace, start, NUMBER),
};
static const struct record namespace = RECORD(spec_namespace, namespace_fields);

static const struct field rlimit_fields[] = {
	F(spec_rlimit, resource, NUMBER),
	F(spec_rlimit, soft, NUMBER),
	F(spec_rlimit, hard, NUMBER),
};
static const struct record rlimit = RECORD(spec_rlimit, rlimit_fields);

static const struct field device_fields[] = {
	F(spec_device, path, TEXT),
	F(spec_device, type, LETTER),
	F(spec_device, major, NUMBER),
	F(spec_device, minor, NUMBER),
	F(spec_device, mode, NUMBER),
	F(spec_device, uid, NUMBER),
	F(spec_device, gid, NUMBER),
};
static const struct record device = RECORD(spec_device, device_fields);

static const struct field hook_fields[] = {
	F(spec_hook, phase, SMALL),
	F(spec_hook, path, TEXT),
	F(spec_hook, args, LIST),
	F(spec_hook, env, LIST),
	F(spec_hook, timeout, NUMBER),
};
static const struct record hook = RECORD(spec_hook, hook_fields);

static const struct field device_rule_fields[] = {
	F(cgroup_device, allow, FLAG),
	F(cgroup_device, type, LETTER),
	F(cgroup_device, major, NUMBER),
	F(cgroup_device, minor, NUMBER),
	F(cgroup_device, access, LETTERS),
};
static const struct record device_rule = RECORD(cgroup_device, device_rule_fields);

#define S(member, type) F(spec, member, type)
static const struct field spec_fields[] = {
	S(id, TEXT),
	S(args, LIST),
	S(env, LIST),
	S(cwd, TEXT),
	S(user, TEXT),
	S(groups, LIST),
	S(only_groups, FLAG),
	S(tty, FLAG),
	S(stdin_open, FLAG),
	S(console_rows, NUMBER),
	S(console_columns, NUMBER),
	S(init, FLAG),
	S(no_new_privs, FLAG),
	S(keep_keyring, FLAG),
	S(preserve_fds, NUMBER),
	S(caps.bounding, COUNT),
	S(caps.permitted, COUNT),
	S(caps.effective, COUNT),
	S(caps.inheritable, COUNT),
	S(caps.ambient, COUNT),
	S(seccomp, TEXT),
	S(seccomp_flags, NUMBER),
	S(seccomp_listener, TEXT),
	S(seccomp_metadata, TEXT),
	S(apparmor, TEXT),
	S(selinux, TEXT),
	S(mount_label, TEXT),
	A(spec, , rlimits, rlimit),
	S(oom_score_adj, NUMBER),
	S(set_oom_score_adj, FLAG),
	S(umask, NUMBER),
	S(personality, NUMBER),
	S(set_scheduler, FLAG),
	S(sched_policy, NUMBER),
	S(sched_flags, NUMBER),
	S(sched_nice, NUMBER),
	S(sched_priority, NUMBER),
	S(sched_runtime, NUMBER),
	S(sched_deadline, NUMBER),
	S(sched_period, NUMBER),
	S(io_priority, NUMBER),
	S(cpus, TEXT),
	S(exec_cpus, TEXT),
	S(exec_final_cpus, TEXT),
	A(spec, , namespaces, namespace),
	A(spec, , uid_maps, id_map),
	A(spec, , gid_maps, id_map),
	S(time_offsets, LIST),
	S(rootfs, TEXT),
	S(state_dir, TEXT),
	S(lower, LIST),
	S(upper, TEXT),
	S(work, TEXT),
	S(mountpoint, TEXT),
	S(volatile_root, FLAG),
	S(read_only_root, FLAG),
	S(no_pivot, FLAG),
	S(root_propagation, NUMBER),
	S(hostname, TEXT),
	S(domainname, TEXT),
	A(spec, , mounts, mount),
	A(spec, , devices, device),
	S(masked, LIST),
	S(read_only_paths, LIST),
	S(sysctls, LIST),
	S(notify_path, TEXT),
	S(network, SMALL),
	A(spec, , hooks, hook),
	S(cgroup, TEXT),
	S(resources.memory, NUMBER),
	S(resources.memory_swap, NUMBER),
	S(resources.memory_reservation, NUMBER),
	S(resources.memory_swappiness, NUMBER),
	S(resources.oom_kill_disable, FLAG),
	S(resources.memory_kernel_tcp, NUMBER),
	S(resources.nano_cpus, NUMBER),
	S(resources.cpu_shares, NUMBER),
	S(resources.cpu_quota, NUMBER),
	S(resources.cpu_period, NUMBER),
	S(resources.cpu_burst, NUMBER),
	S(resources.cpu_rt_runtime, NUMBER),
	S(resources.cpu_rt_period, NUMBER),
	S(resources.cpu_idle, NUMBER),
	S(resources.cpuset_cpus, TEXT),
	S(resources.cpuset_mems, TEXT),
	S(resources.pids, NUMBER),
	S(resources.blkio_weight, NUMBER),
	S(resources.blkio_throttle, LIST),
	S(resources.hugetlb, LIST),
	S(resources.unified, LIST),
	A(spec, resources., devices, device_rule),
	S(resources.deny_devices, FLAG),
	S(shm_size, COUNT),
	S(stop_signal, SMALL),
	S(run_root, TEXT),
	S(name, TEXT),
	S(machine, TEXT),
	S(release, LIST),
	S(address, TEXT),
	S(auto_remove, FLAG),
	S(annotations, LIST),
	S(restart, NUMBER),
	S(restart_max, NUMBER),
	S(restarts, NUMBER),
	S(health, LIST),
	S(health_interval, NUMBER),
	S(health_timeout, NUMBER),
	S(health_start_period, NUMBER),
	S(health_start_interval, NUMBER),
	S(health_retries, NUMBER),
	S(log_driver, TEXT),
	S(log_opts, LIST),
	S(ports, LIST),
	S(network_release, LIST),
};
static const struct record whole = RECORD(spec, spec_fields);
#undef F
#undef A
#undef S

_Static_assert(sizeof(enum spec_network) == sizeof(int), "SMALL fields are ints");
_Static_assert(sizeof(mode_t) == sizeof(unsigned), "MODE fields are unsigned");

static void release_record(const struct record *r, char *base)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct field *f = &r->fields[i];
		void *at = base + f->offset;
		if (f->type == TEXT) {
			free(*(char **)at);
		} else if (f->type == LIST) {
			strv_release(at);
		} else if (f->type == ARRAY) {
			size_t n = *(size_t *)(base + f->count);
			for (size_t k = 0; k < n; k++)
				release_record(f->record, *(char **)at + k * f->record->size);
			free(*(char **)at);
		}
	}
	memset(base, 0, r->size);
}

void spec_release(struct spec *s)
{
	release_record(&whole, (char *)s);
}

static void add(struct str *out, const char *prefix, const char *key, const char *value)
{
	str_add(out, prefix);
	str_add(out, key);
	str_add_char(out, '=');
	str_add(out, value);
	str_add_char(out, '\0');
}

static void add_number(struct str *out, const char *prefix, const char *key, long long value)
{
	char text[24];

	if (value == 0)
		return; /* as is everything that the list does not name */
	snprintf(text, sizeof text, "%lld", value);
	add(out, prefix, key, text);
}

static void encode_record(
	const struct record *r, const char *base, const char *prefix, struct str *out);

/* Each element begins with a line of the list's own name. */
static void encode_array(
	const struct field *f, const char *base, const char *prefix, struct str *out)
{
	const char *elements = *(char *const *)(base + f->offset);
	size_t n = *(const size_t *)(base + f->count);
	auto_free char *inner = n ? xasprintf("%s%s.", prefix, f->key) : NULL;

	for (size_t k = 0; k < n; k++) {
		add(out, prefix, f->key, "");
		encode_record(f->record, elements + k * f->record->size, inner, out);
	}
}

static void encode_record(
	const struct record *r, const char *base, const char *prefix, struct str *out)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct field *f = &r->fields[i];
		const void *at = base + f->offset;
		switch (f->type) {
		case TEXT:
			if (*(char *const *)at)
				add(out, prefix, f->key, *(char *const *)at);
			break;
		case LIST:
			for (size_t k = 0; k < ((const struct strv *)at)->n; k++)
				add(out, prefix, f->key, ((const struct strv *)at)->v[k]);
			break;
		case FLAG:
			add_number(out, prefix, f->key, *(const bool *)at);
			break;
		case NUMBER:
		case COUNT:
			add_number(out, prefix, f->key, *(const int64_t *)at);
			break;
		case SMALL:
			add_number(out, prefix, f->key, *(const int *)at);
			break;
		case MODE:
			add_number(out, prefix, f->key, *(const mode_t *)at);
			break;
		case LETTER:
			add_number(out, prefix, f->key, *(const char *)at);
			break;
		case LETTERS:
			if (*(const char *)at)
				add(out, prefix, f->key, at);
			break;
		case ARRAY:
			encode_array(f, base, prefix, out);
			break;
		}
	}
}

void spec_encode(const struct spec *s, struct str *out)
{
	encode_record(&whole, (const char *)s, "", out);
}

/* The whole text as a number; what add_number() wrote. */
static int number(const char *text, int64_t min, int64_t max, int64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoll(text, &end, 10);
	return errno || end == text || *end || *ret < min || *ret > max ? -EINVAL : 0;
}

static void *append(void *list, size_t *n, size_t size)
{
	char **elements = list;

	*elements = xrealloc_array(*elements, *n + 1, size);
	memset(*elements + *n * size, 0, size);
	return *elements + (*n)++ * size;
}

static int set_field(const struct field *f, char *base, const char *value)
{
	void *at = base + f->offset;
	int64_t n = 0;

	switch (f->type) {
	case TEXT:
		if (*(char **)at)
			return -EINVAL;
		*(char **)at = xstrdup(value);
		return 0;
	case LIST:
		if (((struct strv *)at)->n >= ELEMENTS_MAX)
			return -EINVAL;
		strv_push(at, value);
		return 0;
	case FLAG:
		if (!str_eq(value, "1"))
			return -EINVAL;
		*(bool *)at = true;
		return 0;
	case NUMBER:
	case COUNT:
		if (number(value, INT64_MIN, INT64_MAX, &n) < 0)
			return -EINVAL;
		*(int64_t *)at = n;
		return 0;
	case SMALL:
		if (number(value, 0, INT_MAX, &n) < 0)
			return -EINVAL;
		*(int *)at = (int)n;
		return 0;
	case MODE:
		if (number(value, 0, 07777, &n) < 0)
			return -EINVAL;
		*(mode_t *)at = (mode_t)n;
		return 0;
	case LETTER:
		if (number(value, 1, 127, &n) < 0)
			return -EINVAL;
		*(char *)at = (char)n;
		return 0;
	case LETTERS:
		if (strlen(value) > 3)
			return -EINVAL;
		memcpy(at, value, strlen(value) + 1);
		return 0;
	case ARRAY:
		if (*value || *(size_t *)(base + f->count) >= ELEMENTS_MAX)
			return -EINVAL;
		append(at, (size_t *)(base + f->count), f->record->size);
		return 0;
	}
	return -EINVAL;
}

/* Sets what `key` names. Lines come in the table's order, so the search goes on from the field that
 * was found last (*from). */
static int set(const struct record *r, char *base, const char *key, const char *value, size_t *from)
{
	for (size_t i = 0; i < r->n; i++) {
		size_t at = *from + i < r->n ? *from + i : *from + i - r->n, len, n, inner = 0;
		const struct field *f = &r->fields[at];
		if (str_eq(f->key, key)) {
			*from = at;
			return set_field(f, base, value);
		}
		if (f->type != ARRAY)
			continue;
		len = strlen(f->key);
		n = *(size_t *)(base + f->count);
		if (strncmp(f->key, key, len) != 0 || key[len] != '.')
			continue;
		if (n == 0)
			return -EINVAL; /* a member of no element */
		*from = at;
		return set(f->record, *(char **)(base + f->offset) + (n - 1) * f->record->size,
			key + len + 1, value, &inner);
	}
	return -EINVAL;
}

static int decode(const char *data, size_t len, struct spec *s, struct err *e)
{
	size_t from = 0;

	if (len && data[len - 1] != '\0')
		return err_set(e, EINVAL, "the container's specification is cut off");
	for (const char *p = data, *end = data + len; p < end; p += strlen(p) + 1) {
		const char *eq = strchr(p, '=');
		char key[64];
		if (!eq || (size_t)(eq - p) >= sizeof key)
			return err_set(e, EINVAL, "the container's specification is damaged");
		memcpy(key, p, (size_t)(eq - p));
		key[eq - p] = '\0';
		if (set(&whole, (char *)s, key, eq + 1, &from) < 0)
			return err_set(e, EINVAL, "the container's specification is damaged");
	}
	for (size_t i = 0; i < s->n_mounts; i++)
		if (!s->mounts[i].target || s->mounts[i].type > SPEC_FILE_SYSTEM ||
			(s->mounts[i].type == SPEC_BIND && !s->mounts[i].source) ||
			(s->mounts[i].type == SPEC_FILE_SYSTEM && !s->mounts[i].fs_type))
			return err_set(e, EINVAL, "the container's specification has half a mount");
	for (size_t i = 0; i < s->n_devices; i++)
		if (!s->devices[i].path)
			return err_set(
				e, EINVAL, "the container's specification has half a device");
	for (size_t i = 0; i < s->n_hooks; i++)
		if (!s->hooks[i].path || s->hooks[i].phase > HOOK_POSTSTOP)
			return err_set(e, EINVAL, "the container's specification has half a hook");
	return 0;
}

static int finish(bool complete, struct spec *s, struct spec *ret, struct err *e)
{
	if (!complete) {
		spec_release(s);
		return err_set(e, EINVAL, "the container's specification lacks a field");
	}
	*ret = *s;
	return 0;
}

int spec_decode(const char *data, size_t len, struct spec *ret, struct err *e)
{
	struct spec s = { 0 };

	if (decode(data, len, &s, e) < 0) {
		spec_release(&s);
		return -e->code;
	}
	return finish(s.id && s.args.n && s.state_dir && s.cgroup && s.run_root &&
			      (s.rootfs || (s.upper && s.work && s.mountpoint)),
		&s, ret, e);
}

int spec_decode_exec(const char *data, size_t len, struct spec *ret, struct err *e)
{
	struct spec s = { 0 };

	if (decode(data, len, &s, e) < 0) {
		spec_release(&s);
		return -e->code;
	}
	return finish(s.args.n > 0, &s, ret, e);
}

struct spec_mount *spec_add_mount(struct spec *s)
{
	return append(&s->mounts, &s->n_mounts, sizeof *s->mounts);
}

struct spec_device *spec_add_device(struct spec *s)
{
	return append(&s->devices, &s->n_devices, sizeof *s->devices);
}

struct spec_namespace *spec_add_namespace(struct spec *s, int64_t flag, const char *path)
{
	struct spec_namespace *n = append(&s->namespaces, &s->n_namespaces, sizeof *n);

	n->flag = flag;
	n->path = path ? xstrdup(path) : NULL;
	return n;
}

struct spec_rlimit *spec_add_rlimit(struct spec *s)
{
	return append(&s->rlimits, &s->n_rlimits, sizeof *s->rlimits);
}

struct spec_hook *spec_add_hook(struct spec *s)
{
	return append(&s->hooks, &s->n_hooks, sizeof *s->hooks);
}

struct cgroup_device *spec_add_device_rule(struct spec *s)
{
	return append(&s->resources.devices, &s->resources.n_devices, sizeof *s->resources.devices);
}

struct spec_id_map *spec_add_id_map(struct spec_id_map **list, size_t *n)
{
	return append(list, n, sizeof **list);
}

const struct spec_namespace *spec_namespace_of(const struct spec *s, int64_t flag)
{
	for (size_t i = 0; i < s->n_namespaces; i++)
		if (s->namespaces[i].flag == flag)
			return &s->namespaces[i];
	return NULL;
}
