#include "runtime/oci/config.h"
#include "base/json.h"
#include "base/mem.h"
#include "runtime/oci/members.h"
#include "runtime/oci/mounts.h"
#include "runtime/posture.h"

#include <ctype.h>
#include <sched.h>
#include <string.h>

void oci_config_release(struct oci_config *c)
{
	spec_release(&c->spec);
	free(c->version);
	free(c->cgroups_path);
	json_decref(c->document);
	*c = (struct oci_config)OCI_CONFIG_INIT;
}

static int read_version(const json_t *value, void *config, const char *where, struct err *e)
{
	struct oci_config *c = config;
	const char *text = json_string_value(value);

	if (!text)
		return members_bad(e, where, "is not a string");
	if (!str_starts(text, "1.") || !isdigit((unsigned char)text[2])) {
		err_set(e, ENOTSUP, "config.json: version '%.32s' is not one of 1.x.y", text);
		return err_hint(e, "set 'ociVersion' to \"" CONFIG_SPEC_VERSION "\"");
	}
	c->version = xstrdup(text);
	return 0;
}

static int read_root(const json_t *value, void *config, const char *where, struct err *e)
{
	static const struct member table[] = {
		MEMBER(MEMBER_TEXT, "path", struct oci_config, spec.rootfs, true),
		MEMBER(MEMBER_FLAG, "readonly", struct oci_config, spec.read_only_root, false),
		{ NULL },
	};

	return members_read(value, table, config, where, e);
}

struct hook_list {
	struct spec *spec;
	enum spec_hook_phase phase;
};

static int read_hook(const json_t *value, void *list, const char *where, struct err *e)
{
	static const struct member table[] = {
		MEMBER(MEMBER_TEXT, "path", struct spec_hook, path, true),
		MEMBER(MEMBER_LIST, "args", struct spec_hook, args, false),
		MEMBER(MEMBER_LIST, "env", struct spec_hook, env, false),
		MEMBER(MEMBER_NUMBER, "timeout", struct spec_hook, timeout, false, 1, INT32_MAX),
		{ NULL },
	};
	struct hook_list *l = list;
	struct spec *s = l->spec;
	struct spec_hook *h;

	h = spec_add_hook(s);
	h->phase = l->phase;
	if (members_read(value, table, h, where, e) < 0)
		return -e->code;
	return *h->path == '/' ? 0 : members_bad(e, where, "has a path that is not absolute");
}

static int read_hooks(const json_t *value, void *config, const char *where, struct err *e)
{
	static const struct {
		const char *key;
		enum spec_hook_phase phase;
	} phases[] = {
		{ "prestart", HOOK_PRESTART },
		{ "createRuntime", HOOK_CREATE_RUNTIME },
		{ "createContainer", HOOK_CREATE_CONTAINER },
		{ "startContainer", HOOK_START_CONTAINER },
		{ "poststart", HOOK_POSTSTART },
		{ "poststop", HOOK_POSTSTOP },
	};
	struct oci_config *c = config;

	if (!json_is_object(value))
		return members_bad(e, where, "is not an object");
	for (size_t i = 0; i < ARRAY_SIZE(phases); i++) {
		const json_t *list = json_object_get(value, phases[i].key);
		auto_free char *name = xasprintf("%s.%s", where, phases[i].key);
		struct hook_list l = { &c->spec, phases[i].phase };
		if (list && !json_is_null(list) && members_each(list, &l, name, e, read_hook) < 0)
			return -e->code;
	}
	return 0;
}

struct mount_text {
	char *source, *target, *type;
	struct strv options;
};

static void mount_text_release(struct mount_text *t)
{
	free(t->source);
	free(t->target);
	free(t->type);
	strv_release(&t->options);
}

static int read_mount_maps(
	const json_t *value, struct spec_mount *m, const char *where, struct err *e)
{
	const json_t *uids = json_object_get(value, "uidMappings"),
		     *gids = json_object_get(value, "gidMappings");

	if (!uids != !gids)
		return members_bad(e, where, "has only one of uidMappings and gidMappings");
	if (!uids)
		return 0;
	if (config_read_maps(uids, &m->uid_maps, &m->n_uid_maps, where, e) < 0 ||
		config_read_maps(gids, &m->gid_maps, &m->n_gid_maps, where, e) < 0)
		return -e->code;
	return 0;
}

