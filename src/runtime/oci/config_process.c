/* config.md, "Process". */
#include "base/mem.h"
#include "runtime/oci/config.h"
#include "runtime/oci/members.h"
#include "runtime/oci/names.h"

#include <string.h>

struct process_text {
	struct spec *spec;
	int64_t uid, gid;
	struct strv caps;
};

static int read_gid(const json_t *value, void *spec, const char *where, struct err *e)
{
	struct spec *s = spec;
	json_int_t gid = json_integer_value(value);

	if (!json_is_integer(value) || gid < 0 || gid > 4294967294)
		return members_bad(e, where, "is not a group id (0 to 4294967294)");
	strv_pushf(&s->groups, "%lld", (long long)gid);
	return 0;
}

static int read_groups(const json_t *value, void *text, const char *where, struct err *e)
{
	struct spec *s = ((struct process_text *)text)->spec;

	strv_release(&s->groups);
	s->groups = (struct strv){ 0 };
	return members_each(value, s, where, e, read_gid);
}

static int read_umask(const json_t *value, void *text, const char *where, struct err *e)
{
	json_int_t n = json_integer_value(value);

	if (!json_is_integer(value) || n < 0 || n > 0777)
		return members_bad(e, where, "is not a mask (0 to 511)");
	((struct process_text *)text)->spec->umask = n;
	return 0;
}

static int read_user(const json_t *value, void *spec, const char *where, struct err *e)
{
	static const struct member table[] = {
		MEMBER(MEMBER_NUMBER, "uid", struct process_text, uid, false, 0, 4294967294),
		MEMBER(MEMBER_NUMBER, "gid", struct process_text, gid, false, 0, 4294967294),
		MEMBER_READ("umask", false, read_umask),
		MEMBER_READ("additionalGids", false, read_groups),
		{ NULL },
	};
	struct process_text t = { .spec = spec };

	if (members_read(value, table, &t, where, e) < 0)
		return -e->code;
	t.spec->only_groups = true; /* the list says it all */
	free(t.spec->user);
	t.spec->user = xasprintf("%lld:%lld", (long long)t.uid, (long long)t.gid);
	return 0;
}

static int read_console(const json_t *value, void *spec, const char *where, struct err *e)
{
	static const struct member table[] = {
		MEMBER(MEMBER_NUMBER, "height", struct spec, console_rows, true, 0, UINT16_MAX),
		MEMBER(MEMBER_NUMBER, "width", struct spec, console_columns, true, 0, UINT16_MAX),
		{ NULL },
	};

	return members_read(value, table, spec, where, e);
}

static int read_rlimit(const json_t *value, void *spec, const char *where, struct err *e)
{
	struct text {
		char *type;
		int64_t soft, hard;
	} t = { 0 };
	static const struct member table[] = {
		MEMBER(MEMBER_TEXT, "type", struct text, type, true),
		MEMBER(MEMBER_NUMBER, "soft", struct text, soft, true),
		MEMBER(MEMBER_NUMBER, "hard", struct text, hard, true),
		{ NULL },
	};
	struct spec *s = spec;
	int r = members_read(value, table, &t, where, e), number = -1;

	if (r == 0 && (number = name_rlimit(t.type)) < 0)
		r = err_set(
			e, EINVAL, "config.json: '%s': there is no limit '%.40s'", where, t.type);
	free(t.type);
	if (r < 0)
		return r;
	for (size_t i = 0; i < s->n_rlimits; i++)
		if (s->rlimits[i].resource == number)
			return members_bad(e, where, "sets a limit for the second time");
	s->rlimits = xrealloc_array(s->rlimits, s->n_rlimits + 1, sizeof *s->rlimits);
	/* what was clipped to the largest number, or is it, has no end */
	s->rlimits[s->n_rlimits++] = (struct spec_rlimit){ number,
		t.soft == INT64_MAX ? -1 : t.soft, t.hard == INT64_MAX ? -1 : t.hard };
	return 0;
}

static int read_rlimits(const json_t *value, void *spec, const char *where, struct err *e)
{
	struct spec *s = spec;

	s->n_rlimits = 0;
	return members_each(value, s, where, e, read_rlimit);
}

/* What the kernel does not know is left out: config.md wants a warning, see oci_config_warn(). */
static int read_cap(const json_t *value, void *set, const char *where, struct err *e)
{
	const char *name = json_string_value(value);
	int n = name ? name_capability(name) : -1;

	if (!name)
		return members_bad(e, where, "is not a string");
	if (n >= 0)
		*(uint64_t *)set |= UINT64_C(1) << n;
	return 0;
}

