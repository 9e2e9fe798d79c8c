/* config-linux.md, without the control groups. */
#include "base/mem.h"
#include "runtime/oci/config.h"
#include "runtime/oci/members.h"
#include "runtime/oci/names.h"

#include <string.h>
#include <sys/mount.h>
#include <sys/personality.h>

static int read_namespace(const json_t *value, void *spec, const char *where, struct err *e)
{
	struct text {
		char *type, *path;
	} t = { 0 };
	static const struct member table[] = {
		MEMBER(MEMBER_TEXT, "type", struct text, type, true),
		MEMBER(MEMBER_TEXT, "path", struct text, path, false),
		{ NULL },
	};
	struct spec *s = spec;
	int r = members_read(value, table, &t, where, e);
	int64_t flag = r == 0 ? name_namespace(t.type) : 0;

	if (r == 0 && !flag)
		r = err_set(e, EINVAL, "config.json: '%s': there is no namespace '%.40s'", where,
			t.type);
	for (size_t i = 0; r == 0 && i < s->n_namespaces; i++)
		if (s->namespaces[i].flag == flag)
			r = members_bad(e, where, "names a type for the second time");
	if (r == 0 && t.path && *t.path && *t.path != '/')
		r = members_bad(e, where, "has a path that is not absolute");
	if (r == 0) {
		s->namespaces =
			xrealloc_array(s->namespaces, s->n_namespaces + 1, sizeof *s->namespaces);
		s->namespaces[s->n_namespaces++] = (struct spec_namespace){ flag,
			t.path && *t.path ? take_ptr(&t.path) : NULL };
	}
	free(t.type);
	free(t.path);
	return r;
}

static int read_namespaces(const json_t *value, void *config, const char *where, struct err *e)
{
	return members_each(value, &((struct oci_config *)config)->spec, where, e, read_namespace);
}

struct map_list {
	struct spec_id_map **v;
	size_t *n;
};

static int read_map(const json_t *value, void *list, const char *where, struct err *e)
{
	static const struct member table[] = {
		MEMBER(MEMBER_NUMBER, "containerID", struct spec_id_map, inside, true, 0,
			UINT32_MAX),
		MEMBER(MEMBER_NUMBER, "hostID", struct spec_id_map, outside, true, 0, UINT32_MAX),
		MEMBER(MEMBER_NUMBER, "size", struct spec_id_map, count, true, 1, UINT32_MAX),
		{ NULL },
	};
	struct map_list *l = list;

	if (*l->n >= 340) /* user_namespaces(7): what the kernel takes */
		return members_bad(e, where, "is one mapping too many");
	*l->v = xrealloc_array(*l->v, *l->n + 1, sizeof **l->v);
	return members_read(value, table, &(*l->v)[(*l->n)++], where, e);
}

int config_read_maps(
	const json_t *value, struct spec_id_map **list, size_t *n, const char *where, struct err *e)
{
	struct map_list l = { list, n };

	return members_each(value, &l, where, e, read_map);
}

static int read_uid_maps(const json_t *value, void *config, const char *where, struct err *e)
{
	struct spec *s = &((struct oci_config *)config)->spec;

	return config_read_maps(value, &s->uid_maps, &s->n_uid_maps, where, e);
}

static int read_gid_maps(const json_t *value, void *config, const char *where, struct err *e)
{
	struct spec *s = &((struct oci_config *)config)->spec;

	return config_read_maps(value, &s->gid_maps, &s->n_gid_maps, where, e);
}

