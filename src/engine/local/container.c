/* config.json: what a container was made from. */
#include "base/mem.h"
#include "base/time.h"
#include "engine/local/local.h"

#include <string.h>

#define CONFIG_MAX (8u << 20)

void container_release(struct container *c)
{
	free(c->name);
	free(c->machine);
	free(c->image);
	free(c->image_id);
	free(c->manifest);
	free(c->hostname);
	free(c->workdir);
	free(c->user);
	free(c->network);
	free(c->stop_signal);
	free(c->notify_path);
	strv_release(&c->entrypoint);
	strv_release(&c->cmd);
	strv_release(&c->env);
	strv_release(&c->labels);
	strv_release(&c->layers);
	for (size_t i = 0; i < c->n_mounts; i++) {
		free((char *)c->mounts[i].source);
		free((char *)c->mounts[i].target);
	}
	free(c->mounts);
	memset(c, 0, sizeof *c);
}

static char *copy_of(const json_t *j, const char *key)
{
	const char *s = json_str(j, key, NULL);

	return s ? xstrdup(s) : NULL;
}

static void set_text(json_t *j, const char *key, const char *value)
{
	if (value)
		json_object_set_new(j, key, json_string(value));
}

static json_t *mounts_to_json(const struct container *c)
{
	json_t *array = json_array();

	for (size_t i = 0; i < c->n_mounts; i++) {
		const struct mount_config *m = &c->mounts[i];
		json_t *j = json_object();
		set_text(j, "Type", m->type == MOUNT_TMPFS ? "tmpfs" : "bind");
		set_text(j, "Source", m->source);
		set_text(j, "Target", m->target);
		json_object_set_new(j, "ReadOnly", json_boolean(m->read_only));
		json_object_set_new(j, "SizeBytes", json_integer((json_int_t)m->size));
		json_object_set_new(j, "Mode", json_integer(m->mode));
		json_array_append_new(array, j);
	}
	return array;
}

static void mounts_from_json(const json_t *array, struct container *c)
{
	const json_t *j;
	size_t i;

	c->mounts = xcalloc(json_array_size(array), sizeof *c->mounts);
	json_array_foreach(array, i, j) c->mounts[c->n_mounts++] = (struct mount_config){
		.type = str_eq(json_str(j, "Type", ""), "tmpfs") ? MOUNT_TMPFS : MOUNT_BIND,
		.source = copy_of(j, "Source"),
		.target = copy_of(j, "Target"),
		.read_only = json_bool(j, "ReadOnly", false),
		.size = (uint64_t)json_int(j, "SizeBytes", 0),
		.mode = (mode_t)json_int(j, "Mode", 0),
	};
}

int container_save(
	const struct container *c, int dirfd, enum fs_durability durability, struct err *e)
{
	auto_json *j = json_object();
	char created[TIME_TEXT_SIZE];

	time_format(c->created, created);
	json_object_set_new(j, "Version", json_integer(1));
	set_text(j, "Id", c->id);
	set_text(j, "Name", c->name);
	set_text(j, "Machine", c->machine);
	set_text(j, "Image", c->image);
	set_text(j, "ImageID", c->image_id);
	set_text(j, "Manifest", c->manifest);
	set_text(j, "Created", created);
	set_text(j, "Hostname", c->hostname);
	set_text(j, "WorkingDir", c->workdir);
	set_text(j, "User", c->user);
	set_text(j, "Network", c->network);
	set_text(j, "StopSignal", c->stop_signal);
	set_text(j, "NotifyPath", c->notify_path);
	json_object_set_new(j, "Entrypoint", json_from_strv(&c->entrypoint));
	json_object_set_new(j, "Cmd", json_from_strv(&c->cmd));
	json_object_set_new(j, "Env", json_from_strv(&c->env));
	json_object_set_new(j, "Labels", json_from_strv(&c->labels));
	json_object_set_new(j, "Layers", json_from_strv(&c->layers));
	json_object_set_new(j, "Mounts", mounts_to_json(c));
	json_object_set_new(j, "Tty", json_boolean(c->tty));
	json_object_set_new(j, "OpenStdin", json_boolean(c->stdin_open));
	json_object_set_new(j, "AutoRemove", json_boolean(c->auto_remove));
	json_object_set_new(j, "ConsoleSize",
		json_pack("[I,I]", (json_int_t)c->console_rows, (json_int_t)c->console_columns));
	json_object_set_new(j, "Memory", json_integer(c->memory));
	json_object_set_new(j, "NanoCpus", json_integer(c->nano_cpus));
	json_object_set_new(j, "PidsLimit", json_integer(c->pids_limit));
	return json_write_file(dirfd, "config.json", j, 0600, durability, e);
}

int container_load(struct local *l, const char *id, struct container *ret, struct err *e)
{
	struct container c = { 0 };
	auto_free char *path = xasprintf("%s/config.json", id);
	auto_json *j = NULL;
	const json_t *size;
	int r = json_read_file(l->dirs.containers, path, CONFIG_MAX, &j, e);

	if (r == -ENOENT)
		return err_set(e, ENOENT, "no container '%.12s'", id);
	if (r < 0)
		return err_wrap(e, "container '%.12s'", id);
	if (json_int(j, "Version", 0) != 1)
		return err_set(e, EPROTO,
			"container '%.12s' is damaged or of another version of redock", id);
	snprintf(c.id, sizeof c.id, "%s", id);
	c.name = copy_of(j, "Name");
	c.machine = copy_of(j, "Machine");
	c.image = copy_of(j, "Image");
	c.image_id = copy_of(j, "ImageID");
	c.manifest = copy_of(j, "Manifest");
	c.hostname = copy_of(j, "Hostname");
	c.workdir = copy_of(j, "WorkingDir");
	c.user = copy_of(j, "User");
	c.network = copy_of(j, "Network");
	c.stop_signal = copy_of(j, "StopSignal");
	c.notify_path = copy_of(j, "NotifyPath");
	json_get_strv(j, "Entrypoint", &c.entrypoint);
	json_get_strv(j, "Cmd", &c.cmd);
	json_get_strv(j, "Env", &c.env);
	json_get_strv(j, "Labels", &c.labels);
	json_get_strv(j, "Layers", &c.layers);
	mounts_from_json(json_object_get(j, "Mounts"), &c);
	c.tty = json_bool(j, "Tty", false);
	c.stdin_open = json_bool(j, "OpenStdin", false);
	c.auto_remove = json_bool(j, "AutoRemove", false);
	size = json_object_get(j, "ConsoleSize");
	c.console_rows = json_integer_value(json_array_get(size, 0));
	c.console_columns = json_integer_value(json_array_get(size, 1));
	c.memory = json_int(j, "Memory", 0);
	c.nano_cpus = json_int(j, "NanoCpus", 0);
	c.pids_limit = json_int(j, "PidsLimit", 0);
	time_parse(json_str(j, "Created", ""), &c.created);
	if (!c.name || !c.image || !c.image_id || !c.manifest || !c.network || !c.layers.n) {
		container_release(&c);
		return err_set(e, EPROTO, "container '%.12s' has a damaged config.json", id);
	}
	*ret = c;
	return 0;
}
