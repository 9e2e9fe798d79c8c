#include "engine/local/volumes.h"
#include "base/mem.h"
#include "base/time.h"
#include "engine/local/names.h"
#include "engine/local/size.h"

#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#define VOLUME_JSON_MAX (1u << 20)
#define LOCK            ".lock"

struct volume {
	struct strv labels, options;
	bool anonymous;
	int64_t created;
};

static void volume_release(struct volume *v)
{
	strv_release(&v->labels);
	strv_release(&v->options);
}
#define auto_volume __attribute__((cleanup(volume_release))) struct volume

int volume_name_check(const char *name, struct err *e)
{
	struct err ignored;

	if (container_name_check(name, &ignored) == 0)
		return 0;
	err_set(e, EINVAL, "'%.60s' cannot be a volume's name", name);
	return *name == '.' || *name == '~'
		       ? err_hint(e, "an absolute path, if a directory of this host is meant")
		       : err_hint(e,
				 "letters, digits, '_', '.', '-', at most 128, a letter or digit "
				 "first");
}

bool volume_name_is_made_up(const char *name)
{
	return strlen(name) == 64 && strspn(name, "0123456789abcdef") == 64;
}

int volumes_dir(struct local *l, struct err *e)
{
	return fs_open_dir_make(l->dirs.root, "volumes", 0700, e);
}

int volumes_lock_shared(struct local *l, struct err *e)
{
	auto_close int dir = volumes_dir(l, e);

	return dir < 0 ? dir : fs_lock_shared(dir, LOCK, -1, e);
}

/* ---- volume.json ---- */

static int map_from_json(const json_t *j, const char *key, struct strv *ret)
{
	const char *name;
	json_t *value;

	json_object_foreach(json_object_get(j, key), name, value)
	{
		if (!json_is_string(value))
			return -EINVAL;
		strv_pushf(ret, "%s=%s", name, json_string_value(value));
	}
	return 0;
}

static json_t *map_to_json(const struct strv *v)
{
	json_t *j = json_object();

	for (size_t i = 0; i < v->n; i++) {
		size_t n = strcspn(v->v[i], "=");
		auto_free char *key = xstrndup(v->v[i], n);
		json_object_set_new(j, key, json_string(v->v[i] + n + (v->v[i][n] == '=')));
	}
	return j;
}

static int volume_load(int volumes, const char *name, struct volume *ret, struct err *e)
{
	auto_free char *path = xasprintf("%s/volume.json", name);
	auto_json *j = NULL;
	auto_volume v = { 0 };
	int r = json_read_file(volumes, path, VOLUME_JSON_MAX, &j, e);

	if (r == -ENOENT) {
		err_set(e, ENOENT, "no volume named '%s'", name);
		return err_hint(e, "redock volume ls");
	}
	if (r < 0)
		return err_wrap(e, "volume '%s'", name);
	if (!json_is_object(j) || !str_eq(json_str(j, "Name", ""), name) ||
		map_from_json(j, "Labels", &v.labels) < 0 ||
		map_from_json(j, "Options", &v.options) < 0 ||
		time_parse(json_str(j, "CreatedAt", ""), &v.created) < 0) {
		err_set(e, EPROTO, "volume '%s' has a damaged volume.json", name);
		return err_hint(e, "its files are in volumes/%s/_data", name);
	}
	v.anonymous = json_bool(j, "Anonymous", false);
	*ret = v;
	v = (struct volume){ 0 };
	return 0;
}

static int volume_save(int dir, const char *name, const struct volume *v,
	enum fs_durability durability, struct err *e)
{
	auto_json *j = json_object();
	char created[TIME_TEXT_SIZE];

	time_format(v->created, created);
	json_object_set_new(j, "Name", json_string(name));
	json_object_set_new(j, "Driver", json_string("local"));
	json_object_set_new(j, "CreatedAt", json_string(created));
	json_object_set_new(j, "Labels", map_to_json(&v->labels));
	json_object_set_new(j, "Options", map_to_json(&v->options));
	if (v->anonymous)
		json_object_set_new(j, "Anonymous", json_true());
	return json_write_file(dir, "volume.json", j, 0600, durability, e);
}

