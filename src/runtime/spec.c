#include "runtime/spec.h"
#include "base/mem.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum field_type { TEXT, LIST, FLAG, NUMBER, COUNT, SMALL };
struct field {
	const char *key;
	enum field_type type;
	size_t offset;
};

#define F(member, type)                                                                            \
	{                                                                                          \
#member, type, offsetof(struct spec, member)                                       \
	}
static const struct field fields[] = {
	F(id, TEXT),
	F(args, LIST),
	F(env, LIST),
	F(cwd, TEXT),
	F(user, TEXT),
	F(tty, FLAG),
	F(stdin_open, FLAG),
	F(console_rows, NUMBER),
	F(console_columns, NUMBER),
	F(init, FLAG),
	F(no_new_privs, FLAG),
	F(caps.bounding, COUNT),
	F(caps.permitted, COUNT),
	F(caps.effective, COUNT),
	F(umask, NUMBER),
	F(state_dir, TEXT),
	F(lower, LIST),
	F(upper, TEXT),
	F(work, TEXT),
	F(mountpoint, TEXT),
	F(volatile_root, FLAG),
	F(hostname, TEXT),
	F(notify_path, TEXT),
	F(network, SMALL),
	F(cgroup, TEXT),
	F(resources.memory, NUMBER),
	F(resources.nano_cpus, NUMBER),
	F(resources.pids, NUMBER),
	F(shm_size, COUNT),
	F(stop_signal, SMALL),
	F(run_root, TEXT),
	F(name, TEXT),
	F(machine, TEXT),
	F(release, LIST),
	F(address, TEXT),
	F(auto_remove, FLAG),
};
#undef F

_Static_assert(sizeof(enum spec_network) == sizeof(int), "SMALL fields are ints");

void spec_release(struct spec *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		void *at = (char *)s + fields[i].offset;
		if (fields[i].type == TEXT)
			free(*(char **)at);
		else if (fields[i].type == LIST)
			strv_release(at);
	}
	for (size_t i = 0; i < s->n_mounts; i++) {
		free(s->mounts[i].source);
		free(s->mounts[i].target);
	}
	free(s->mounts);
	memset(s, 0, sizeof *s);
}

static void add(struct str *out, const char *key, const char *value)
{
	str_add(out, key);
	str_add_char(out, '=');
	str_add(out, value);
	str_add_char(out, '\0');
}

static void add_number(struct str *out, const char *key, long long value)
{
	char text[24];

	snprintf(text, sizeof text, "%lld", value);
	add(out, key, text);
}

void spec_encode(const struct spec *s, struct str *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		const struct field *f = &fields[i];
		const void *at = (const char *)s + f->offset;
		switch (f->type) {
		case TEXT:
			if (*(char *const *)at)
				add(out, f->key, *(char *const *)at);
			break;
		case LIST:
			for (size_t k = 0; k < ((const struct strv *)at)->n; k++)
				add(out, f->key, ((const struct strv *)at)->v[k]);
			break;
		case FLAG:
			if (*(const bool *)at)
				add(out, f->key, "1");
			break;
		case NUMBER:
		case COUNT:
			add_number(out, f->key, *(const int64_t *)at);
			break;
		case SMALL:
			add_number(out, f->key, *(const int *)at);
			break;
		}
	}
	for (size_t i = 0; i < s->n_mounts; i++) {
		const struct spec_mount *m = &s->mounts[i];
		add(out, "mount", m->target);
		add(out, "mount.source", m->source ? m->source : "");
		add_number(out, "mount.type", m->type);
		add_number(out, "mount.read_only", m->read_only);
		add_number(out, "mount.size", (long long)m->size);
		add_number(out, "mount.mode", m->mode);
	}
}

/* The whole text as a number; what add_number() wrote. */
static int number(const char *text, int64_t min, int64_t max, int64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoll(text, &end, 10);
	return errno || end == text || *end || *ret < min || *ret > max ? -EINVAL : 0;
}

static int set_mount(struct spec *s, const char *key, const char *value)
{
	struct spec_mount *m;
	int64_t n = 0;

	if (str_eq(key, "mount")) {
		s->mounts = xrealloc_array(s->mounts, s->n_mounts + 1, sizeof *s->mounts);
		m = &s->mounts[s->n_mounts++];
		*m = (struct spec_mount){ .target = xstrdup(value) };
		return 0;
	}
	if (!s->n_mounts)
		return -EINVAL;
	m = &s->mounts[s->n_mounts - 1];
	if (str_eq(key, "mount.source") && !m->source)
		m->source = xstrdup(value);
	else if (str_eq(key, "mount.type") && number(value, SPEC_BIND, SPEC_TMPFS, &n) == 0)
		m->type = (enum spec_mount_type)n;
	else if (str_eq(key, "mount.read_only") && number(value, 0, 1, &n) == 0)
		m->read_only = n;
	else if (str_eq(key, "mount.size") && number(value, INT64_MIN, INT64_MAX, &n) == 0)
		m->size = (uint64_t)n;
	else if (str_eq(key, "mount.mode") && number(value, 0, 07777, &n) == 0)
		m->mode = (mode_t)n;
	else
		return -EINVAL;
	return 0;
}

static int set_field(struct spec *s, const char *key, const char *value)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		void *at = (char *)s + fields[i].offset;
		int64_t n;
		if (!str_eq(fields[i].key, key))
			continue;
		switch (fields[i].type) {
		case TEXT:
			free(*(char **)at);
			*(char **)at = xstrdup(value);
			break;
		case LIST:
			strv_push(at, value);
			break;
		case FLAG:
			if (!str_eq(value, "1"))
				return -EINVAL;
			*(bool *)at = true;
			break;
		case NUMBER:
		case COUNT:
			if (number(value, INT64_MIN, INT64_MAX, &n) < 0)
				return -EINVAL;
			*(int64_t *)at = n;
			break;
		case SMALL:
			if (number(value, 0, INT_MAX, &n) < 0)
				return -EINVAL;
			*(int *)at = (int)n;
			break;
		}
		return 0;
	}
	return set_mount(s, key, value);
}

int spec_decode(const char *data, size_t len, struct spec *ret, struct err *e)
{
	auto_spec s = { 0 };

	if (len && data[len - 1] != '\0')
		return err_set(e, EINVAL, "the container's specification is cut off");
	for (const char *p = data, *end = data + len; p < end; p += strlen(p) + 1) {
		const char *eq = strchr(p, '=');
		auto_free char *key = eq ? xstrndup(p, (size_t)(eq - p)) : NULL;
		if (!key || set_field(&s, key, eq + 1) < 0)
			return err_set(e, EINVAL, "the container's specification is damaged");
	}
	if (!s.id || !s.args.n || !s.state_dir || !s.upper || !s.work || !s.mountpoint ||
		!s.cgroup || !s.run_root)
		return err_set(e, EINVAL, "the container's specification lacks a field");
	*ret = s;
	memset(&s, 0, sizeof s);
	return 0;
}
