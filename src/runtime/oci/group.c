#include "runtime/oci/group.h"
#include "base/mem.h"
#include "runtime/cgroup.h"

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

/* "slice:prefix:name" where systemd does not run: the place that it would give to the scope. */
static char *scope_path(const char *path, const char *id, struct err *e)
{
	auto_free char *copy = xstrdup(path), *joined = NULL;
	char *prefix = strchr(copy, ':'), *name = prefix ? strchr(prefix + 1, ':') : NULL;

	if (!name || strchr(name + 1, ':')) {
		err_set(e, EINVAL, "'%s' is not like SLICE:PREFIX:NAME, which systemd's groups are",
			path);
		return NULL;
	}
	*prefix++ = *name++ = '\0';
	joined = xasprintf("%s/%s%s%s.scope", *copy ? copy : "system.slice", prefix,
		*prefix ? "-" : "", *name ? name : id);
	return plain_path(joined, e);
}

char *group_path(
	const struct invocation *i, const char *cgroups_path, const char *id, struct err *e)
{
	const char *manager = i->o.cgroup_manager ? i->o.cgroup_manager
						  : (i->o.systemd_cgroup ? "systemd" : "cgroupfs");

	if (str_eq(manager, "disabled") || cgroup_layout() == CGROUP_NONE)
		return xstrdup("");
	if (!str_eq(manager, "systemd") && !str_eq(manager, "cgroupfs")) {
		err_set(e, EINVAL, "'%s' is not one of cgroupfs, systemd, disabled", manager);
		return NULL;
	}
	if (!cgroups_path || !*cgroups_path) {
		auto_free char *own = xasprintf("redock-runtime/%s", id);
		return plain_path(own, e);
	}
	return str_eq(manager, "systemd") ? scope_path(cgroups_path, id, e)
					  : plain_path(cgroups_path, e);
}
