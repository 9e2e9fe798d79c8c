#include "runtime/oci/group.h"
#include "base/mem.h"

#include <string.h>

/* Below the mount points of the hierarchies and nowhere else. */
static char *plain_path(const char *path, struct err *e)
{
	auto_free char *copy = xstrdup(path);
	auto_str out = STR_INIT(4096);
	char *save = NULL;

	for (char *part = strtok_r(copy, "/", &save); part; part = strtok_r(NULL, "/", &save)) {
		if (str_eq(part, "."))
			continue;
		if (str_eq(part, "..") || !str_is_one_line(part)) {
			err_set(e, EINVAL, "'%s' is no path of a control group", path);
			return NULL;
		}
		str_addf(&out, "%s%s", out.len ? "/" : "", part);
	}
	if (out.overflow || !out.len) {
		err_set(e, EINVAL, "'%s' is no path of a control group", path);
		return NULL;
	}
	return str_take(&out);
}

void group_release(struct group *g)
{
	cgroup_hold_release(&g->hold);
	free(g->path);
	free(g->slice);
	free(g->scope);
	*g = (struct group)GROUP_INIT;
}

/* systemd.unit(5): what a unit's name may be made of. */
static bool is_unit(const char *name, const char *suffix)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789:-_.\\@";
	size_t len = strlen(name), end = strlen(suffix);

	return len > end && len < 256 && strspn(name, letters) == len && *name != '-' &&
	       *name != '.' && str_eq(name + len - end, suffix);
}

/* "slice:prefix:name"; nothing at all is a scope of ours in the system's slice. */
static int choose_scope(const char *path, const char *id, struct group *g, struct err *e)
{
	auto_free char *copy = path && *path ? xstrdup(path) : xasprintf(":redock:%s", id);
	char *prefix = strchr(copy, ':'), *name = prefix ? strchr(prefix + 1, ':') : NULL;

	if (!name || strchr(name + 1, ':'))
		return err_set(e, EINVAL,
			"'%s' is not like SLICE:PREFIX:NAME, which systemd's groups are", path);
	*prefix++ = *name++ = '\0';
	g->slice = xstrdup(*copy ? copy : "system.slice");
	g->scope = xasprintf("%s%s%s.scope", prefix, *prefix ? "-" : "", *name ? name : id);
	if (!is_unit(g->slice, ".slice"))
		return err_set(e, EINVAL, "'%.200s' is no name of a slice", g->slice);
	if (!is_unit(g->scope, ".scope"))
		return err_set(e, EINVAL, "'%.200s' is no name of a scope", g->scope);
	return 0;
}

int group_choose(const struct invocation *i, const char *cgroups_path, const char *id,
	struct group *ret, struct err *e)
{
	const char *manager = i->o.cgroup_manager ? i->o.cgroup_manager
						  : (i->o.systemd_cgroup ? "systemd" : "cgroupfs");
	auto_free char *own = xasprintf(GROUP_PARENT "/%s", id);

	if (str_eq(manager, "systemd")) {
		if (cgroup_is_systemds())
			return choose_scope(cgroups_path, id, ret, e);
		err_set(e, ENOTSUP,
			"'--systemd-cgroup': control groups are not systemd's here (it does not "
			"run, or they are not version 2 alone)");
		return err_hint(e,
			"leave the option out; docker: --exec-opt "
			"native.cgroupdriver=cgroupfs; podman: --cgroup-manager cgroupfs");
	}
	if (!str_eq(manager, "disabled") && !str_eq(manager, "cgroupfs"))
		return err_set(
			e, EINVAL, "'%s' is not one of cgroupfs, systemd, disabled", manager);
	if (str_eq(manager, "disabled") || cgroup_layout() == CGROUP_NONE)
		ret->path = xstrdup("");
	else
		ret->path = plain_path(cgroups_path && *cgroups_path ? cgroups_path : own, e);
	return ret->path ? 0 : -e->code;
}

int group_make(struct group *g, const struct cgroup_resources *r, const char *id, struct err *e)
{
	auto_free char *description = xasprintf("container %s", id);
	const struct cgroup_scope scope = {
		.slice = g->slice, .unit = g->scope, .description = description, .resources = r
	};

	if (g->scope && cgroup_scope_start(&scope, &g->path, &g->hold, e) < 0)
		return -e->code;
	return *g->path ? cgroup_create(g->path, r, e) : 0;
}

int group_update(
	const char *path, const char *unit, const struct cgroup_resources *r, struct err *e)
{
	const struct cgroup_scope scope = { .unit = unit, .resources = r };

	if (cgroup_update(path, r, e) < 0)
		return -e->code;
	return unit ? cgroup_scope_update(&scope, e) : 0;
}
