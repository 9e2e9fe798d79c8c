/* The built-in engine's files: names, run state, how it ended, config.json. */
#include "engine/local/local.h"
#include "engine/local/names.h"
#include "base/proc.h"
#include "base/time.h"
#include "test_base.h"

static void test_names(void **state)
{
	static const char *const good[] = { "a", "0", "web", "A.b_c-d", "x..y", "a-" };
	static const char *const bad[] = { "", ".", "..", "-rf", ".a", "_a", "a/b", "../a", "a:b",
		"a b", "a\n", "\xc3\xa4", "a$b", "a'b" };
	char longest[130];
	struct err e = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_int_equal(container_name_check(good[i], &e), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		e = (struct err){ 0 };
		assert_int_equal(container_name_check(bad[i], &e), -EINVAL);
		assert_true(e.hint[0]);
	}
	memset(longest, 'a', sizeof longest);
	longest[128] = '\0';
	assert_int_equal(container_name_check(longest, &e), 0);
	longest[128] = 'a', longest[129] = '\0';
	assert_int_equal(container_name_check(longest, &e), -EINVAL);
}

static void test_made_up_names(void **state)
{
	char name[48], other[48];
	struct err e = { 0 };
	unsigned same = 0;

	(void)state;
	container_name_make_up(0, other);
	for (unsigned i = 0; i < 200; i++) {
		container_name_make_up(i, name);
		assert_int_equal(container_name_check(name, &e), 0);
		same += str_eq(name, other);
	}
	assert_true(same < 10);
}

static void test_run_state(void **state)
{
	struct run_state s = { .pid = 4711,
		.start = UINT64_C(987654321),
		.inode = 77,
		.monitor = 4710,
		.monitor_inode = 78,
		.started = 1700000000,
		.ready = true },
			 back;
	struct err e = { 0 };
	struct place p;

	(void)state;
	place_make(&p);
	proc_boot_id(s.boot);
	snprintf(s.address, sizeof s.address, "10.88.0.7");
	assert_int_equal(run_state_write(p.fd, &s, &e), 0);
	assert_int_equal(run_state_read(p.fd, &back, &e), 0);
	assert_string_equal(back.boot, s.boot);
	assert_string_equal(back.address, s.address);
	assert_int_equal(back.pid, s.pid);
	assert_true(back.inode == 77 && back.monitor == 4710 && back.monitor_inode == 78);
	assert_true(back.start == s.start && back.started == s.started && back.ready);
	place_remove(&p);
}

static void test_damaged_state(void **state)
{
	static const char *const bad[] = { "", "\n", "garbage", "version=2\npid=1\n", "version=\n",
		"xversion=1\n", "pid=5\nstart=5\n", "=\n=\n", "version" };
	struct run_state s;
	struct err e = { 0 };
	struct place p;

	(void)state;
	place_make(&p);
	assert_int_equal(run_state_read(p.fd, &s, &e), -ENOENT);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		put_text(p.fd, "state", bad[i]);
		assert_int_equal(run_state_read(p.fd, &s, &e), -EPROTO);
	}
	auto_str large = STR_INIT(65536);
	str_add(&large, "version=1\n");
	for (int i = 0; i < 5000; i++)
		str_add_char(&large, 'x');
	put_text(p.fd, "state", str_text(&large));
	assert_int_equal(run_state_read(p.fd, &s, &e), -EFBIG);
	/* values that are too long or out of range lead nowhere */
	put_text(p.fd, "state",
		"\n\nversion=1\nboot=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"
		"pid=999999999999999999999999999999999999999\nstart=-1\naddress=x\nready=2");
	assert_int_equal(run_state_read(p.fd, &s, &e), 0);
	assert_int_equal(strlen(s.boot), 36);
	assert_true(proc_open(s.pid, s.start) < 0);
	assert_false(s.ready);
	place_remove(&p);
}

