/* A container gets another name: the claim moves in one step, then the rest learns it. */
#include "base/mem.h"
#include "engine/local/endpoints.h"
#include "engine/local/names.h"

#include <fcntl.h>
#include <string.h>

/* With the names' lock held. A claim on a container that is no more makes way, as in create.c. */
static int move_claim(struct local *l, const struct container *c, const char *name, struct err *e)
{
	auto_free char *from = container_name_key(c->config.name), *to = container_name_key(name);
	char owner[ENGINE_ID_SIZE];
	ssize_t n;

	if (renameat2(l->dirs.names, from, l->dirs.names, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno == EEXIST) {
		n = readlinkat(l->dirs.names, to, owner, sizeof owner);
		if (n == ENGINE_ID_SIZE - 1) {
			owner[n] = '\0';
			if (faccessat(l->dirs.containers, owner, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
				err_set(e, EEXIST, "the name '%s' is taken by container '%.12s'",
					name, owner);
				return err_hint(e, "another name, or: redock rm -f %s", name);
			}
		}
		unlinkat(l->dirs.names, to, 0);
		if (renameat2(l->dirs.names, from, l->dirs.names, to, RENAME_NOREPLACE) == 0)
			return 0;
	}
	return err_errno(e, "cannot rename container '%s'", c->config.name);
}

int local_rename(struct engine *en, const char *id, const char *name, struct err *e)
{
	struct local *l = local_of(en);
	auto_container c = { 0 };
	auto_close int dir = -1, lock = -1;
	auto_free char *old = NULL;
	enum fs_durability durability;
	int r;

	if (container_name_check(name, e) < 0 ||
		(lock = fs_lock(l->dirs.names, ".lock", -1, e)) < 0 ||
		container_load(l, id, &c, e) < 0)
		return -e->code;
	if (c.config.machine) {
		err_set(e, EINVAL, "'%s' is a machine: the name of its container is not a person's",
			c.config.machine);
		return err_hint(e, "redock rename %s NEW", c.config.machine);
	}
	if (str_eq(c.config.name, name)) {
		err_set(e, EINVAL, "container '%.12s' is called '%s' already", id, name);
		return err_hint(e, "another name");
	}
	durability = c.config.auto_remove ? FS_VOLATILE : FS_DURABLE;
	dir = fs_open_dir(l->dirs.containers, id, e);
	r = dir < 0 ? dir : move_claim(l, &c, name, e);
	if (r < 0)
		return r;
	old = c.config.name;
	c.config.name = xstrdup(name);
	r = container_save(&c, dir, durability, e);
	if (r == 0 && durability == FS_DURABLE)
		r = fs_sync(l->dirs.names, e);
	close_fd(&lock);
	if (r == 0)
		r = local_tell_update(l, &c, e);
	if (r == 0)
		r = local_network_renamed(l, &c, old, e);
	if (r == 0)
		local_container_event(l, &c, "rename", "oldName", old, NULL);
	return r;
}
