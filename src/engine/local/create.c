/* Makes a container: its directory, and the claim on its name. */
#include "base/mem.h"
#include "base/time.h"
#include "engine/local/defaults.h"
#include "engine/local/filter.h"
#include "engine/local/local.h"
#include "engine/local/mounts.h"
#include "engine/local/names.h"
#include "engine/local/options.h"
#include "engine/local/volumes.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>

static void make_id(char ret[ENGINE_ID_SIZE])
{
	unsigned char bytes[32];

	if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
		abort();
	for (size_t i = 0; i < sizeof bytes; i++)
		snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
}

/* Claims `name` for the container. Whoever holds the names' lock and finds a claim on a container
 * that does not exist, finds the claim of a command that died: it makes way. -EEXIST. */
static int claim(struct local *l, const char *id, const char *name, struct err *e)
{
	auto_free char *key = container_name_key(name);
	char owner[ENGINE_ID_SIZE];
	ssize_t n;

	if (symlinkat(id, l->dirs.names, key) == 0)
		return 0;
	if (errno != EEXIST)
		return err_errno(e, "cannot claim the name '%s'", name);
	n = readlinkat(l->dirs.names, key, owner, sizeof owner);
	if (n == ENGINE_ID_SIZE - 1) {
		owner[n] = '\0';
		if (faccessat(l->dirs.containers, owner, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
			err_set(e, EEXIST, "the name '%s' is taken by container '%.12s'", name,
				owner);
			return err_hint(e, "another name, or: redock rm -f %s", name);
		}
	}
	unlinkat(l->dirs.names, key, 0);
	if (symlinkat(id, l->dirs.names, key) < 0)
		return err_errno(e, "cannot claim the name '%s'", name);
	return 0;
}

static int claim_names(struct local *l, struct container *c, const char *wanted, struct err *e)
{
	int r = 0;

	if (c->config.machine && (r = claim(l, c->id, c->config.machine, e)) < 0)
		return r;
	if (wanted) {
		c->config.name = xstrdup(wanted);
		return claim(l, c->id, wanted, e);
	}
	for (unsigned attempt = 0; attempt < 100; attempt++) {
		char made_up[48];
		if (c->config.machine) /* Docker's grammar has no ':' for a name: the id makes it
					  unique */
			snprintf(made_up, sizeof made_up, "machine-%.12s", c->id);
		else
			container_name_make_up(attempt, made_up);
		r = claim(l, c->id, made_up, e);
		if (r == 0)
			c->config.name = xstrdup(made_up);
		if (r != -EEXIST)
			return r;
	}
	return r;
}

static enum fs_durability durability_of(bool auto_remove)
{
	return auto_remove ? FS_VOLATILE : FS_DURABLE;
}

/* The container's directory while it is being made. Its lock tells whoever sweeps that it is not a
 * dead command's; they hold the names' lock alone, so to them it is never there without. */
static int make_place(struct local *l, const char *temporary, struct err *e)
{
	auto_close int lock = fs_lock_shared(l->dirs.names, ".lock", -1, e), dir = -1;

	if (lock < 0)
		return lock;
	dir = fs_open_dir_make(l->dirs.containers, temporary, 0700, e);
	if (dir < 0)
		return dir;
	while (flock(dir, LOCK_SH) < 0)
		if (errno != EINTR)
			return err_errno(e, "cannot lock the container's directory");
	return take_fd(&dir);
}

static int make_dirs(int dir, struct err *e)
{
	if (mkdirat(dir, "upper", 0755) < 0 || mkdirat(dir, "work", 0700) < 0)
		return err_errno(e, "cannot make the container's directory");
	return 0;
}

/* Everything that can be refused, while nothing is made that anybody else can see. */
static int check(struct local *l, const struct container *c, int dir, struct err *e)
{
	auto_spec scratch = { 0 };
	struct security security;
	uint64_t caps;

	if (options_check(&c->config, e) < 0 || devices_to_spec(&c->config, &scratch, e) < 0 ||
		security_parse(&c->config, &security, e) < 0 ||
		caps_parse(&c->config, &caps, e) < 0 ||
		filter_make(l, c->id, dir, &security, caps, &scratch.seccomp, e) < 0)
		return -e->code;
	for (size_t i = 0; i < c->config.n_mounts; i++)
		if (c->config.mounts[i].type == MOUNT_VOLUME &&
			volume_check(l, &c->config.mounts[i], e) < 0)
			return -e->code;
	return 0;
}

/* For whoever erases the container: the volumes that go with it. The monitor, which removes one
 * that was made with --rm, reads no JSON. */
static int list_volumes(const struct container *c, int dir, struct err *e)
{
	auto_str names = STR_INIT(1 << 20);

	for (size_t i = 0; c->config.auto_remove && i < c->config.n_mounts; i++) {
		const struct mount_config *m = &c->config.mounts[i];
		if (m->type == MOUNT_VOLUME && volume_name_is_made_up(m->source))
			str_addf(&names, "%s\n", m->source);
	}
	return names.len
		       ? fs_write_file(dir, "volumes", names.data, names.len, 0600, FS_VOLATILE, e)
		       : 0;
}

/* Under the names' lock: claims, config, and the rename that makes the container visible. */
static int publish(struct local *l, struct container *c, const char *wanted, const char *temporary,
	int dir, struct err *e)
{
	enum fs_durability durability = durability_of(c->config.auto_remove);
	auto_close int lock = fs_lock(l->dirs.names, ".lock", -1, e);
	int r = lock < 0 ? lock : claim_names(l, c, wanted, e);

	if (r == 0)
		r = container_save(c, dir, durability, e);
	if (r == 0)
		r = list_volumes(c, dir, e);
	if (r == 0 && renameat(l->dirs.containers, temporary, l->dirs.containers, c->id) < 0)
		r = err_errno(e, "cannot make container '%.12s'", c->id);
	if (r == 0 && durability == FS_DURABLE &&
		(fs_sync(l->dirs.names, e) < 0 || fs_sync(l->dirs.containers, e) < 0))
		r = -e->code;
	return r;
}

/* The volumes come after the container: whenever this ends, each belongs to somebody. */
static int publish_with_volumes(struct local *l, struct container *c, const char *wanted,
	const char *temporary, int dir, struct err *e)
{
	auto_close int lock = -1;
	int r;

	if (!mounts_have_volumes(&c->config))
		return publish(l, c, wanted, temporary, dir, e);
	lock = volumes_lock_shared(l, e);
	r = lock < 0 ? lock : publish(l, c, wanted, temporary, dir, e);
	return r < 0 ? r : mounts_make_volumes(l, c, e);
}

int local_create(struct engine *en, const struct container_config *cfg, char *ret_id, struct err *e)
{
	struct local *l = local_of(en);
	auto_container c = { 0 };
	auto_image image = { 0 };
	struct image_ref ref;
	auto_close int dir = -1;
	auto_free char *temporary = NULL;
	int r;

	if ((cfg->name && container_name_check(cfg->name, e) < 0) ||
		local_image_ref(l, cfg->image, &ref, e) < 0)
		return -e->code;
	make_id(c.id);
	temporary = xasprintf(".new-%s", c.id);
	dir = make_place(l, temporary, e);
	if (dir < 0)
		return dir;
	/* after the directory, without which a pin is swept */
	r = store_pin(l->store, c.id, &ref, durability_of(cfg->auto_remove), &image, e);
	c.created = time_now();
	if (r == 0)
		r = defaults_fill(l, &c, cfg, &image, e);
	if (r == 0)
		r = check(l, &c, dir, e);
	if (r == 0)
		r = local_network_check(l, &c.config, e);
	if (r == 0)
		r = make_dirs(dir, e);
	if (r == 0)
		r = publish_with_volumes(l, &c, cfg->name, temporary, dir, e);
	if (r < 0) {
		struct err ignored;
		fs_remove_tree(l->dirs.containers, temporary, &ignored);
		container_remove_files(&l->dirs, c.id, c.config.name, c.config.machine, &ignored);
		return r;
	}
	memcpy(ret_id, c.id, ENGINE_ID_SIZE);
	local_container_event(l, &c, "create", NULL);
	return 0;
}
