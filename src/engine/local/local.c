/* Opens the built-in engine and resolves names. */
#include "engine/local/local.h"
#include "base/mem.h"
#include "base/proc.h"
#include "engine/local/volumes.h"
#include "runtime/cgroup.h"

#include <fcntl.h>
#include <string.h>

#define DEFAULT_ROOT     "/var/lib/redock"
#define DEFAULT_RUN_ROOT "/run/redock"

static void local_close(struct engine *en)
{
	struct local *l = local_of(en);

	if (l->net)
		net_close(l->net);
	if (l->store)
		store_close(l->store);
	container_dirs_release(&l->dirs);
	close_fd(&l->run);
	close_fd(&l->freezer.dir);
	free(l->root);
	free(l->run_root);
	free(l->bridge);
	free(l->subnet);
	free(l->cgroup_parent);
	free(l->scope);
	free(l);
}

static int local_lock(struct engine *en, const char *name, struct err *e)
{
	struct local *l = local_of(en);
	auto_free char *key = container_name_key(name);
	auto_close int locks = fs_open_dir_make(l->run, "locks", 0700, e);

	/* the base image is built under such a lock: minutes, on a slow line */
	return locks < 0 ? locks : fs_lock(locks, key, 600000, e);
}

static int local_state_fd(struct engine *en, struct err *e)
{
	return local_of(en)->dirs.root;
}

static const char *local_state_path(struct engine *en)
{
	return local_of(en)->root;
}

static const struct engine_ops local_ops = {
	.close = local_close,
	.create = local_create,
	.check_ports = local_check_ports,
	.start = local_start,
	.wait = local_wait,
	.kill = local_kill,
	.stop = local_stop,
	.pause = local_pause,
	.unpause = local_unpause,
	.attach = local_attach,
	.exec = local_exec,
	.events = local_events,
	.stats = local_stats,
	.top = local_top,
	.resume = local_resume,
	.remove = local_remove,
	.inspect = local_inspect,
	.find = local_find,
	.inspect_machine = local_inspect_machine,
	.list = local_list,
	.logs = local_logs,
	.count_changes = local_count_changes,
	.lock = local_lock,
	.commit = local_commit,
	.diff = local_diff,
	.usage = local_usage,
	.system_check = local_system_check,
	.container_size = local_container_size,
	.export = local_export,
	.path_stat = local_path_stat,
	.copy_from = local_copy_from,
	.copy_to = local_copy_to,
	.download = local_download,
	.upload = local_upload,
	.image_list = local_image_list,
	.image_inspect = local_image_inspect,
	.image_has_path = local_image_has_path,
	.image_import = local_image_import,
	.image_remove = local_image_remove,
	.image_pull = local_image_pull,
	.image_push = local_image_push,
	.fetch = local_fetch,
	.unpack = local_unpack,
	.login = local_login,
	.logout = local_logout,
	.image_tag = local_image_tag,
	.image_history = local_image_history,
	.image_save = local_image_save,
	.image_load = local_image_load,
	.doctor = local_doctor,
	.volume_create = local_volume_create,
	.volume_inspect = local_volume_inspect,
	.volume_list = local_volume_list,
	.volume_remove = local_volume_remove,
	.rename = local_rename,
	.update = local_update,
	.info = local_info,
	.network_create = local_network_create,
	.network_inspect = local_network_inspect,
	.network_list = local_network_list,
	.network_remove = local_network_remove,
	.network_connect = local_network_connect,
	.network_disconnect = local_network_disconnect,
	.network_reload = local_network_reload,
	.reset = local_reset,
	.state_fd = local_state_fd,
	.state_path = local_state_path,
};

/* FNV-1a: short names for private instances, not a secret. */
static uint32_t hash_of(const char *s)
{
	uint32_t h = 2166136261u;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 16777619u;
	return h;
}

/* An absolute path without links or dots, of a directory that only root can write to; made first,
 * since only an existing one has such a form.
 */
static char *real_root(const char *path, struct err *e)
{
	auto_close int fd = fs_open_dir_make(AT_FDCWD, path, 0700, e);
	struct stat st;
	char *real;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) < 0 || st.st_uid != geteuid() || st.st_mode & 022) {
		err_set(e, EPERM, "state directory '%s' can be written to by others", path);
		err_hint(e, "chown root '%s'; chmod 700 '%s', if what is in it is yours", path,
			path);
		return NULL;
	}
	real = realpath(path, NULL);
	if (!real)
		err_errno(e, "cannot resolve '%s'", path);
	else if (!str_is_one_line(real) || strpbrk(real, "\"\\")) {
		err_set(e, EINVAL, "'%s' has characters that a state directory cannot have", real);
		free(real);
		return NULL;
	}
	return real;
}

static const char *pick(const char *option, const char *env, const char *otherwise)
{
	const char *value = option ? option : getenv(env);

	return value && *value ? value : otherwise;
}

