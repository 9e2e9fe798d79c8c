#pragma once
/* Which control group a container gets. */
#include "runtime/oci/cli.h"

/* Its path as src/runtime/cgroup.h has it; "" without one. NULL on an error. The caller frees. */
char *group_path(
	const struct invocation *, const char *cgroups_path, const char *id, struct err *e);
