#include "machine/access.h"
#include "machine/name.h"
#include "machine/sshfiles.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define HOST_KEY "ssh_host_ed25519_key"
#define HOMES    "homes.json"

static char *state_path(struct engine *en, const struct machine_name *name)
{
	char key[MACHINE_KEY_SIZE];

	machine_name_key(name, key);
	return xasprintf("%s/machines/%s", engine_state_path(en), key);
}

/* The machine's folder; with `make`, it is there afterwards. */
static int open_state(struct engine *en, const struct machine_name *name, bool make, struct err *e)
{
	auto_free char *path = NULL;
	char key[MACHINE_KEY_SIZE];
	int fd = engine_state_fd(en, e);

	if (fd < 0)
		return fd;
	machine_name_key(name, key);
	path = xasprintf("machines/%s", key);
	return make ? fs_open_dir_make(fd, path, 0700, e) : fs_open_dir(fd, path, e);
}

char *access_mount_source(struct engine *en, const struct machine_name *name)
{
	auto_free char *path = state_path(en, name);

	return xasprintf("%s/ssh", path);
}

/* ---- the machine's own keys ---- */

/* ssh-keygen(1) writes both halves beside each other; only the private one goes into the machine.
 */
static int ensure_host_key(
	struct engine *en, const struct machine_name *name, int state, struct err *e)
{
	auto_free char *path = state_path(en, name);
	auto_close int ssh = fs_open_dir_make(state, "ssh", 0700, e);
	auto_str key = STR_INIT(512);
	struct stat st;
	int r;