/* ---- making ---- */

static void random_name(char ret[65])
{
	unsigned char bytes[32];

	if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
		abort();
	for (size_t i = 0; i < sizeof bytes; i++)
		snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
}

/* The whole volume under a name that begins with a dot, then the rename that makes it be. -EEXIST
 * without an error set: somebody else was faster. With the lock held. */
static int volume_make(int volumes, const char *name, const struct volume *v,
	enum fs_durability durability, struct err *e)
{
	char suffix[65], temporary[72];
	auto_close int dir = -1;
	struct err ignored;
	int r;

	random_name(suffix);
	snprintf(temporary, sizeof temporary, ".new-%.32s", suffix);
	dir = fs_open_dir_make(volumes, temporary, 0700, e);
	r = dir < 0 ? dir : volume_save(dir, name, v, durability, e);
	if (r == 0 && mkdirat(dir, "_data", 0755) < 0)
		r = err_errno(e, "cannot make volume '%s'", name);
	if (r == 0 && renameat2(volumes, temporary, volumes, name, RENAME_NOREPLACE) < 0)
		r = errno == EEXIST ? -EEXIST : err_errno(e, "cannot make volume '%s'", name);
	if (r < 0)
		fs_remove_tree(volumes, temporary, &ignored);
	else if (durability == FS_DURABLE)
		r = fs_sync(volumes, e);
	return r;
}

static bool same_options(const struct strv *a, const struct strv *b)
{
	for (size_t i = 0; i < a->n; i++)
		if (!strv_has(b, a->v[i]))
			return false;
	return a->n == b->n;
}

static int other_options(const char *name, struct err *e)
{
	err_set(e, EEXIST, "volume '%s' exists, with other options", name);
	return err_hint(e, "redock volume inspect %s", name);
}

int volume_check(struct local *l, const struct mount_config *m, struct err *e)
{
	auto_close int volumes = -1;
	auto_volume found = { 0 };
	struct err ignored;

	if (!m->driver_opts.n)
		return 0;
	volumes = volumes_dir(l, e);
	if (volumes < 0)
		return volumes;
	if (volume_load(volumes, m->source, &found, &ignored) < 0 ||
		same_options(&m->driver_opts, &found.options))
		return 0;
	return other_options(m->source, e);
}

/* Makes it, or finds the one that is there to be the same. `any`: whatever its options are. *ret is
 * what it is now. */
static int make_or_find(struct local *l, int volumes, const char *name, struct volume *wanted,
	bool any, enum fs_durability durability, struct err *e)
{
	auto_volume found = { 0 };
	int r = volume_load(volumes, name, &found, e);

	if (r == -ENOENT) {
		r = volume_make(volumes, name, wanted, durability, e);
		if (r == 0)
			local_event(l, "volume", "create", name, "driver", "local", NULL);
		if (r != -EEXIST)
			return r;
		r = volume_load(volumes, name, &found, e);
	}
	if (r < 0)
		return r;
	if (!any && !same_options(&wanted->options, &found.options))
		return other_options(name, e);
	volume_release(wanted);
	*wanted = found;
	found = (struct volume){ 0 };
	return 0;
}

int volume_ensure(
	struct local *l, const struct mount_config *m, bool anonymous, bool durable, struct err *e)
{
	auto_close int volumes = volumes_dir(l, e);
	auto_volume v = { .anonymous = anonymous, .created = time_now() };

	if (volumes < 0)
		return volumes;
	strv_extend(&v.options, m->driver_opts.v);
	strv_extend(&v.labels, m->labels.v);
	return make_or_find(l, volumes, m->source, &v, !m->driver_opts.n,
		durable ? FS_DURABLE : FS_VOLATILE, e);
}

/* ---- using ---- */