static int read_mount(const json_t *value, void *config, const char *where, struct err *e)
{
	static const struct member table[] = {
		MEMBER(MEMBER_TEXT, "destination", struct mount_text, target, true),
		MEMBER(MEMBER_TEXT, "source", struct mount_text, source, false),
		MEMBER(MEMBER_TEXT, "type", struct mount_text, type, false),
		MEMBER(MEMBER_LIST, "options", struct mount_text, options, false),
		{ NULL },
	};
	__attribute__((cleanup(mount_text_release))) struct mount_text t = { 0 };
	struct spec *s = &((struct oci_config *)config)->spec;
	struct spec_mount *m;

	if (members_read(value, table, &t, where, e) < 0)
		return -e->code;
	m = spec_add_mount(s);
	m->type = SPEC_FILE_SYSTEM;
	if (read_mount_maps(value, m, where, e) < 0)
		return -e->code;
	/* before 1.2 a relative one was allowed, and begins at the root */
	m->target = *t.target == '/' ? take_ptr(&t.target) : xasprintf("/%s", t.target);
	if (t.type && str_eq(t.type, "bind"))
		m->type = SPEC_BIND;
	for (size_t i = 0; i < t.options.n; i++)
		mount_option(m, t.options.v[i]);
	if (m->type == SPEC_BIND && (!t.source || !*t.source))
		return members_bad(e, where, "is a bind mount without a source");
	if (m->type != SPEC_BIND && (!t.type || !*t.type))
		return members_bad(e, where, "has no type");
	m->source = take_ptr(&t.source);
	m->fs_type = m->type == SPEC_BIND ? NULL : take_ptr(&t.type);
	return 0;
}

static int read_mounts(const json_t *value, void *config, const char *where, struct err *e)
{
	return members_each(value, config, where, e, read_mount);
}

static int read_annotations(const json_t *value, void *config, const char *where, struct err *e)
{
	struct oci_config *c = config;
	const char *key;
	json_t *text;

	if (!json_is_object(value))
		return members_bad(e, where, "is not an object");
	json_object_foreach((json_t *)value, key,
		text) if (!*key || !json_is_string(text)) return members_bad(e, where,
		"has an empty key or a value that is not a string");
	c->annotations = (json_t *)value;
	return 0;
}

static const struct member config_table[] = {
	MEMBER_READ("ociVersion", true, read_version),
	MEMBER_READ("root", true, read_root),
	MEMBER_READ("mounts", false, read_mounts),
	MEMBER_READ("process", false, config_read_process),
	MEMBER(MEMBER_TEXT, "hostname", struct oci_config, spec.hostname, false),
	MEMBER(MEMBER_TEXT, "domainname", struct oci_config, spec.domainname, false),
	MEMBER_READ("hooks", false, read_hooks),
	MEMBER_READ("annotations", false, read_annotations),
	MEMBER_READ("linux", false, config_read_linux),
	{ NULL },
};

static void make_absolute(char **path, const char *bundle)
{
	char *old = *path;

	if (*old == '/')
		return;
	*path = xasprintf("%s/%s", bundle, old);
	free(old);
}

/* config-linux.md, "Default Devices": those that the configuration has not made something else of.
 */
static void add_default_devices(struct spec *s)
{
	for (const struct posture_device *d = posture_devices; d->name; d++) {
		auto_free char *path = xasprintf("/dev/%s", d->name);
		bool listed = false;
		for (size_t i = 0; i < s->n_devices; i++)
			listed = listed || str_eq(s->devices[i].path, path);
		if (!listed)
			*spec_add_device(s) = (struct spec_device){ .path = take_ptr(&path),
				.type = 'c',
				.major = d->major,
				.minor = d->minor,
				.mode = 0666 };
	}
}

/* Two members that name the same thing by different values. */
static bool conflicts(const struct spec *s, const char *sysctl, const char *name)
{
	for (size_t i = 0; i < s->sysctls.n; i++)
		if (name && *name && str_starts(s->sysctls.v[i], sysctl) &&
			!str_eq(s->sysctls.v[i] + strlen(sysctl), name))
			return true;
	return false;
}

