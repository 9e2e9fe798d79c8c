/* The seccomp filter of a container that the built-in one does not fit. */
#include "engine/local/filter.h"
#include "base/mem.h"
#include "runtime/seccomp-compile.h"

#include <fcntl.h>

/* A person's own profile: the container's directory has what it became. */
static int own_filter(const char *profile, uint64_t caps, int dir, struct err *e)
{
	if (faccessat(dir, "seccomp", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	return seccomp_compile(profile, caps, false, dir, "seccomp", e);
}

/* The default one for these capabilities, which all containers share that have them. It is made
 * anew for each version of redock, whose default may be another. */
static int shared_filter(struct local *l, uint64_t caps, const char *name, struct err *e)
{
	auto_close int dir = fs_open_dir_make(l->dirs.root, "seccomp", 0700, e);

	if (dir < 0)
		return dir;
	if (faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	return seccomp_compile(NULL, caps, false, dir, name, e);
}

int filter_make(struct local *l, const char *id, int dir, const struct security *security,
	uint64_t caps, char **ret, struct err *e)
{
	auto_free char *name = NULL;

	if (security->seccomp_unconfined) {
		*ret = xstrdup("");
		return 0;
	}
	if (security->seccomp_profile) {
		if (own_filter(security->seccomp_profile, caps, dir, e) < 0)
			return -e->code;
		*ret = xasprintf("containers/%s/seccomp", id);
		return 0;
	}
	*ret = NULL;
	if (!seccomp_needs_compile(caps))
		return 0;
	name = xasprintf("%s-%llx", REDOCK_VERSION, (unsigned long long)caps);
	if (shared_filter(l, caps, name, e) < 0)
		return -e->code;
	*ret = xasprintf("seccomp/%s", name);
	return 0;
}