int volume_use(struct local *l, const char *name, char **ret_path, struct err *e)
{
	auto_close int volumes = volumes_dir(l, e), dir = -1, data = -1, lock = -1, marks = -1;
	auto_volume v = { 0 };
	int r = volumes < 0 ? volumes : volume_load(volumes, name, &v, e);

	if (r < 0)
		return r;
	if (v.options.n) {
		dir = fs_open_dir(volumes, name, e);
		lock = dir < 0 ? dir : fs_lock(dir, "lock", -1, e);
		marks = lock < 0 ? lock : fs_open_dir_make(l->run, "volumes", 0700, e);
		if (marks < 0)
			return marks;
		if (!volume_is_mounted(dir, "_data")) {
			data = openat(dir, "_data", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
			if (data < 0)
				return err_errno(e, "cannot open volume '%s'", name);
			/* first, so that it is found whenever this ends */
			if (fs_write_file(marks, name, "", 0, 0600, FS_VOLATILE, e) < 0 ||
				volume_mount(name, data, &v.options, e) < 0)
				return -e->code;
		}
	}
	*ret_path = xasprintf("%s/volumes/%s/_data", l->root, name);
	return 0;
}

static bool mounts_volume(const struct container_config *c, const char *name)
{
	for (size_t i = 0; i < c->n_mounts; i++)
		if (c->mounts[i].type == MOUNT_VOLUME && c->mounts[i].source &&
			str_eq(c->mounts[i].source, name))
			return true;
	return false;
}

typedef void each_container(void *arg, const struct container *);

static void for_each_container(struct local *l, each_container *each, void *arg)
{
	auto_strv ids = { 0 };
	struct err ignored;

	if (local_ids(l, &ids, &ignored) < 0)
		return;
	for (size_t i = 0; i < ids.n; i++) {
		auto_container c = { 0 };
		if (container_load(l, ids.v[i], &c, &ignored) == 0)
			each(arg, &c);
	}
}

struct user_search {
	const char *name;
	uint64_t n;
	char first[129]; /* name of a container that uses it */
};

static void count_user(void *arg, const struct container *c)
{
	struct user_search *s = arg;

	if (mounts_volume(&c->config, s->name) && s->n++ == 0)
		snprintf(s->first, sizeof s->first, "%s", c->config.name);
}

int volume_verify(struct local *l, int volumes, const char *name, char ret_user[129], struct err *e)
{
	struct user_search users = { .name = name };
	auto_free char *data = xasprintf("%s/_data", name);
	auto_volume v = { 0 };
	struct stat st;
	int r;

	for_each_container(l, count_user, &users);
	snprintf(ret_user, 129, "%s", users.first);
	r = volume_load(volumes, name, &v, e);
	if (r == -ENOENT)
		return err_set(e, EPROTO, "its volume.json is missing");
	if (r < 0)
		return r;
	if (fstatat(volumes, data, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode))
		return err_set(e, EPROTO, "the directory of its files is missing");
	return 0;
}

/* ---- removing ---- */

/* With the lock held exclusively: nobody can begin to use it. */
static int volume_erase(struct local *l, int volumes, const char *name, struct err *e)
{
	auto_close int dir = fs_open_dir(volumes, name, e);
	auto_free char *mark = xasprintf("volumes/%s", name);
	char suffix[65], gone[72];
	int r = dir < 0 ? dir : volume_unmount(dir, "_data");

	if (dir < 0)
		return r;
	if (r < 0)
		return err_set(e, -r, "cannot unmount volume '%s'", name);
	unlinkat(l->run, mark, 0);
	random_name(suffix);
	snprintf(gone, sizeof gone, ".gone-%.32s", suffix);
	if (renameat(volumes, name, volumes, gone) < 0)
		return err_errno(e, "cannot remove volume '%s'", name);
	local_event(l, "volume", "destroy", name, "driver", "local", NULL);
	return fs_remove_tree(volumes, gone, e);
}

int local_volume_remove(struct engine *en, const char *name, struct err *e)
{
	struct local *l = local_of(en);
	struct user_search users = { .name = name };
	auto_close int volumes = -1, lock = -1;
	struct stat st;

	if (volume_name_check(name, e) < 0 || (volumes = volumes_dir(l, e)) < 0 ||
		(lock = fs_lock(volumes, LOCK, -1, e)) < 0)
		return -e->code;
	if (fstatat(volumes, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		err_set(e, ENOENT, "no volume named '%s'", name);
		return err_hint(e, "redock volume ls");
	}
	for_each_container(l, count_user, &users);
	if (users.n) {
		err_set(e, EBUSY, "volume '%s' is in use by container '%s'", name, users.first);
		return err_hint(e, "redock rm -f %s", users.first);
	}
	return volume_erase(l, volumes, name, e);
}

void volumes_remove_anonymous(struct local *l, const struct container *c)
{
	auto_close int volumes = -1, lock = -1;
	struct err ignored;

	for (size_t i = 0; i < c->config.n_mounts; i++) {
		const struct mount_config *m = &c->config.mounts[i];
		struct user_search users = { .name = m->source };
		auto_volume v = { 0 };
		if (m->type != MOUNT_VOLUME || !m->source || !volume_name_is_made_up(m->source))
			continue;
		if (volumes < 0 && ((volumes = volumes_dir(l, &ignored)) < 0 ||
					   (lock = fs_lock(volumes, LOCK, -1, &ignored)) < 0))
			return;
		if (volume_load(volumes, m->source, &v, &ignored) < 0 || !v.anonymous)
			continue;
		for_each_container(l, count_user, &users);
		if (users.n == 0)
			volume_erase(l, volumes, m->source, &ignored);
	}
}

struct mark_search {
	bool (*is_alive)(void *, const char *);
	void *arg;
	struct strv *marked;
};

static void keep_used(void *arg, const struct container *c)
{
	struct mark_search *s = arg;
	bool asked = false, alive = false;

	for (size_t i = 0; i < s->marked->n; i++) {
		if (!*s->marked->v[i] || !mounts_volume(&c->config, s->marked->v[i]))
			continue;
		if (!asked)
			alive = s->is_alive(s->arg, c->id);
		asked = true;
		if (alive)
			*s->marked->v[i] = '\0';
	}
}

static void list_dir(int at, const char *prefix, struct strv *ret)
{
	int fd = openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_dir DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *ent;

	while (d && (ent = readdir(d)))
		if (*prefix ? str_starts(ent->d_name, prefix) : ent->d_name[0] != '.')
			strv_push(ret, ent->d_name);
}

/* The volumes that are marked as mounted, in the run directory. */
static int open_marks(struct local *l, struct strv *ret)
{
	int fd = openat(l->run, "volumes", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd >= 0)
		list_dir(fd, "", ret);
	return fd;
}

static void unmount_marked(struct local *l, int marks, const char *name)
{
	auto_free char *path = xasprintf("volumes/%s", name);
	auto_close int dir =
		openat(l->dirs.root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (dir < 0 || volume_unmount(dir, "_data") == 0)
		unlinkat(marks, name, 0);
}

void volumes_sweep(struct local *l, bool (*is_alive)(void *, const char *), void *arg)
{
	auto_strv marked = { 0 }, leftovers = { 0 };
	struct mark_search search = { is_alive, arg, &marked };
	auto_close int volumes = openat(l->dirs.root, "volumes",
			       O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW),
		       marks = -1, lock = -1;
	struct err ignored;

	if (volumes < 0)
		return; /* there has never been one */
	list_dir(volumes, ".gone-", &leftovers);
	list_dir(volumes, ".new-", &leftovers);
	marks = open_marks(l, &marked);
	if (!marked.n && !leftovers.n)
		return;
	lock = fs_lock(volumes, LOCK, -1, &ignored);
	if (lock < 0)
		return;
	for (size_t i = 0; i < leftovers.n; i++)
		fs_remove_tree(volumes, leftovers.v[i], &ignored);
	if (marked.n)
		for_each_container(l, keep_used, &search);
	for (size_t i = 0; i < marked.n; i++)
		if (*marked.v[i])
			unmount_marked(l, marks, marked.v[i]);
}

void volumes_unmount_all(struct local *l)
{
	auto_strv names = { 0 };
	auto_close int volumes =
		openat(l->dirs.root, "volumes", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (volumes < 0)
		return;
	list_dir(volumes, "", &names);
	for (size_t i = 0; i < names.n; i++) {
		auto_close int dir = openat(
			volumes, names.v[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (dir >= 0)
			volume_unmount(dir, "_data");
	}
}

/* ---- engine.h's ---- */

static void describe(struct local *l, const char *name, struct volume *v, struct volume_info *ret)
{
	*ret = (struct volume_info){
		.name = xstrdup(name),
		.driver = xstrdup("local"),
		.mountpoint = xasprintf("%s/volumes/%s/_data", l->root, name),
		.anonymous = v->anonymous,
		.created = v->created,
		.labels = v->labels,
		.options = v->options,
		.size = -1,
	};
	*v = (struct volume){ 0 };
}

static int check_labels(char *const *labels, struct err *e)
{
	for (; labels && *labels; labels++) {
		auto_json *text = json_string(*labels);
		if (!text || **labels == '=' || !**labels)
			return err_set(e, EINVAL, "'%.60s' cannot be a label", *labels);
	}
	return 0;
}

int local_volume_create(
	struct engine *en, const struct volume_config *what, struct volume_info *ret, struct err *e)
{
	struct local *l = local_of(en);
	auto_volume v = { .anonymous = !what->name, .created = time_now() };
	auto_close int volumes = -1, lock = -1;
	char made_up[65];
	const char *name = what->name ? what->name : made_up;

	if (!what->name)
		random_name(made_up);
	if (what->driver && !str_eq(what->driver, "local")) {
		err_set(e, EINVAL, "no volume driver is called '%.40s'", what->driver);
		return err_hint(e, "local");
	}
	if (volume_name_check(name, e) < 0 || check_labels(what->labels, e) < 0 ||
		volume_options_check(what->options, e) < 0 || (volumes = volumes_dir(l, e)) < 0 ||
		(lock = fs_lock_shared(volumes, LOCK, -1, e)) < 0)
		return -e->code;
	strv_extend(&v.labels, what->labels);
	strv_extend(&v.options, what->options);
	if (make_or_find(l, volumes, name, &v, !what->options || !*what->options, FS_DURABLE, e) <
		0)
		return -e->code;
	describe(l, name, &v, ret);
	return 0;
}

int local_volume_inspect(
	struct engine *en, const char *name, struct volume_info *ret, struct err *e)
{
	struct local *l = local_of(en);
	struct user_search users = { .name = name };
	auto_close int volumes = -1;
	auto_volume v = { 0 };

	if (volume_name_check(name, e) < 0 || (volumes = volumes_dir(l, e)) < 0 ||
		volume_load(volumes, name, &v, e) < 0)
		return -e->code;
	for_each_container(l, count_user, &users);
	describe(l, name, &v, ret);
	ret->users = users.n;
	return 0;
}

static void count_users(void *arg, const struct container *c)
{
	struct volume_list *list = arg;

	for (size_t i = 0; i < list->n; i++)
		if (mounts_volume(&c->config, list->v[i].name))
			list->v[i].users++;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct volume_info *)a)->name, ((const struct volume_info *)b)->name);
}

int local_volume_list(struct engine *en, bool sizes, struct volume_list *ret, struct err *e)
{
	struct local *l = local_of(en);
	auto_volume_list list = { 0 };
	auto_strv names = { 0 };
	auto_close int volumes = volumes_dir(l, e);

	if (volumes < 0)
		return volumes;
	list_dir(volumes, "", &names);
	list.v = xcalloc(names.n + 1, sizeof *list.v);
	for (size_t i = 0; i < names.n; i++) {
		auto_volume v = { 0 };
		int r = volume_load(volumes, names.v[i], &v, e);
		if (r == -ENOENT)
			continue; /* removed meanwhile */
		if (r < 0) {      /* damaged: the others are not */
			engine_say_to(en, ENGINE_WARNING, "%s; to remove it: redock volume rm %s",
				e->text, names.v[i]);
			continue;
		}
		describe(l, names.v[i], &v, &list.v[list.n]);
		if (sizes) {
			auto_free char *path = xasprintf("%s/_data", names.v[i]);
			list.v[list.n].size = (int64_t)tree_size(volumes, path);
		}
		list.n++;
	}
	if (list.n) {
		qsort(list.v, list.n, sizeof *list.v, by_name);
		for_each_container(l, count_users, &list);
	}
	*ret = list;
	list = (struct volume_list){ 0 };
	return 0;
}