static int read_device(const json_t *value, void *spec, const char *where, struct err *e)
{
	struct text {
		char *type;
		struct spec_device d;
	} t = { .d = { .mode = 0666 } };
	static const struct member table[] = {
		MEMBER(MEMBER_TEXT, "type", struct text, type, true),
		MEMBER(MEMBER_TEXT, "path", struct text, d.path, true),
		MEMBER(MEMBER_NUMBER, "major", struct text, d.major, false, 0, 4095),
		MEMBER(MEMBER_NUMBER, "minor", struct text, d.minor, false, 0, 1048575),
		MEMBER(MEMBER_NUMBER, "fileMode", struct text, d.mode, false, 0, UINT32_MAX),
		MEMBER(MEMBER_NUMBER, "uid", struct text, d.uid, false, 0, 4294967294),
		MEMBER(MEMBER_NUMBER, "gid", struct text, d.gid, false, 0, 4294967294),
		{ NULL },
	};
	struct spec *s = spec;
	int r = members_read(value, table, &t, where, e);

	if (r == 0 && (strlen(t.type) != 1 || !strchr("cbup", *t.type)))
		r = members_bad(e, where, "has a type that is not one of c, b, u, p");
	if (r == 0 && *t.type != 'p' &&
		(!json_object_get(value, "major") || !json_object_get(value, "minor")))
		r = members_bad(e, where, "has no major or minor number");
	if (r == 0 && *t.d.path != '/')
		r = members_bad(e, where, "has a path that is not absolute");
	for (size_t len = r == 0 ? strlen(t.d.path) : 0; len > 1 && t.d.path[len - 1] == '/'; len--)
		t.d.path[len - 1] = '\0';
	if (r == 0) {
		t.d.type = *t.type == 'u' ? 'c' : *t.type; /* mknod(1): unbuffered */
		t.d.mode &= 07777;                         /* some write the type of file, too */
		s->devices = xrealloc_array(s->devices, s->n_devices + 1, sizeof *s->devices);
		s->devices[s->n_devices++] = t.d;
		t.d.path = NULL;
	}
	free(t.type);
	free(t.d.path);
	return r;
}

static int read_devices(const json_t *value, void *config, const char *where, struct err *e)
{
	return members_each(value, &((struct oci_config *)config)->spec, where, e, read_device);
}

static int read_sysctls(const json_t *value, void *config, const char *where, struct err *e)
{
	struct spec *s = &((struct oci_config *)config)->spec;
	const char *key;
	json_t *text;

	if (!json_is_object(value))
		return members_bad(e, where, "is not an object");
	json_object_foreach((json_t *)value, key, text)
	{
		/* "+" and a second line would each smuggle in another one (T26) */
		if (!json_is_string(text) || !str_is_one_line(key) || strpbrk(key, "=+ ") ||
			!*key || strchr(json_string_value(text), '\n'))
			return members_bad(e, where, "has a key or value that is no sysctl's");
		strv_pushf(&s->sysctls, "%s=%s", key, json_string_value(text));
	}
	return 0;
}

static int read_propagation(const json_t *value, void *config, const char *where, struct err *e)
{
	static const struct {
		const char *name;
		int64_t flags;
	} words[] = {
		{ "private", MS_PRIVATE },
		{ "rprivate", MS_REC | MS_PRIVATE },
		{ "rshared", MS_REC | MS_SHARED },
		{ "rslave", MS_REC | MS_SLAVE },
		{ "runbindable", MS_REC | MS_UNBINDABLE },
		{ "shared", MS_SHARED },
		{ "slave", MS_SLAVE },
		{ "unbindable", MS_UNBINDABLE },
	};
	const char *text = json_string_value(value);

	if (text && !*text)
		return 0;
	for (size_t i = 0; text && i < ARRAY_SIZE(words); i++)
		if (str_eq(words[i].name, text)) {
			((struct oci_config *)config)->spec.root_propagation = words[i].flags;
			return 0;
		}
	return members_bad(e, where, "is no way of propagation");
}

static int read_personality(const json_t *value, void *config, const char *where, struct err *e)
{
	const char *domain = json_string_value(json_object_get(value, "domain"));
	struct spec *s = &((struct oci_config *)config)->spec;

	if (!domain || (!str_eq(domain, "LINUX") && !str_eq(domain, "LINUX32")))
		return members_bad(e, where, "has a domain that is neither LINUX nor LINUX32");
	if (json_array_size(json_object_get(value, "flags")))
		return members_bad(e, where, "has flags: none is supported");
	s->personality = str_eq(domain, "LINUX32") ? PER_LINUX32 : PER_LINUX;
	return 0;
}

