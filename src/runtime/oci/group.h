#pragma once
/* Which control group a container gets: one of its own, or with --systemd-cgroup a scope unit that
 * systemd makes (src/runtime/cgroup.h). */
#include "runtime/cgroup.h"
#include "runtime/oci/cli.h"

/* Above the groups of those whose configuration names none. */
#define GROUP_PARENT "redock-runtime"

struct group {
	char *path;          /* as src/runtime/cgroup.h has it; "" without one */
	char *slice, *scope; /* of systemd, or NULL */
	struct cgroup_hold hold;
};
#define GROUP_INIT                                                                                 \
	{                                                                                          \
		NULL, NULL, NULL, CGROUP_HOLD_INIT                                                 \
	}
void group_release(struct group *);
#define auto_group __attribute__((cleanup(group_release))) struct group

/* Decides; nothing is made yet. -ENOTSUP: systemd is asked for and does not rule the groups here.
 */
int group_choose(const struct invocation *, const char *cgroups_path, const char *id,
	struct group *ret, struct err *e);
/* Makes it with its limits; a scope is held until group_release(), by when a process of the
 * container's must be in it. */
int group_make(struct group *, const struct cgroup_resources *, const char *id, struct err *e);
/* Other limits for one that exists; `scope` is its unit, or NULL. */
int group_update(
	const char *path, const char *scope, const struct cgroup_resources *, struct err *e);
