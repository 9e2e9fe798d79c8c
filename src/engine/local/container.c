/* config.json: what a container was made from. */
#include "base/mem.h"
#include "base/time.h"
#include "engine/local/local.h"
#include "engine/local/seen.h"
#include "engine/local/volumes.h"

#include <fcntl.h>
#include <string.h>

#define CONFIG_MAX     (8u << 20)
#define CONFIG_VERSION 2

void container_release(struct container *c)
{
	container_config_release(&c->config);
	free(c->image_id);
	free(c->manifest);
	strv_release(&c->layers);
	memset(c, 0, sizeof *c);
}

static char *copy_of(const json_t *j, const char *key)
{
	const char *s = json_str(j, key, NULL);

	return s ? xstrdup(s) : NULL;
}

int container_save(
	const struct container *c, int dirfd, enum fs_durability durability, struct err *e)
{
	auto_json *j = json_object();
	char created[TIME_TEXT_SIZE];

	time_format(c->created, created);
	json_object_set_new(j, "RedockVersion", json_integer(CONFIG_VERSION));
	json_object_set_new(j, "Id", json_string(c->id));
	json_object_set_new(j, "Created", json_string(created));
	json_object_set_new(j, "ImageID", json_string(c->image_id));
	json_object_set_new(j, "Manifest", json_string(c->manifest));
	json_object_set_new(j, "Layers", json_from_strv(&c->layers));
	container_config_to_json(&c->config, j);
	return json_write_file(dirfd, "config.json", j, 0600, durability, e);
}

/* What the rest of us takes for granted: a crash, or somebody's editor, may have left less. */
static bool is_whole(const struct container *c)
{
	const struct container_config *config = &c->config;

	if (!config->name || !config->image || !config->hostname || !config->workdir ||
		!config->network || !c->image_id || !c->manifest || !c->layers.n ||
		*config->workdir != '/' || config->entrypoint.n + config->cmd.n == 0)
		return false;
	for (size_t i = 0; i < config->n_mounts; i++) {
		const struct mount_config *m = &config->mounts[i];
		struct err ignored;
		if (!m->target || (m->type == MOUNT_BIND && !m->source) ||
			(m->type == MOUNT_VOLUME &&
				(!m->source || volume_name_check(m->source, &ignored) < 0)))
			return false;
	}
	for (size_t i = 0; i < config->n_ulimits; i++)
		if (!config->ulimits[i].name)
			return false;
	for (size_t i = 0; i < config->n_endpoints; i++)
		if (!config->endpoints[i].network)
			return false;
	return true;
}

static bool claims(struct local *l, const char *key, const char *id)
{
	char owner[ENGINE_ID_SIZE];

	return readlinkat(l->dirs.names, key, owner, sizeof owner) == ENGINE_ID_SIZE - 1 &&
	       memcmp(owner, id, ENGINE_ID_SIZE - 1) == 0;
}

/* The claim is the name: it moves in one step when a container is renamed, and what config.json
 * says may be a step behind if that was cut short (F20). */
static void set_claimed_name(struct local *l, struct container *c)
{
	auto_free char *key = container_name_key(c->config.name);
	auto_free char *machine = c->config.machine ? container_name_key(c->config.machine) : NULL;
	auto_dir DIR *d = NULL;
	struct dirent *ent;
	int fd;

	if (claims(l, key, c->id))
		return;
	fd = openat(l->dirs.names, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	d = fd < 0 ? NULL : fdopendir(fd);
	while (d && (ent = readdir(d)))
		if ((!machine || !str_eq(ent->d_name, machine)) && claims(l, ent->d_name, c->id)) {
			free(c->config.name);
			c->config.name = xstrdup(ent->d_name);
			return;
		}
}

static int read_config(struct local *l, const char *id, struct container *c, struct err *e)
{
	auto_free char *path = xasprintf("%s/config.json", id);
	auto_json *j = NULL;
	int r = json_read_file(l->dirs.containers, path, CONFIG_MAX, &j, e);

	if (r == -ENOENT)
		return err_set(e, ENOENT, "no container '%.12s'", id);
	if (r < 0)
		return err_wrap(e, "container '%.12s'", id);
	if (json_int(j, "RedockVersion", 0) != CONFIG_VERSION)
		return err_set(e, EPROTO,
			"container '%.12s' is damaged or of another version of redock", id);
	snprintf(c->id, sizeof c->id, "%s", id);
	c->image_id = copy_of(j, "ImageID");
	c->manifest = copy_of(j, "Manifest");
	json_get_strv(j, "Layers", &c->layers);
	time_parse(json_str(j, "Created", ""), &c->created);
	if (container_config_from_json(j, &c->config, e) < 0 || !is_whole(c))
		return err_set(e, EPROTO, "container '%.12s' has a damaged config.json", id);
	return 0;
}

int container_load(struct local *l, const char *id, struct container *ret, struct err *e)
{
	auto_container c = { 0 };
	struct seen *seen = seen_is_at(l->seen, id) ? l->seen : NULL;
	bool known = seen && seen_container(seen, l, &c) && is_whole(&c);
	int r;

	if (!known) {
		container_release(&c);
		if ((r = read_config(l, id, &c, e)) < 0)
			return r;
	}
	if (!known || !seen_names(seen)) {
		set_claimed_name(l, &c);
		if (seen)
			seen_keep_container(seen, &c);
	}
	*ret = c;
	c = (struct container){ 0 };
	return 0;
}
