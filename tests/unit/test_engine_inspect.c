/* inspect_json.h: the members without which Docker's clients break, and hostile strings. */
#include "base/json.h"
#include "base/mem.h"
#include "engine/inspect_json.h"
#include "test_base.h"

#include <string.h>

static const char *text_at(const json_t *j, const char *section, const char *key)
{
	const json_t *from = section ? json_object_get(j, section) : j;
	const char *text = json_str(from, key, NULL);

	if (!text)
		fail_msg("no '%s' in '%s'", key, section ? section : "");
	return text;
}

static void fill(struct container_info *c)
{
	struct mount_config *m;
	struct port_config *p;

	memset(c->id, 'a', ENGINE_ID_SIZE - 1);
	c->config.name = xstrdup("web");
	c->config.image = xstrdup("base");
	c->config.network = xstrdup("bridge");
	strv_push(&c->config.entrypoint, "/bin/sh");
	strv_push(&c->config.cmd, "-c");
	strv_push(&c->config.cmd, "a\xff"
				  "b");
	strv_push(&c->config.labels, "k=v=w");
	m = container_config_add_mount(&c->config);
	m->type = MOUNT_BIND;
	m->make_source = m->read_only = true;
	m->source = xstrdup("/srv");
	m->target = xstrdup("/data");
	p = container_config_add_port(&c->config);
	p->container_port = 80;
	p->host_port = 8080;
	c->state = CONTAINER_PAUSED;
	c->health = HEALTH_HEALTHY;
	c->image_id = xstrdup("sha256:1");
	c->mounts = xcalloc(1, sizeof *c->mounts);
	c->n_mounts = 1;
	c->mounts[0] = (struct mount_info){ MOUNT_VOLUME, xstrdup("v"), xstrdup("local"),
		xstrdup("/x"), xstrdup("/y"), true, PROPAGATION_RPRIVATE };
	c->ports = xcalloc(2, sizeof *c->ports);
	c->n_ports = 2;
	c->ports[0] = (struct port_binding){ xstrdup("tcp"), 80, 8080, xstrdup("0.0.0.0") };
	c->ports[1] = (struct port_binding){ xstrdup("udp"), 53, 0, NULL };
}

static void container(void **state)
{
	auto_container_info c = { 0 };
	auto_json *j = NULL;
	const json_t *ports, *mount;

	fill(&c);
	j = inspect_container_json(&c);
	assert_string_equal(text_at(j, NULL, "Name"), "/web");
	assert_string_equal(text_at(j, NULL, "Path"), "/bin/sh");
	/* what is not UTF-8 is shown, not lost */
	assert_string_equal(
		json_string_value(json_array_get(json_object_get(j, "Args"), 1)), "a\uFFFDb");
	assert_string_equal(text_at(j, "State", "Status"), "paused");
	assert_true(json_bool(json_object_get(j, "State"), "Running", false));
	assert_true(json_bool(json_object_get(j, "State"), "Paused", false));
	assert_string_equal(text_at(json_object_get(j, "State"), "Health", "Status"), "healthy");
	assert_string_equal(text_at(json_object_get(j, "Config"), "Labels", "k"), "v=w");
	assert_false(json_bool(json_object_get(j, "Config"), "Tty", true));
	assert_string_equal(json_string_value(json_array_get(
				    json_object_get(json_object_get(j, "HostConfig"), "Binds"), 0)),
		"/srv:/data:ro");
	ports = json_object_get(json_object_get(j, "NetworkSettings"), "Ports");
	assert_string_equal(
		json_str(json_array_get(json_object_get(ports, "80/tcp"), 0), "HostPort", ""),
		"8080");
	assert_true(json_is_null(json_object_get(ports, "53/udp")));
	mount = json_array_get(json_object_get(j, "Mounts"), 0);
	assert_string_equal(json_str(mount, "Destination", ""), "/y");
	assert_false(json_bool(mount, "RW", true));
}

static void others(void **state)
{
	struct volume_info v = { .name = (char *)"v",
		.driver = (char *)"local",
		.mountpoint = (char *)"/m",
		.size = -1 };
	struct network_info n = { .name = (char *)"n",
		.driver = (char *)"bridge",
		.subnet = (char *)"10.0.0.0/24",
		.gateway = (char *)"10.0.0.1" };
	char *names[] = { (char *)"a:b", NULL };
	struct image_info i = {
		.reference = (char *)"a:b", .id = (char *)"sha256:2", .names = { names, 1 }
	};
	auto_json *volume = inspect_volume_json(&v), *network = inspect_network_json(&n),
		  *image = inspect_image_json(&i);

	assert_string_equal(text_at(volume, NULL, "Mountpoint"), "/m");
	assert_true(json_is_null(json_object_get(volume, "Labels")));
	assert_null(json_object_get(volume, "UsageData"));
	assert_string_equal(
		json_str(json_array_get(
				 json_object_get(json_object_get(network, "IPAM"), "Config"), 0),
			"Gateway", ""),
		"10.0.0.1");
	assert_true(json_is_object(json_object_get(network, "Containers")));
	assert_string_equal(
		json_string_value(json_array_get(json_object_get(image, "RepoTags"), 0)), "a:b");
	assert_true(json_is_object(json_object_get(image, "Config")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(container),
		cmocka_unit_test(others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
