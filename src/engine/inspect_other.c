/* `inspect` of images, volumes and networks, and what all kinds share. */
#include "base/mem.h"
#include "base/time.h"
#include "engine/inspect_json.h"
#include "engine/inspect_value.h"

#include <string.h>

json_t *value_string(const char *text)
{
	json_t *j = json_string(text ? text : "");
	auto_str clean = STR_INIT(64 << 20);

	if (j)
		return j;
	/* broken somewhere: the ASCII stays, each other byte is replaced */
	for (; *text; text++)
		if ((unsigned char)*text < 0x80)
			str_add_char(&clean, *text);
		else
			str_add(&clean, "\uFFFD");
	return json_string(str_text(&clean));
}

json_t *value_map(const struct strv *v)
{
	json_t *j = json_object();

	for (size_t i = 0; i < v->n; i++) {
		size_t n = strcspn(v->v[i], "=");
		auto_free char *key = xstrndup(v->v[i], n);
		value_text(j, key, v->v[i] + n + (v->v[i][n] == '='));
	}
	return j;
}

json_t *value_set(const struct strv *v)
{
	json_t *j = json_object();

	for (size_t i = 0; i < v->n; i++)
		json_object_set_new(j, v->v[i], json_object());
	return j;
}

void value_text(json_t *object, const char *key, const char *text)
{
	json_object_set_new(object, key, value_string(text));
}

void value_number(json_t *object, const char *key, int64_t n)
{
	json_object_set_new(object, key, json_integer(n));
}

void value_flag(json_t *object, const char *key, bool flag)
{
	json_object_set_new(object, key, json_boolean(flag));
}

void value_time(json_t *object, const char *key, int64_t time)
{
	char text[TIME_TEXT_SIZE];

	time_format(time, text);
	value_text(object, key, text);
}

void value_list(json_t *object, const char *key, const struct strv *v)
{
	json_t *j = v->n ? json_array() : json_null();

	for (size_t i = 0; i < v->n; i++)
		json_array_append_new(j, value_string(v->v[i]));
	json_object_set_new(object, key, j);
}

static json_t *health_json(const struct health_config *h)
{
	const struct {
		const char *key;
		int64_t n;
	} numbers[] = {
		{ "Interval", h->interval },
		{ "Timeout", h->timeout },
		{ "StartPeriod", h->start_period },
		{ "StartInterval", h->start_interval },
		{ "Retries", h->retries },
	};
	json_t *j = json_object();

	value_list(j, "Test", &h->test);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (numbers[i].n)
			value_number(j, numbers[i].key, numbers[i].n);
	return j;
}

/* Docker's "Volumes": where an anonymous volume was wanted. */
static json_t *volume_targets(const struct container_config *c)
{
	json_t *j = json_object();

	for (size_t i = 0; i < c->n_mounts; i++)
		if (c->mounts[i].type == MOUNT_VOLUME && !c->mounts[i].source)
			json_object_set_new(j, c->mounts[i].target, json_object());
	if (json_object_size(j))
		return j;
	json_decref(j);
	return json_null();
}

json_t *inspect_config_json(const struct container_config *c)
{
	json_t *j = json_object();

	value_text(j, "Hostname", c->hostname);
	value_text(j, "Domainname", c->domainname);
	value_text(j, "User", c->user);
	if (c->mac_address)
		value_text(j, "MacAddress", c->mac_address);
	value_flag(j, "AttachStdin", false);
	value_flag(j, "AttachStdout", false);
	value_flag(j, "AttachStderr", false);
	if (c->exposed.n)
		json_object_set_new(j, "ExposedPorts", value_set(&c->exposed));
	value_flag(j, "Tty", c->tty);
	value_flag(j, "OpenStdin", c->stdin_open);
	value_flag(j, "StdinOnce", false);
	value_list(j, "Env", &c->env);
	value_list(j, "Cmd", &c->cmd);
	if (c->health.test.n)
		json_object_set_new(j, "Healthcheck", health_json(&c->health));
	value_text(j, "Image", c->image);
	json_object_set_new(j, "Volumes", volume_targets(c));
	value_text(j, "WorkingDir", c->workdir);
	value_list(j, "Entrypoint", &c->entrypoint);
	json_object_set_new(j, "OnBuild", json_null());
	json_object_set_new(j, "Labels", value_map(&c->labels));
	if (c->stop_signal)
		value_text(j, "StopSignal", c->stop_signal);
	if (c->stop_timeout)
		value_number(
			j, "StopTimeout", c->stop_timeout == STOP_AT_ONCE ? 0 : c->stop_timeout);
	return j;
}