static void test_last_state(void **state)
{
	struct last_state s = { 137, 5, 7, true }, back;
	struct err e = { 0 };
	int64_t when = 0;
	struct place p;
	int code = 0;

	(void)state;
	place_make(&p);
	assert_int_equal(last_state_read(p.fd, &back, &e), -ENOENT);
	assert_int_equal(last_state_write(p.fd, &s, &e), 0);
	assert_int_equal(last_state_read(p.fd, &back, &e), 0);
	assert_int_equal(back.exit_code, 137);
	assert_true(back.started == 5 && back.finished == 7 && back.oom_killed);
	s.exit_code = -1;
	assert_int_equal(last_state_write(p.fd, &s, &e), 0);
	assert_int_equal(last_state_read(p.fd, &back, &e), 0);
	assert_int_equal(back.exit_code, -1);
	put_text(p.fd, "last", "version=9\nexit=0\n");
	assert_int_equal(last_state_read(p.fd, &back, &e), -EPROTO);
	/* what init writes, or could not */
	assert_int_equal(exit_file_read(p.fd, &code, &when), -ENOENT);
	put_text(p.fd, "exit", "");
	assert_int_equal(exit_file_read(p.fd, &code, &when), -ENOENT);
	put_text(p.fd, "exit", "143\n");
	assert_int_equal(exit_file_read(p.fd, &code, &when), 0);
	assert_int_equal(code, 143);
	assert_true(when > 0 && when <= time_now());
	place_remove(&p);
}

static void fill(struct container *c)
{
	struct container_config *config = &c->config;
	struct mount_config *mount;
	struct port_config *port;

	*c = (struct container){
		.config = { .name = xstrdup("name"),
			.machine = xstrdup("a:b"),
			.image = xstrdup("image:tag"),
			.hostname = xstrdup("host"),
			.workdir = xstrdup("/w \"quoted\" \xc3\xa4"),
			.user = xstrdup("u:g"),
			.network = xstrdup("none"),
			.stop_signal = xstrdup("SIGINT"),
			.notify_path = xstrdup("/run/n"),
			.tty = true,
			.stdin_open = true,
			.auto_remove = true,
			.restart = RESTART_UNLESS_STOPPED,
			.resources = { .memory = INT64_C(1) << 40,
				.nano_cpus = 1500000000,
				.pids_limit = -1 } },
		.image_id = xstrdup("sha256:1"),
		.manifest = xstrdup("sha256:2"),
		.created = INT64_C(1700000000123456789),
	};
	snprintf(c->id, sizeof c->id, "%064d", 7);
	strv_push(&config->entrypoint, "/bin/sh");
	strv_push(&config->cmd, "-c");
	strv_push(&config->cmd, "echo\n\t\"x\"");
	strv_push(&config->env, "A=1=2");
	strv_push(&config->labels, "l=v");
	strv_push(&config->exposed, "80/tcp");
	strv_push(&c->layers, "sha256:3");
	mount = container_config_add_mount(config);
	mount->type = MOUNT_TMPFS;
	mount->target = xstrdup("/t");
	mount->read_only = true;
	mount->size = 4096;
	mount->mode = 0700;
	port = container_config_add_port(config);
	port->protocol = xstrdup("udp");
	port->host_port = 65535;
	port->container_port = 53;
}

