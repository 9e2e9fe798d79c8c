/* What of a configuration's mounts is refused. */
#include "base/fs.h"
#include "base/mem.h"
#include "engine/local/options.h"
#include "engine/local/volumes.h"

#include <string.h>

#define MOUNTS_MAX 1024

/* procfs is the kernel's word to the container: only single files that lxcfs serves may be
 * covered. */
static bool is_in_proc(const char *target)
{
	static const char *const files[] = { "cpuinfo", "diskstats", "loadavg", "meminfo",
		"slabinfo", "stat", "swaps", "uptime" };

	if (str_eq(target, "/proc"))
		return true;
	if (!str_starts(target, "/proc/"))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (str_eq(target + 6, files[i]))
			return false;
	return true;
}

static int check_target(const struct container_config *c, size_t i, struct err *e)
{
	const char *target = c->mounts[i].target;

	if (!target || *target != '/')
		return err_set(e, EINVAL, "mount target '%.80s' is not an absolute path",
			target ? target : "");
	if (!target[1])
		return err_set(e, EINVAL, "a mount cannot cover the container's root");
	if (strlen(target) >= 4096)
		return err_set(e, ENAMETOOLONG, "mount target '%.80s...' is too long", target);
	if (is_in_proc(target))
		return err_set(e, EINVAL, "mount target '%.80s' is inside /proc", target);
	for (size_t k = 0; k < i; k++)
		if (str_eq(c->mounts[k].target, target)) {
			err_set(e, EINVAL, "two mounts have the target '%.80s'", target);
			return err_hint(e, "leave out one of them");
		}
	return 0;
}

static int check_bind(const struct mount_config *m, struct err *e)
{
	struct stat st;

	if (!m->source || *m->source != '/')
		return err_set(e, EINVAL, "bind source '%.80s' is not an absolute path",
			m->source ? m->source : "");
	if (strlen(m->source) >= 4096)
		return err_set(e, ENAMETOOLONG, "bind source '%.80s...' is too long", m->source);
	if (!m->make_source && stat(m->source, &st) < 0) {
		err_errno(e, "cannot find bind source '%s'", m->source);
		return e->code == ENOENT ? err_hint(e, "mkdir -p '%s'", m->source) : -e->code;
	}
	if (m->no_copy || m->driver || m->driver_opts.n || m->labels.n)
		return err_set(e, EINVAL, "bind mount '%.80s' has options of a volume", m->target);
	return 0;
}

static int check_volume(const struct mount_config *m, struct err *e)
{
	if (m->source && volume_name_check(m->source, e) < 0)
		return -e->code;
	if (m->driver && !str_eq(m->driver, "local")) {
		err_set(e, EINVAL, "no volume driver is called '%.40s'", m->driver);
		return err_hint(e, "local");
	}
	if (m->no_recursive || m->propagation != PROPAGATION_RPRIVATE)
		return err_set(e, EINVAL, "volume '%.80s' has options of a bind mount", m->target);
	return volume_options_check(m->driver_opts.v, e);
}

/* mount(8)'s options that make sense for a tmpfs of a container: flags, or "name=" with a value. */
static bool is_tmpfs_option(const char *option)
{
	static const char *const known[] = { "noexec", "exec", "nosuid", "suid", "nodev", "dev",
		"rw", "ro", "noatime", "nodiratime", "relatime",
		"size=", "mode=", "uid=", "gid=", "nr_inodes=", "nr_blocks=", "huge=" };

	if (!str_is_one_line(option) || strchr(option, ',') || strlen(option) > 100)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (str_ends(known[i], "=") ? str_starts(option, known[i])
					    : str_eq(option, known[i]))
			return true;
	return false;
}

static int check_tmpfs(const struct mount_config *m, struct err *e)
{
	if (m->source)
		return err_set(e, EINVAL, "tmpfs '%.80s' cannot have a source", m->target);
	if (m->mode > 07777)
		return err_set(e, EINVAL, "tmpfs '%.80s' cannot have mode %o", m->target, m->mode);
	for (size_t i = 0; i < m->options.n; i++)
		if (!is_tmpfs_option(m->options.v[i])) {
			err_set(e, EINVAL, "'%.60s' is no option of a tmpfs", m->options.v[i]);
			return err_hint(e, "size=, mode=, uid=, gid=, noexec, ...");
		}
	return 0;
}

int options_check_mounts(const struct container_config *c, struct err *e)
{
	if (c->n_mounts > MOUNTS_MAX)
		return err_set(e, E2BIG, "%zu mounts are too many", c->n_mounts);
	for (size_t i = 0; i < c->n_mounts; i++) {
		const struct mount_config *m = &c->mounts[i];
		int r = check_target(c, i, e);
		if (r == 0)
			r = m->type == MOUNT_BIND     ? check_bind(m, e)
			    : m->type == MOUNT_VOLUME ? check_volume(m, e)
						      : check_tmpfs(m, e);
		if (r < 0)
			return r;
	}
	if (c->notify_path && *c->notify_path != '/')
		return err_set(
			e, EINVAL, "notify socket '%.80s' is not an absolute path", c->notify_path);
	return 0;
}