/* Limits that the specification has and no kernel of today (memory.kmem is gone since 6.1, and did
 * nothing since 5.4): a caller is not to believe in them. */
static void warn_of_limits(
	const struct oci_config *c, void (*warn)(void *data, const struct err *), void *data)
{
	const json_t *memory = json_object_get(
		json_object_get(json_object_get(c->document, "linux"), "resources"), "memory");
	struct err e = { 0 };

	if (!json_is_integer(json_object_get(memory, "kernel")))
		return;
	err_set(&e, ENOTSUP,
		"linux.resources.memory.kernel is not set: this kernel has no limit of kernel "
		"memory alone");
	warn(data, &e);
}

void oci_config_warn(
	const struct oci_config *c, void (*warn)(void *data, const struct err *), void *data)
{
	json_t *caps = json_object_get(json_object_get(c->document, "process"), "capabilities");
	const json_t *list, *name;
	const char *key;
	size_t i;

	json_object_foreach(caps, key, list)
	{
		json_array_foreach(list, i, name)
		{
			struct err e = { 0 };
			const char *text = json_string_value(name);
			if (!text || name_capability(text) >= 0)
				continue;
			err_set(&e, EINVAL, "there is no capability '%.40s'", text);
			warn(data, &e);
		}
	}
	warn_of_limits(c, warn, data);
}

static int read_caps(const json_t *value, void *spec, const char *where, struct err *e)
{
	struct spec *s = spec;
	const struct {
		const char *key;
		uint64_t *set;
	} sets[] = {
		{ "bounding", &s->caps.bounding },
		{ "effective", &s->caps.effective },
		{ "inheritable", &s->caps.inheritable },
		{ "permitted", &s->caps.permitted },
		{ "ambient", &s->caps.ambient },
	};

	if (!json_is_object(value))
		return members_bad(e, where, "is not an object");
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
		const json_t *list = json_object_get(value, sets[i].key);
		auto_free char *name = xasprintf("%s.%s", where, sets[i].key);
		*sets[i].set = 0;
		if (list && !json_is_null(list) &&
			members_each(list, sets[i].set, name, e, read_cap) < 0)
			return -e->code;
	}
	return 0;
}

static int read_oom(const json_t *value, void *spec, const char *where, struct err *e)
{
	struct spec *s = spec;
	json_int_t n = json_integer_value(value);

	if (!json_is_integer(value) || n < -1000 || n > 1000)
		return members_bad(e, where, "is not a number from -1000 to 1000");
	s->oom_score_adj = n;
	s->set_oom_score_adj = true;
	return 0;
}

int config_read_process(const json_t *value, void *config, const char *where, struct err *e)
{
	static const struct member table[] = {
		MEMBER(MEMBER_FLAG, "terminal", struct spec, tty, false),
		MEMBER_READ("consoleSize", false, read_console),
		MEMBER(MEMBER_TEXT, "cwd", struct spec, cwd, true),
		MEMBER(MEMBER_LIST, "env", struct spec, env, false),
		MEMBER(MEMBER_LIST, "args", struct spec, args, true),
		MEMBER_READ("rlimits", false, read_rlimits),
		MEMBER(MEMBER_TEXT, "apparmorProfile", struct spec, apparmor, false),
		MEMBER_READ("capabilities", false, read_caps),
		MEMBER(MEMBER_FLAG, "noNewPrivileges", struct spec, no_new_privs, false),
		MEMBER_READ("oomScoreAdj", false, read_oom),
		MEMBER(MEMBER_TEXT, "selinuxLabel", struct spec, selinux, false),
		MEMBER_READ("user", false, read_user),
		MEMBER_READ("scheduler", false, config_read_scheduler),
		MEMBER_READ("ioPriority", false, config_read_io_priority),
		MEMBER_READ("execCPUAffinity", false, config_read_affinity),
		{ NULL },
	};
	struct oci_config *c = config;
	struct spec *s = &c->spec;

	if (members_read(value, table, s, where, e) < 0)
		return -e->code;
	if (!s->args.n)
		return members_bad(e, "process.args", "is empty");
	if (*s->cwd != '/')
		return members_bad(e, "process.cwd", "is not an absolute path");
	for (size_t i = 0; i < s->n_rlimits; i++) {
		const struct spec_rlimit *l = &s->rlimits[i];
		if ((uint64_t)l->soft > (uint64_t)l->hard)
			return members_bad(
				e, "process.rlimits", "has a soft limit above its hard one");
	}
	c->has_process = true;
	return 0;
}
