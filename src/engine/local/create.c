/* Makes a container: its directory, and the claim on its name. */
#include "base/mem.h"
#include "base/time.h"
#include "engine/local/local.h"
#include "engine/local/names.h"
#include "runtime/cgroup.h"
#include "runtime/posture.h"

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

static void set_env(struct strv *env, const struct strv *image)
{
	struct strv own = *env;

	*env = (struct strv){ 0 };
	strv_extend(env, image->v);
	for (size_t i = 0; i < own.n; i++) {
		const char *entry = own.v[i];
		if (strchr(entry, '=')) {
			strv_set_env(env, entry);
		} else if (getenv(entry)) { /* -e KEY hands on the caller's */
			auto_free char *full = xasprintf("%s=%s", entry, getenv(entry));
			strv_set_env(env, full);
		}
	}
	if (!strv_get_env(env, "PATH"))
		strv_push(env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	strv_release(&own);
}

/* An empty text counts as missing. */
static void set_default(char **member, const char *otherwise)
{
	if (*member && **member)
		return;
	free(*member);
	*member = otherwise && *otherwise ? xstrdup(otherwise) : NULL;
}

static int set_command(struct container_config *c, const struct image *image, struct err *e)
{
	bool own = c->entrypoint.n > 0;

	if (own && !*c->entrypoint.v[0]) /* "": none, not even the image's */
		strv_release(&c->entrypoint);
	if (!own)
		strv_extend(&c->entrypoint, image->entrypoint.v);
	if (!own && !c->cmd.n) /* an entrypoint of one's own drops the image's command */
		strv_extend(&c->cmd, image->cmd.v);
	if (c->entrypoint.n + c->cmd.n == 0) {
		err_set(e, EINVAL, "image '%s' says no command, and none was given", c->image);
		return err_hint(e, "redock run %s COMMAND", c->image);
	}
	return 0;
}

static int check_limits(const struct resources *r, struct err *e)
{
	if (cgroup_layout() == CGROUP_NONE && (r->memory || r->nano_cpus || r->pids_limit > 0)) {
		err_set(e, ENOTSUP, "this host has no control groups, so nothing can be limited");
		return err_hint(e, "leave out the limits, or mount the cgroup file system");
	}
	if (r->memory && r->memory < 6 << 20)
		return err_set(e, EINVAL, "a memory limit below 6 MB cannot work");
	if (r->nano_cpus && r->nano_cpus < 10000000)
		return err_set(e, EINVAL, "a CPU limit below 0.01 cannot work");
	return 0;
}

static int fill(struct container *c, const struct container_config *cfg, const struct image *image,
	struct err *e)
{
	struct container_config *config = &c->config;
	char short_id[13];

	container_config_copy(cfg, config);
	free(take_ptr(&config->name)); /* it has none until that is claimed */
	snprintf(short_id, sizeof short_id, "%.12s", c->id);
	c->image_id = xstrdup(image->config.text);
	c->manifest = xstrdup(image->manifest.text);
	c->created = time_now();
	strv_extend(&c->layers, image->layers.v);
	set_default(&config->hostname, short_id);
	set_default(&config->workdir, image->workdir);
	set_default(&config->workdir, "/");
	set_default(&config->user, image->user);
	set_default(&config->network, "bridge");
	set_default(&config->stop_signal, image->stop_signal);
	if (cfg->machine)
		strv_pushf(&config->labels, "redock.machine=%s", cfg->machine);
	if (!str_eq(config->network, "bridge") && !str_eq(config->network, "none") &&
		!str_eq(config->network, "host"))
		return err_set(e, EINVAL, "no network named '%s': expected bridge, none or host",
			config->network);
	if (*config->workdir != '/')
		return err_set(e, EINVAL, "working directory '%s' is not an absolute path",
			config->workdir);
	if (strlen(config->hostname) > 64 || !str_is_one_line(config->hostname) ||
		strpbrk(config->hostname, " \t#"))
		return err_set(e, EINVAL, "'%s' cannot be a host name", config->hostname);
	set_env(&config->env, &image->env);
	if (set_command(config, image, e) < 0)
		return -e->code;
	return check_limits(&config->resources, e);
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
			return err_hint(e, "another name, or: redock rm %s", name);
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
	if (flock(dir, LOCK_SH) < 0)
		return err_errno(e, "cannot lock the container's directory");
	return take_fd(&dir);
}

static int make_dirs(int dir, struct err *e)
{
	if (mkdirat(dir, "upper", 0755) < 0 || mkdirat(dir, "work", 0700) < 0)
		return err_errno(e, "cannot make the container's directory");
	return 0;
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
	if (r == 0 && renameat(l->dirs.containers, temporary, l->dirs.containers, c->id) < 0)
		r = err_errno(e, "cannot make container '%.12s'", c->id);
	if (r == 0 && durability == FS_DURABLE &&
		(fs_sync(l->dirs.names, e) < 0 || fs_sync(l->dirs.containers, e) < 0))
		r = -e->code;
	return r;
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
	if (r == 0)
		r = fill(&c, cfg, &image, e);
	if (r == 0)
		r = make_dirs(dir, e);
	if (r == 0)
		r = publish(l, &c, cfg->name, temporary, dir, e);
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
