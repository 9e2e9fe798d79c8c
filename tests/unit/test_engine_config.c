/* config.h: every member survives the way to JSON and back; damaged JSON is refused. */
#include "engine/config.h"
#include "base/mem.h"
#include "test_base.h"

#include <string.h>

static void fill(struct container_config *c)
{
	struct mount_config *m;
	struct port_config *p;
	struct device_config *d;
	struct ulimit_config *u;
	struct endpoint_config *e;

	c->name = xstrdup("web");
	c->image = xstrdup("base");
	c->workdir = xstrdup("/a\xff"
			     "b"); /* no UTF-8 */
	strv_push(&c->cmd, "plain");
	strv_push(&c->cmd, "\xfe\x01");
	strv_push(&c->cmd, "");
	strv_push(&c->env, "A=\xff");
	strv_push(&c->env, "B=c=d");
	strv_push(&c->labels, "k=v=w");
	strv_push(&c->labels, "empty=");
	strv_push(&c->exposed, "80/tcp");
	c->tty = c->privileged = c->auto_remove = true;
	c->stop_timeout = -1;
	c->resources.memory = INT64_MAX;
	c->resources.cpuset_cpus = xstrdup("0-3");
	c->shm_size = 1 << 20;
	c->restart = RESTART_UNLESS_STOPPED;
	c->restart_max = 3;
	strv_push(&c->health.test, "CMD");
	strv_push(&c->health.test, "true");
	c->health.interval = 5;
	m = container_config_add_mount(c);
	m->type = MOUNT_TMPFS;
	m->target = xstrdup("/t");
	m->mode = 01777;
	m->size = 4096;
	strv_push(&m->options, "noexec");
	m = container_config_add_mount(c);
	m->type = MOUNT_VOLUME;
	m->source = xstrdup("v");
	m->target = xstrdup("/v");
	m->propagation = PROPAGATION_RSLAVE;
	strv_push(&m->driver_opts, "type=tmpfs");
	p = container_config_add_port(c);
	p->protocol = xstrdup("udp");
	p->host_port = 65535;
	p->container_port = 53;
	d = container_config_add_device(c);
	d->host = xstrdup("/dev/null");
	u = container_config_add_ulimit(c);
	u->name = xstrdup("nofile");
	u->soft = -1;
	e = container_config_add_endpoint(c);
	e->network = xstrdup("n");
	strv_push(&e->aliases, "al");
}

static void compare(const struct container_config *a, const struct container_config *b)
{
	auto_json *x = json_object(), *y = json_object();

	container_config_to_json(a, x);
	container_config_to_json(b, y);
	assert_true(json_equal(x, y));
}

static void round_trip(void **state)
{
	auto_container_config c = { 0 }, back = { 0 }, copy = { 0 };
	auto_json *j = json_object(), *parsed = NULL;
	auto_free char *text = NULL;
	struct err e = { 0 };

	fill(&c);
	container_config_to_json(&c, j);
	text = json_text(j); /* as it lies on the disk */
	assert_int_equal(json_parse(text, strlen(text), "test", &parsed, &e), 0);
	assert_int_equal(container_config_from_json(parsed, &back, &e), 0);
	compare(&c, &back);
	assert_string_equal(back.workdir, c.workdir);
	assert_int_equal(back.cmd.n, 3);
	assert_string_equal(back.cmd.v[1], "\xfe\x01");
	assert_string_equal(back.cmd.v[2], "");
	assert_true(strv_has(&back.env, "A=\xff"));
	assert_true(strv_has(&back.labels, "k=v=w"));
	assert_true(strv_has(&back.labels, "empty="));
	assert_int_equal(back.n_mounts, 2);
	assert_int_equal(back.mounts[0].type, MOUNT_TMPFS);
	assert_int_equal(back.mounts[1].propagation, PROPAGATION_RSLAVE);
	assert_string_equal(back.mounts[1].driver_opts.v[0], "type=tmpfs");
	assert_int_equal(back.ports[0].host_port, 65535);
	assert_int_equal(back.ulimits[0].soft, -1);
	assert_string_equal(back.endpoints[0].aliases.v[0], "al");
	assert_int_equal(back.restart, RESTART_UNLESS_STOPPED);
	assert_true(back.resources.memory == INT64_MAX);
	container_config_copy(&back, &copy);
	compare(&c, &copy);
}

static void empty_is_nothing(void **state)
{
	auto_container_config c = { 0 };
	auto_json *j = json_object();

	container_config_to_json(&c, j);
	assert_int_equal(json_object_size(j), 0);
}

static void damaged(void **state)
{
	static const char *const texts[] = {
		"{\"Name\":5}",
		"{\"Config\":{\"Cmd\":\"sh\"}}",
		"{\"Config\":{\"Cmd\":[1]}}",
		"{\"Config\":{\"Cmd\":[{\"RedockBytes\":\"f\"}]}}",
		"{\"Config\":{\"Cmd\":[{\"RedockBytes\":\"zz\"}]}}",
		"{\"Config\":{\"Cmd\":[{\"RedockBytes\":\"4100\"}]}}",
		"{\"Config\":{\"Labels\":[]}}",
		"{\"Config\":{\"Labels\":{\"a\":1}}}",
		"{\"Config\":{\"Tty\":\"yes\"}}",
		"{\"HostConfig\":{\"Memory\":\"5\"}}",
		"{\"HostConfig\":{\"ShmSize\":-1}}",
		"{\"HostConfig\":{\"RestartPolicy\":\"sometimes\"}}",
		"{\"HostConfig\":{\"Mounts\":{}}}",
		"{\"HostConfig\":{\"Mounts\":[{\"Type\":\"disk\"}]}}",
		"{\"HostConfig\":{\"Mounts\":[{\"TmpfsOptions\":{\"Mode\":70000}}]}}",
		"{\"HostConfig\":{\"RedockPorts\":[{\"HostPort\":65536}]}}",
		"{\"HostConfig\":{\"RedockPorts\":[{\"ContainerPort\":-1}]}}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		auto_container_config c = { 0 };
		auto_json *j = json_loads(texts[i], 0, NULL);
		struct err e = { 0 };
		assert_non_null(j);
		if (container_config_from_json(j, &c, &e) != -EINVAL || !*e.text)
			fail_msg("accepted: %s", texts[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(empty_is_nothing),
		cmocka_unit_test(damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