static void test_config(void **state)
{
	auto_container c = { 0 }, back = { 0 };
	auto_free char *first = NULL, *second = NULL;
	struct local l = { .dirs = CONTAINER_DIRS_INIT };
	struct err e = { 0 };
	struct place p;

	(void)state;
	place_make(&p);
	fill(&c);
	l.dirs.containers = p.fd;
	assert_int_equal(mkdirat(p.fd, c.id, 0700), 0);
	auto_close int dir = openat(p.fd, c.id, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(container_save(&c, dir, FS_VOLATILE, &e), 0);
	assert_int_equal(container_load(&l, c.id, &back, &e), 0);
	first = get_text(dir, "config.json");
	assert_int_equal(container_save(&back, dir, FS_DURABLE, &e), 0);
	second = get_text(dir, "config.json");
	assert_string_equal(first, second);
	assert_string_equal(back.config.cmd.v[1], "echo\n\t\"x\"");
	assert_string_equal(back.config.workdir, c.config.workdir);
	assert_true(back.created == c.created);
	assert_int_equal(back.config.resources.pids_limit, -1);
	assert_int_equal(back.config.n_mounts, 1);
	assert_int_equal(back.config.mounts[0].type, MOUNT_TMPFS);
	assert_int_equal(back.config.mounts[0].mode, 0700);
	assert_int_equal(back.config.restart, RESTART_UNLESS_STOPPED);
	assert_string_equal(back.config.exposed.v[0], "80/tcp");
	assert_string_equal(back.config.labels.v[0], "l=v");
	assert_int_equal(back.config.n_ports, 1);
	assert_int_equal(back.config.ports[0].host_port, 65535);
	place_remove(&p);
}

static void test_damaged_config(void **state)
{
	static const char *const bad[] = { "", "{", "[]", "null", "{}", "{\"RedockVersion\":2}",
		"{\"Version\":\"1\"}", "{\"Version\":1}",
		"{\"Version\":1,\"Name\":\"n\",\"Image\":\"i\",\"ImageID\":\"x\",\"Manifest\":"
		"\"m\","
		"\"Network\":\"none\",\"Layers\":[]}",
		"{\"Version\":1,\"Name\":\"n\",\"Name\":\"n\",\"Image\":\"i\",\"ImageID\":\"x\","
		"\"Manifest\":\"m\",\"Network\":\"none\",\"Layers\":[\"l\"]}",
		"{\"Version\":1,\"Name\":5,\"Image\":[],\"ImageID\":\"x\",\"Manifest\":\"m\","
		"\"Network\":\"none\",\"Layers\":[\"l\"]}" };
	struct local l = { .dirs = CONTAINER_DIRS_INIT };
	struct err e = { 0 };
	struct place p;

	(void)state;
	place_make(&p);
	l.dirs.containers = p.fd;
	assert_int_equal(mkdirat(p.fd, "x", 0700), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		auto_container c = { 0 };
		put_text(p.fd, "x/config.json", bad[i]);
		e = (struct err){ 0 };
		assert_true(container_load(&l, "x", &c, &e) < 0);
		assert_non_null(strstr(e.text, "container 'x'"));
		assert_int_not_equal(e.code, ENOENT);
	}
	auto_container c = { 0 };
	assert_int_equal(container_load(&l, "none", &c, &e), -ENOENT);
	place_remove(&p);
}

/* The file `exit`: init's number at its beginning, and the state behind it, each without the other.
 */
static void test_exit_file(void **state)
{
	struct run_state in = { .pid = 4711,
		.monitor = 4710,
		.start = 99,
		.started = 5,
		.restarts = 2 },
			 out;
	struct err e = { 0 };
	struct place p;
	int64_t when;
	int code;

	(void)state;
	place_make(&p);
	snprintf(in.boot, sizeof in.boot, "9b2bd6a5-1f63-4a4e-a4ba-6f0d8bd2f7a1");
	snprintf(in.address, sizeof in.address, "10.1.2.3");
	assert_int_equal(exit_file_state(p.fd, &out), -ENOENT);
	put_text(p.fd, "exit", "137\n");
	assert_int_equal(exit_file_state(p.fd, &out), -ENOENT);
	assert_int_equal(exit_file_read(p.fd, &code, &when), 0);
	assert_int_equal(code, 137);
	put_text(p.fd, "exit", "");
	auto_close int fd = openat(p.fd, "exit", O_RDWR | O_CLOEXEC);
	assert_int_equal(exit_file_write_state(fd, &in, &e), 0);
	assert_int_equal(exit_file_read(p.fd, &code, &when), -ENOENT);
	assert_int_equal(exit_file_state(p.fd, &out), 0);
	assert_memory_equal(&in, &out, sizeof in);
	assert_int_equal(pwrite(fd, "255\n", 4, 0), 4);
	assert_int_equal(exit_file_read(p.fd, &code, &when), 0);
	assert_int_equal(code, 255);
	assert_int_equal(exit_file_state(p.fd, &out), 0);
	assert_int_equal(pwrite(fd, "nonsense", 8, 16), 8);
	assert_int_equal(exit_file_state(p.fd, &out), -EPROTO);
	place_remove(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_made_up_names),
		cmocka_unit_test(test_run_state),
		cmocka_unit_test(test_damaged_state),
		cmocka_unit_test(test_last_state),
		cmocka_unit_test(test_exit_file),
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_damaged_config),
	};

	return cmocka_run_group_tests_name("engine_state", tests, NULL, NULL);
}
