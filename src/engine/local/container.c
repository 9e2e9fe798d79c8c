/* config.json: what a container was made from. */
#include "base/mem.h"
#include "base/time.h"
#include "engine/local/local.h"

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

int container_load(struct local *l, const char *id, struct container *ret, struct err *e)
{
	auto_container c = { 0 };
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
	snprintf(c.id, sizeof c.id, "%s", id);
	c.image_id = copy_of(j, "ImageID");
	c.manifest = copy_of(j, "Manifest");
	json_get_strv(j, "Layers", &c.layers);
	time_parse(json_str(j, "Created", ""), &c.created);
	if (container_config_from_json(j, &c.config, e) < 0 || !c.config.name || !c.config.image ||
		!c.config.hostname || !c.config.workdir || !c.config.network || !c.image_id ||
		!c.manifest || !c.layers.n)
		return err_set(e, EPROTO, "container '%.12s' has a damaged config.json", id);
	*ret = c;
	c = (struct container){ 0 };
	return 0;
}