json_t *inspect_image_json(const struct image_info *i)
{
	json_t *j = json_object(), *rootfs = json_object();

	value_text(j, "Id", i->id);
	value_list(j, "RepoTags", &i->names);
	value_list(j, "RepoDigests", &i->digests);
	value_text(j, "Parent", "");
	value_text(j, "Comment", i->comment);
	value_time(j, "Created", i->created);
	value_text(j, "Author", i->author);
	json_object_set_new(j, "Config", inspect_config_json(&i->config));
	value_text(j, "Architecture", i->architecture);
	value_text(j, "Os", i->os);
	value_number(j, "Size", (int64_t)i->size);
	value_number(j, "VirtualSize", (int64_t)i->size);
	value_text(rootfs, "Type", "layers");
	value_list(rootfs, "Layers", &i->layers);
	json_object_set_new(j, "RootFS", rootfs);
	return j;
}

static json_t *map_or_null(const struct strv *v)
{
	return v->n ? value_map(v) : json_null();
}

json_t *inspect_volume_json(const struct volume_info *v)
{
	json_t *j = json_object();

	value_time(j, "CreatedAt", v->created);
	value_text(j, "Driver", v->driver);
	json_object_set_new(j, "Labels", map_or_null(&v->labels));
	value_text(j, "Mountpoint", v->mountpoint);
	value_text(j, "Name", v->name);
	json_object_set_new(j, "Options", map_or_null(&v->options));
	value_text(j, "Scope", "local");
	if (v->size >= 0)
		json_object_set_new(j, "UsageData",
			json_pack("{s:I,s:I}", "Size", (json_int_t)v->size, "RefCount",
				(json_int_t)v->users));
	return j;
}

static json_t *members_json(const struct network_info *n)
{
	json_t *j = json_object();

	for (size_t i = 0; i < n->n_members; i++) {
		const struct network_member *m = &n->members[i];
		auto_free char *address = m->address && *m->address
						  ? xasprintf("%s/%u", m->address, m->prefix)
						  : xstrdup("");
		json_t *member = json_object();
		value_text(member, "Name", m->name);
		value_text(member, "MacAddress", m->mac);
		value_text(member, "IPv4Address", address);
		value_text(member, "IPv6Address", "");
		json_object_set_new(j, m->id, member);
	}
	return j;
}

json_t *inspect_network_json(const struct network_info *n)
{
	json_t *j = json_object(), *ipam = json_object(), *ranges = json_array();

	if (n->subnet && *n->subnet) {
		json_t *range = json_object();
		value_text(range, "Subnet", n->subnet);
		value_text(range, "Gateway", n->gateway);
		json_array_append_new(ranges, range);
	}
	value_text(ipam, "Driver", "default");
	json_object_set_new(ipam, "Options", json_null());
	json_object_set_new(ipam, "Config", ranges);
	value_text(j, "Name", n->name);
	value_text(j, "Id", n->id);
	value_time(j, "Created", n->created);
	value_text(j, "Scope", "local");
	value_text(j, "Driver", n->driver);
	value_flag(j, "EnableIPv6", false);
	json_object_set_new(j, "IPAM", ipam);
	value_flag(j, "Internal", n->internal);
	value_flag(j, "Attachable", false);
	value_flag(j, "Ingress", false);
	json_object_set_new(j, "Containers", members_json(n));
	json_object_set_new(j, "Options", value_map(&n->options));
	json_object_set_new(j, "Labels", value_map(&n->labels));
	return j;
}