static int set_names(struct local *l, const struct engine_options *o, struct err *e)
{
	bool private = !str_eq(l->root, DEFAULT_ROOT);
	uint32_t hash = hash_of(l->root);

	l->bridge = o->bridge ? xstrdup(o->bridge)
		    : private ? xasprintf("rd%08x", hash)
			      : xstrdup("redock0");
	if (!*l->bridge || strlen(l->bridge) > 15 ||
		strspn(l->bridge, "abcdefghijklmnopqrstuvwxyz"
				  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != strlen(l->bridge))
		return err_set(e, EINVAL,
			"'%s' cannot be a bridge's name: at most 15 letters, "
			"digits, '-', '_'",
			l->bridge);
	l->subnet = o->subnet ? xstrdup(o->subnet) : NULL;
	l->scope = cgroup_is_systemds() ? xasprintf("redock-%08x.scope", hash) : NULL;
	l->cgroup_parent = l->scope  ? xasprintf("%s/%s", LOCAL_SLICE, l->scope)
			   : private ? xasprintf("redock-%08x", hash)
				     : xstrdup("redock");
	return 0;
}

int local_engine_open(const struct engine_options *options, struct engine **ret, struct err *e)
{
	static const struct engine_options none;
	const struct engine_options *o = options ? options : &none;
	struct local *l;
	int r = 0;

	if (geteuid() != 0) {
		err_set(e, EPERM,
			"the built-in engine needs root: it makes namespaces, mounts and "
			"network links");
		return err_hint(e, "the same command behind sudo");
	}
	l = xcalloc(1, sizeof *l);
	l->engine = (struct engine){ &local_ops, o->say, o->say_arg };
	l->dirs = (struct container_dirs)CONTAINER_DIRS_INIT;
	l->run = l->freezer.dir = -1;
	umask(022);
	l->root = real_root(pick(o->root, "REDOCK_ROOT", DEFAULT_ROOT), e);
	if (l->root)
		l->run_root = real_root(pick(o->run_root, "REDOCK_RUN_ROOT", DEFAULT_RUN_ROOT), e);
	if (!l->run_root || set_names(l, o, e) < 0 ||
		container_dirs_open(l->root, l->run_root, &l->dirs, e) < 0 ||
		(l->run = fs_open_dir_make(AT_FDCWD, l->run_root, 0700, e)) < 0)
		r = -e->code;
	if (r == 0)
		r = store_open(l->dirs.root, &l->store, e);
	if (r < 0) {
		local_close(&l->engine);
		return r;
	}
	*ret = &l->engine;
	return 0;
}

void local_say(void *engine, bool momentary, const char *line)
{
	engine_say_to(engine, momentary ? ENGINE_MOMENT : 0, "%s", line);
}

int local_net(struct local *l, struct net **ret, struct err *e)
{
	if (!l->net) {
		auto_close int run = fs_open_dir_make(l->run, "net", 0700, e);
		struct net_options o = { l->dirs.root, run, l->bridge, l->subnet };
		int r = run < 0 ? run : net_open(&o, &l->net, e);
		if (r < 0)
			return r;
	}
	*ret = l->net;
	return 0;
}

char *local_cgroup(const struct local *l, const char *id)
{
	return xasprintf("%s/%s", l->cgroup_parent, id);
}

int local_run_dir(struct local *l, const char *id, struct err *e)
{
	return fs_open_dir_make(l->dirs.run, id, 0700, e);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int local_ids(struct local *l, struct strv *ret, struct err *e)
{
	int fd = openat(l->dirs.containers, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_dir DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *ent;

	if (!d)
		return err_errno(e, "cannot read the list of containers");
	while ((ent = readdir(d)))
		if (strlen(ent->d_name) == ENGINE_ID_SIZE - 1)
			strv_push(ret, ent->d_name);
	if (ret->n)
		qsort(ret->v, ret->n, sizeof *ret->v, by_text);
	return 0;
}

static bool exists(struct local *l, const char *id)
{
	return faccessat(l->dirs.containers, id, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* By the link that claims the name. */
static bool is_claimed(struct local *l, const char *name, char ret_id[ENGINE_ID_SIZE])
{
	auto_free char *key = container_name_key(name);
	ssize_t len = *key && *key != '.' && strlen(name) < 300
			      ? readlinkat(l->dirs.names, key, ret_id, ENGINE_ID_SIZE)
			      : -1;

	if (len != ENGINE_ID_SIZE - 1)
		return false;
	ret_id[len] = '\0';
	return exists(l, ret_id);
}

int local_find(struct engine *en, const char *name, char ret_id[ENGINE_ID_SIZE], struct err *e)
{
	if (!strchr(name, ':') && is_claimed(local_of(en), name, ret_id))
		return 0;
	return err_set(e, ENOENT, "no container named '%s'", name);
}

int local_resolve(struct local *l, const char *name, char ret_id[ENGINE_ID_SIZE], struct err *e)
{
	auto_strv ids = { 0 };
	size_t n = strlen(name), found = 0;

	if (is_claimed(l, name, ret_id))
		return 0;
	if (n >= 4 && n < ENGINE_ID_SIZE && strspn(name, "0123456789abcdef") == n) {
		if (local_ids(l, &ids, e) < 0)
			return -e->code;
		for (size_t i = 0; i < ids.n; i++)
			if (str_starts(ids.v[i], name) && ++found)
				memcpy(ret_id, ids.v[i], ENGINE_ID_SIZE);
	}
	if (found == 1)
		return 0;
	if (found > 1)
		return err_set(
			e, ENOTUNIQ, "%zu containers have ids that begin with '%s'", found, name);
	return err_set(e, ENOENT, "no container named '%s'", name);
}