static int read_offset(const json_t *value, void *offset, const char *where, struct err *e)
{
	struct pair {
		int64_t secs, nanosecs;
	} *t = offset;
	static const struct member table[] = {
		MEMBER(MEMBER_NUMBER, "secs", struct pair, secs, false),
		MEMBER(MEMBER_NUMBER, "nanosecs", struct pair, nanosecs, false, 0, 999999999),
		{ NULL },
	};

	return members_read(value, table, t, where, e);
}

static int read_offsets(const json_t *value, void *config, const char *where, struct err *e)
{
	struct spec *s = &((struct oci_config *)config)->spec;
	const char *key;
	json_t *offset;

	if (!json_is_object(value))
		return members_bad(e, where, "is not an object");
	json_object_foreach((json_t *)value, key, offset)
	{
		int64_t pair[2] = { 0, 0 };
		if (!str_eq(key, "monotonic") && !str_eq(key, "boottime"))
			return members_bad(
				e, where, "has a clock that is not one of monotonic, boottime");
		if (read_offset(offset, pair, where, e) < 0)
			return -e->code;
		strv_pushf(&s->time_offsets, "%s %lld %lld", key, (long long)pair[0],
			(long long)pair[1]);
	}
	return 0;
}

static int read_seccomp(const json_t *value, void *config, const char *where, struct err *e)
{
	if (!json_is_object(value))
		return members_bad(e, where, "is not an object");
	if (!json_is_string(json_object_get(value, "defaultAction")))
		return members_bad(e, "linux.seccomp.defaultAction", "is missing");
	((struct oci_config *)config)->seccomp = (json_t *)value;
	return 0;
}

static int read_resources(const json_t *value, void *config, const char *where, struct err *e)
{
	return config_read_resources(
		value, &((struct oci_config *)config)->spec.resources, where, e);
}

/* What is asked for and cannot be had is an error, never left out; what is empty asks for nothing.
 */
static int refuse(const json_t *value, void *config, const char *where, struct err *e)
{
	(void)config;
	if (json_object_size(value))
		return err_set(e, ENOTSUP, "config.json: '%s' is not supported", where);
	return 0;
}

int config_read_linux(const json_t *value, void *config, const char *where, struct err *e)
{
	static const struct member table[] = {
		MEMBER_READ("namespaces", false, read_namespaces),
		MEMBER_READ("uidMappings", false, read_uid_maps),
		MEMBER_READ("gidMappings", false, read_gid_maps),
		MEMBER_READ("timeOffsets", false, read_offsets),
		MEMBER_READ("devices", false, read_devices),
		MEMBER(MEMBER_TEXT, "cgroupsPath", struct oci_config, cgroups_path, false),
		MEMBER_READ("resources", false, read_resources),
		MEMBER_READ("sysctl", false, read_sysctls),
		MEMBER_READ("seccomp", false, read_seccomp),
		MEMBER_READ("rootfsPropagation", false, read_propagation),
		MEMBER(MEMBER_LIST, "maskedPaths", struct oci_config, spec.masked, false),
		MEMBER(MEMBER_LIST, "readonlyPaths", struct oci_config, spec.read_only_paths,
			false),
		MEMBER(MEMBER_TEXT, "mountLabel", struct oci_config, spec.mount_label, false),
		MEMBER_READ("personality", false, read_personality),
		MEMBER_READ("intelRdt", false, refuse),
		MEMBER_READ("memoryPolicy", false, refuse),
		MEMBER_READ("netDevices", false, refuse),
		{ NULL },
	};
	struct spec *s = &((struct oci_config *)config)->spec;

	if (members_read(value, table, config, where, e) < 0)
		return -e->code;
	for (size_t i = 0; i < s->masked.n; i++)
		if (*s->masked.v[i] != '/')
			return members_bad(
				e, "linux.maskedPaths", "has a path that is not absolute");
	for (size_t i = 0; i < s->read_only_paths.n; i++)
		if (*s->read_only_paths.v[i] != '/')
			return members_bad(
				e, "linux.readonlyPaths", "has a path that is not absolute");
	return 0;
}