/* What only holds between members. */
static int check_whole(struct oci_config *c, const char *bundle, struct err *e)
{
	struct spec *s = &c->spec;

	make_absolute(&s->rootfs, bundle);
	for (size_t i = 0; i < s->n_mounts; i++)
		if (s->mounts[i].type == SPEC_BIND)
			make_absolute(&s->mounts[i].source, bundle);
	if (!spec_namespace_of(s, CLONE_NEWNS))
		return members_bad(
			e, "linux.namespaces", "has no mount namespace: the host's would change");
	if ((s->hostname && !str_is_one_line(s->hostname)) ||
		(s->domainname && !str_is_one_line(s->domainname)))
		return members_bad(e, "hostname", "or 'domainname' has control characters");
	if (s->hostname && *s->hostname && !spec_namespace_of(s, CLONE_NEWUTS))
		return members_bad(e, "hostname", "needs a 'uts' namespace");
	if (s->domainname && *s->domainname && !spec_namespace_of(s, CLONE_NEWUTS))
		return members_bad(e, "domainname", "needs a 'uts' namespace");
	if (s->n_uid_maps + s->n_gid_maps && !spec_namespace_of(s, CLONE_NEWUSER))
		return members_bad(e, "linux.uidMappings", "needs a 'user' namespace");
	if (conflicts(s, "kernel.hostname=", s->hostname) ||
		conflicts(s, "kernel.domainname=", s->domainname))
		return members_bad(e, "linux.sysctl", "contradicts hostname or domainname");
	add_default_devices(s);
	s->network = SPEC_NETWORK_HOST; /* the list of namespaces says it all */
	return 0;
}

/* Docker writes "no limit" as 18446744073709551615, which no signed number holds: such tokens
 * become the largest that does, in place. */
static void clip_numbers(char *text, size_t len)
{
	static const char most[] = "9223372036854775807";
	const size_t digits = sizeof most - 1;
	bool quoted = false;

	for (size_t i = 0; i < len; i++) {
		size_t n = 0;
		if (quoted && text[i] == '\\') {
			i++;
			continue;
		}
		if (text[i] == '"')
			quoted = !quoted;
		if (quoted || !isdigit((unsigned char)text[i]))
			continue;
		while (i + n < len && isdigit((unsigned char)text[i + n]))
			n++;
		if ((n > digits || (n == digits && memcmp(text + i, most, n) > 0)) &&
			(i == 0 || !strchr("-.eE+", text[i - 1])) &&
			(i + n == len || !strchr(".eE", text[i + n]))) {
			memset(text + i, ' ', n);
			memcpy(text + i, most, digits);
		}
		i += n - 1;
	}
}

static int parse(char *text, size_t len, const char *what, json_t **ret, struct err *e)
{
	clip_numbers(text, len);
	return json_parse(text, len, what, ret, e);
}

int oci_config_parse(
	char *text, size_t len, const char *bundle, struct oci_config *ret, struct err *e)
{
	auto_oci_config c = OCI_CONFIG_INIT;

	if (parse(text, len, "config.json", &c.document, e) < 0)
		return -e->code;
	if (members_read(c.document, config_table, &c, "", e) < 0 || check_whole(&c, bundle, e) < 0)
		return -e->code;
	*ret = c;
	c = (struct oci_config)OCI_CONFIG_INIT;
	return 0;
}

int oci_process_parse(char *text, size_t len, struct spec *spec, struct err *e)
{
	auto_oci_config c = OCI_CONFIG_INIT;
	auto_json *j = NULL;
	int r;

	if (parse(text, len, "the process", &j, e) < 0)
		return -e->code;
	c.spec = *spec;
	r = config_read_process(j, &c, "process", e);
	*spec = c.spec;
	c.spec = (struct spec){ 0 };
	return r;
}

int oci_resources_parse(char *text, size_t len, struct cgroup_resources *ret, struct err *e)
{
	auto_json *j = NULL;

	if (parse(text, len, "the resources", &j, e) < 0)
		return -e->code;
	return config_read_resources(j, ret, "resources", e);
}