	if (ssh < 0)
		return ssh;
	if (fstatat(ssh, HOST_KEY, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		faccessat(state, "host_key.pub", F_OK, 0) == 0)
		return 0;
	if (unlinkat(state, "host_key", 0) < 0 && errno != ENOENT)
		return err_errno(e, "cannot write below '%s'", path);
	r = sshfiles_key_pair(state, path, "host_key", &key, e);
	if (r < 0)
		return r;
	if (renameat(state, "host_key", ssh, HOST_KEY) < 0)
		return err_errno(e, "cannot write '%s/ssh/%s'", path, HOST_KEY);
	return 0;
}

int access_make(struct engine *en, const struct machine_name *name, struct err *e)
{
	auto_close int state = -1;
	int r = access_forget(en, name, e);

	if (r < 0)
		return r;
	state = open_state(en, name, true, e);
	return state < 0 ? state : ensure_host_key(en, name, state, e);
}

/* Adds `key` ("ssh-ed25519 AAAA…") unless it is there. The folder is what is mounted, so that the
 * machine sees the file that was renamed into it. */
static int authorize(int state, const char *key, uid_t uid, struct err *e)
{
	auto_close int ssh = fs_open_dir_make(state, "ssh", 0700, e);
	auto_str text = STR_INIT((size_t)1 << 20);
	auto_free char *old = NULL;
	int r;

	if (ssh < 0)
		return ssh;
	r = fs_read_file(ssh, "authorized_keys", text.limit, &old, NULL, e);
	if (r == -ENOENT)
		err_clear(e);
	else if (r < 0)
		return r;
	else if (strstr(old, key))
		return 0;
	str_addf(&text, "%s%s uid-%u\n", old ? old : "", key, (unsigned)uid);
	if (text.overflow)
		return err_set(e, EFBIG, "too many people have access to this machine");
	return fs_write_file(
		ssh, "authorized_keys", str_text(&text), text.len, 0600, FS_VOLATILE, e);
}

/* ---- whose homes hold an entry ---- */

static int read_homes(int state, json_t **ret, struct err *e)
{
	int r = json_read_file(state, HOMES, (size_t)1 << 20, ret, e);

	/* written without fsync: after a power cut it may be empty, and is begun anew */
	if (r != -ENOENT && r != -EINVAL)
		return r;
	err_clear(e);
	*ret = json_pack("{s:i, s:[]}", "version", 1, "homes");
	return 0;
}

/* The recorded alias is of an earlier life when the machine was renamed: then it is replaced. */
static int record_home(int state, const char *alias, uid_t uid, const char *dir, struct err *e)
{
	auto_json *j = NULL;
	json_t *homes, *home;
	size_t i;
	int r = read_homes(state, &j, e);

	if (r < 0)
		return r;
	homes = json_object_get(j, "homes");
	if (!json_is_array(homes)) {
		homes = json_array();
		json_object_set_new(j, "homes", homes);
	}
	json_array_foreach(homes, i, home)
	{
		if (json_int(home, "uid", -1) == (int64_t)uid &&
			str_eq(json_str(home, "dir", ""), dir) &&
			str_eq(json_str(home, "alias", ""), alias))
			return 0;
	}
	json_array_append_new(homes,
		json_pack("{s:I, s:s, s:s}", "uid", (json_int_t)uid, "dir", dir, "alias", alias));
	return json_write_file(state, HOMES, j, 0600, FS_VOLATILE, e);
}

/* ---- entries ---- */

/* Another machine's entry by this alias stands in the way only while that machine exists. */
static int check_owner(struct engine *en, const struct machine_name *name, const char *alias,
	const char *machine, const char *engine, struct err *e)
{
	struct machine_name other;
	struct err ignored = { 0 };
	bool here = str_eq(engine, engine_state_path(en));

	if (!*machine || (here && str_eq(machine, name->text)))
		return 0;
	if (machine_name_parse(machine, &other, &ignored) < 0)
		return 0;
	if (here) {
		auto_container_info info = { 0 };

		if (engine_inspect_machine(en, other.text, &info, &ignored) == -ENOENT)
			return 0;
	} else {
		char key[MACHINE_KEY_SIZE];
		auto_free char *path = NULL;

		machine_name_key(&other, key);
		path = xasprintf("%s/machines/%s", engine, key);
		if (access(path, F_OK) < 0 && errno == ENOENT)
			return 0;
	}
	err_set(e, EEXIST, "the SSH alias '%s' is taken by machine '%s'%s%s", alias, other.text,
		here ? "" : " of the engine at ", here ? "" : engine);
	return err_hint(
		e, "give this one another host name: redock start %s --hostname OTHER", name->text);
}

/* The person's files have a key, which *ret_key gets, and no other machine by this alias. */
static int prepare_person(struct engine *en, const struct machine_name *name, const char *alias,
	const struct person *person, const char *dir, struct str *ret_key, struct err *e)
{
	struct sshfiles_prepare job = { person->home, dir, alias };
	auto_str out = STR_INIT(PERSON_OUT_MAX);
	char *line, *machine, *engine;
	int r = person_run(person, sshfiles_prepare, &job, &out, e);

	if (r < 0)
		return err_wrap(e, "cannot set up SSH for '%s'", person->name);
	line = str_take(&out);
	machine = line + strcspn(line, "\n");
	engine = *machine ? machine + 1 + strcspn(machine + 1, "\n") : machine;
	if (*machine && *engine) {
		*machine++ = *engine++ = '\0';
		engine[strcspn(engine, "\n")] = '\0';
	}
	r = sshfiles_parse_key(line, ret_key, e);
	if (r >= 0)
		r = check_owner(en, name, alias, machine, engine, e);
	free(line);
	return r;
}

int access_check(struct engine *en, const struct machine_name *name, const char *alias,
	const struct person *person, struct err *e)
{
	auto_free char *dir = xasprintf("%s/ssh", person->data_dir);
	auto_str key = STR_INIT(512);

	return prepare_person(en, name, alias, person, dir, &key, e);
}

int access_prepare(struct engine *en, const struct machine_name *name, const char *alias,
	const struct person *person, struct err *e)
{
	auto_free char *dir = xasprintf("%s/ssh", person->data_dir);
	auto_close int state = open_state(en, name, true, e);
	auto_str key = STR_INIT(512);
	int r;

	if (state < 0)
		return state;
	r = ensure_host_key(en, name, state, e);
	if (r >= 0)
		r = prepare_person(en, name, alias, person, dir, &key, e);
	if (r >= 0)
		r = record_home(state, alias, person->uid, dir, e);
	return r < 0 ? r : authorize(state, str_text(&key), person->uid, e);
}

/* Runs `job` on the entry in one recorded home. */
static int in_home(const json_t *home, struct sshfiles_entry *entry, person_job *job, struct err *e)
{
	auto_person p = { 0 };
	int64_t uid = json_int(home, "uid", -1);
	int r;

	entry->dir = json_str(home, "dir", "");
	entry->alias = json_str(home, "alias", "");
	if (uid < 0 || uid >= UINT32_MAX || !*entry->dir || !*entry->alias)
		return err_set(e, EINVAL, "a record of a person's home is damaged");
	r = person_by_uid((uid_t)uid, &p, e);
	return r < 0 ? r : person_run(&p, job, entry, NULL, e);
}

int access_publish(struct engine *en, const struct machine_name *name, const char *alias,
	const char *address, const struct person *person, struct err *e)
{
	auto_close int state = open_state(en, name, false, e);
	auto_free char *dir = xasprintf("%s/ssh", person->data_dir), *key_text = NULL;
	auto_str key = STR_INIT(512);
	auto_json *homes = NULL;
	struct sshfiles_entry entry = { dir, alias, name->text, engine_state_path(en), address };
	json_t *home;
	size_t i;
	int r = state < 0 ? state : read_homes(state, &homes, e);

	if (r >= 0)
		r = fs_read_file(state, "host_key.pub", 4096, &key_text, NULL, e);
	if (r >= 0)
		r = sshfiles_parse_key(key_text, &key, e);
	if (r < 0)
		return r;
	entry.host_key = str_text(&key);
	r = person_run(person, sshfiles_publish, &entry, NULL, e);
	if (r < 0)
		return err_wrap(e, "cannot write the SSH entry of '%s'", person->name);
	json_array_foreach(json_object_get(homes, "homes"), i, home)
	{
		struct err other = { 0 };

		if (json_int(home, "uid", -1) == (int64_t)person->uid &&
			str_eq(json_str(home, "dir", ""), dir))
			continue;
		if (in_home(home, &entry, sshfiles_publish, &other) < 0)
			engine_say_to(en, 1, "the SSH entry in '%s' was not renewed: %s",
				json_str(home, "dir", "?"), other.text);
	}
	return 0;
}

int access_forget(struct engine *en, const struct machine_name *name, struct err *e)
{
	auto_close int state = open_state(en, name, false, e);
	auto_close int machines = -1;
	auto_json *homes = NULL;
	char key[MACHINE_KEY_SIZE];
	json_t *home;
	size_t i;
	int r = engine_state_fd(en, e);

	if (r < 0)
		return r;
	if (state == -ENOENT) {
		err_clear(e);
		return 0;
	}
	if (state < 0)
		return state;
	machines = fs_open_dir(r, "machines", e);
	if (machines < 0)
		return machines;
	if (read_homes(state, &homes, e) < 0) {
		engine_say_to(
			en, 0, "some SSH entries of '%s' may be left: %s", name->text, e->text);
		err_clear(e);
	}
	json_array_foreach(json_object_get(homes, "homes"), i, home)
	{
		struct sshfiles_entry entry = {
			.machine = name->text,
			.engine = engine_state_path(en),
			.address = "",
			.host_key = "",
		};
		struct err other = { 0 };

		if (in_home(home, &entry, sshfiles_remove, &other) < 0)
			engine_say_to(en, 0, "the SSH entry of '%s' in '%s' is left: %s",
				name->text, json_str(home, "dir", "?"), other.text);
	}
	machine_name_key(name, key);
	return fs_remove_tree(machines, key, e);
}

int access_forget_all(struct engine *en, struct err *e)
{
	auto_dir DIR *d = NULL;
	struct dirent *ent;
	int dir, r = engine_state_fd(en, e);

	if (r < 0)
		return r;
	dir = openat(r, "machines", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return errno == ENOENT ? 0 : err_errno(e, "cannot read the machines' folder");
	d = fdopendir(dir);
	if (!d) {
		close(dir);
		return err_errno(e, "cannot read the machines' folder");
	}
	r = 0;
	while (r >= 0 && (errno = 0, ent = readdir(d))) {
		struct machine_name name;

		if (machine_name_from_key(ent->d_name, &name) == 0)
			r = access_forget(en, &name, e);
	}
	return r;
}

/* ---- time of the last commit ---- */

void access_set_committed(struct engine *en, const struct machine_name *name, int64_t when)
{
	struct err e = { 0 };
	auto_close int state = open_state(en, name, true, &e);
	auto_str text = STR_INIT(64);

	str_addf(&text, "%lld", (long long)when);
	if (state >= 0)
		fs_write_file(state, "committed", str_text(&text), text.len, 0600, FS_VOLATILE, &e);
}

int64_t access_committed(struct engine *en, const struct machine_name *name)
{
	struct err e = { 0 };
	auto_close int state = open_state(en, name, false, &e);
	auto_free char *text = NULL;
	uint64_t n = 0;

	if (state < 0 || fs_read_file(state, "committed", 64, &text, NULL, &e) < 0 ||
		str_to_u64(text, 0, INT64_MAX, &n) < 0)
		return 0;
	return (int64_t)n;
}
