#include "runtime/spec.h"
#include "test_base.h"

#include <sched.h>

static char *text(const char *s)
{
	return xstrdup(s);
}

static struct spec_id_map *maps(int64_t outside, size_t *ret_n)
{
	struct spec_id_map *list = NULL;

	*spec_add_id_map(&list, ret_n) = (struct spec_id_map){ 1, outside, 65536 };
	*spec_add_id_map(&list, ret_n) = (struct spec_id_map){ 70000, 1000, 1 };
	return list;
}

/* Lines that fill() makes: one a member that is set, one more for each element of a list. */
#define LINES 184

static void fill_process(struct spec *s)
{
	s->id = text("id");
	strv_push(&s->args, "sh");
	strv_push(&s->args, "");
	strv_push(&s->args, "a=b\nc");
	strv_push(&s->env, "A=1=2");
	strv_push(&s->env, "=odd");
	s->cwd = text("/w d");
	s->user = text("u:g");
	strv_push(&s->groups, "adm");
	s->tty = s->stdin_open = s->init = s->no_new_privs = true;
	s->console_rows = 24;
	s->console_columns = 80;
	s->caps = (struct spec_caps){ UINT64_C(0x8000000100000001), 2, 3, 4, 5 };
	s->seccomp = text("");
	s->seccomp_flags = 2;
	s->seccomp_listener = text("/agent");
	s->seccomp_metadata = text("m");
	s->apparmor = text("profile");
	s->selinux = text("a:b:c");
	s->mount_label = text("d:e:f");
	*spec_add_rlimit(s) = (struct spec_rlimit){ 7, 1024, -1 };
	*spec_add_rlimit(s) = (struct spec_rlimit){ 0, -1, -1 };
	s->oom_score_adj = -500;
	s->set_oom_score_adj = true;
	s->umask = -1;
	s->personality = 8;
	spec_add_namespace(s, CLONE_NEWPID, NULL);
	spec_add_namespace(s, CLONE_NEWIPC, "/proc/1/ns/ipc");
	s->uid_maps = maps(100000, &s->n_uid_maps);
	s->gid_maps = maps(200000, &s->n_gid_maps);
	strv_push(&s->time_offsets, "monotonic 86400 0");
}

static void fill_root(struct spec *s)
{
	struct spec_mount *m;

	s->rootfs = text("/bundle/rootfs");
	s->state_dir = text("/state");
	strv_push(&s->lower, "layers/a");
	s->upper = text("up");
	s->work = text("wk");
	s->mountpoint = text("mnt");
	s->volatile_root = s->read_only_root = s->no_pivot = true;
	s->root_propagation = 1 << 19;
	s->hostname = text("host");
	s->domainname = text("domain");
	*spec_add_mount(s) = (struct spec_mount){ .type = SPEC_BIND,
		.source = text("/src"),
		.target = text("/to"),
		.mount_ns = text("/proc/9/ns/mnt"),
		.read_only = true,
		.no_recursive = true,
		.copy_up = true,
		.attrs = 1,
		.clear = 2,
		.recursive_attrs = 4,
		.recursive_clear = 8,
		.propagation = 1 << 20,
		.recursive_maps = true };
	m = &s->mounts[0];
	m->uid_maps = maps(1, &m->n_uid_maps);
	m->gid_maps = maps(2, &m->n_gid_maps);
	*spec_add_mount(s) = (struct spec_mount){
		.type = SPEC_TMPFS, .target = text("/t"), .size = 1 << 20, .mode = 01777
	};
	*spec_add_mount(s) = (struct spec_mount){ .type = SPEC_FILE_SYSTEM,
		.target = text("/p"),
		.fs_type = text("proc"),
		.options = text("hidepid=2,subset=pid") };
	*spec_add_device(s) = (struct spec_device){ text("/dev/x"), 'b', 8, 1, 0660, 1, 2 };
	strv_push(&s->masked, "/proc/kcore");
	strv_push(&s->read_only_paths, "/proc/sys");
	strv_push(&s->sysctls, "net/ipv4/x=1 2");
	s->notify_path = text("/run/n");
	s->network = SPEC_NETWORK_HOST;
	*spec_add_hook(s) = (struct spec_hook){
		.phase = HOOK_POSTSTOP, .path = text("/bin/hook"), .timeout = 5
	};
	strv_push(&s->hooks[0].args, "hook");
	strv_push(&s->hooks[0].args, "-x");
	strv_push(&s->hooks[0].env, "K=V");
}

static void fill_resources(struct cgroup_resources *r)
{
	*r = (struct cgroup_resources){
		.memory = INT64_MAX,
		.memory_swap = -1,
		.memory_reservation = 3,
		.memory_swappiness = 60,
		.oom_kill_disable = true,
		.nano_cpus = 1500000000,
		.cpu_shares = 512,
		.cpu_quota = -1,
		.cpu_period = 100000,
		.cpu_burst = 4,
		.cpu_rt_runtime = 5,
		.cpu_rt_period = 6,
		.cpu_idle = 1,
		.cpuset_cpus = text("0-1"),
		.cpuset_mems = text("0"),
		.pids = -1,
		.blkio_weight = 500,
		.deny_devices = true,
	};
	strv_push(&r->blkio_throttle, "read_bps 8:0 1048576");
	strv_push(&r->hugetlb, "2MB 1048576");
	strv_push(&r->unified, "memory.high=1");
}

/* Every field set, each to a value of its own; what is added to the struct must be added here. */
static void fill(struct spec *s)
{
	*s = (struct spec){ 0 };
	fill_process(s);
	fill_root(s);
	s->cgroup = text("p/id");
	fill_resources(&s->resources);
	*spec_add_device_rule(s) = (struct cgroup_device){ true, 'c', 1, -1, "rwm" };
	*spec_add_device_rule(s) = (struct cgroup_device){ false, 'a', -1, 7, "r" };
	s->shm_size = UINT64_MAX;
	s->stop_signal = 15;
	s->run_root = text("/run");
	s->name = text("name");
	s->machine = text("a:b");
	strv_push(&s->release, "/claim");
	s->address = text("10.0.0.2");
	s->auto_remove = true;
	strv_push(&s->annotations, "image=i");
	s->restart = 2;
	s->restart_max = 5;
	strv_push(&s->health, "CMD");
	s->health_interval = 1;
	s->health_timeout = 2;
	s->health_start_period = 3;
	s->health_start_interval = 4;
	s->health_retries = 5;
	s->log_driver = text("none");
	strv_push(&s->log_opts, "max-size=1");
	strv_push(&s->ports, "tcp/0.0.0.0/8080/80");
}

static void same_list(const struct strv *a, const struct strv *b)
{
	assert_int_equal(a->n, b->n);
	for (size_t i = 0; i < a->n; i++)
		assert_string_equal(a->v[i], b->v[i]);
}

static void test_round_trip(void **state)
{
	auto_spec a = { 0 }, b = { 0 };
	auto_str first = STR_INIT(65536), second = STR_INIT(65536);
	struct err e = { 0 };

	(void)state;
	fill(&a);
	spec_encode(&a, &first);
	assert_int_equal(spec_decode(first.data, first.len, &b, &e), 0);
	spec_encode(&b, &second);
	assert_int_equal(first.len, second.len);
	assert_memory_equal(first.data, second.data, first.len);
	same_list(&a.args, &b.args);
	same_list(&a.env, &b.env);
	same_list(&a.lower, &b.lower);
	assert_string_equal(b.cwd, "/w d");
	assert_true(b.console_rows == 24 && b.console_columns == 80);
	assert_true(b.caps.bounding == a.caps.bounding && b.caps.permitted == 2 &&
		    b.caps.effective == 3 && b.caps.inheritable == 4 && b.caps.ambient == 5);
	assert_true(b.shm_size == UINT64_MAX && b.resources.memory == INT64_MAX);
	assert_string_equal(b.seccomp, "");
	assert_int_equal(b.n_rlimits, 2);
	assert_true(b.rlimits[0].resource == 7 && b.rlimits[0].soft == 1024 &&
		    b.rlimits[0].hard == -1 && b.rlimits[1].soft == -1);
	assert_int_equal(b.n_namespaces, 2);
	assert_null(b.namespaces[0].path);
	assert_string_equal(b.namespaces[1].path, "/proc/1/ns/ipc");
	assert_true(b.n_uid_maps == 2 && b.uid_maps[1].inside == 70000);
	assert_int_equal(b.n_mounts, 3);
	assert_int_equal(b.mounts[0].n_gid_maps, 2);
	assert_int_equal(b.mounts[0].gid_maps[0].outside, 2);
	assert_int_equal(b.mounts[1].type, SPEC_TMPFS);
	assert_true(b.mounts[1].size == 1 << 20 && b.mounts[1].mode == 01777);
	assert_string_equal(b.mounts[2].fs_type, "proc");
	assert_int_equal(b.devices[0].type, 'b');
	same_list(&a.hooks[0].args, &b.hooks[0].args);
	assert_int_equal(b.resources.n_devices, 2);
	assert_true(b.resources.devices[0].allow && b.resources.devices[0].minor == -1 &&
		    !b.resources.devices[1].allow && b.resources.devices[1].type == 'a');
	assert_string_equal(b.resources.devices[0].access, "rwm");
	same_list(&a.ports, &b.ports);
	same_list(&a.annotations, &b.annotations);
}

/* What one spec has in place of another's, one after the other: none is mixed up. */
static void test_empty(void **state)
{
	auto_spec s = { 0 }, full = { 0 };
	auto_str out = STR_INIT(65536);
	struct err e = { 0 };

	(void)state;
	spec_encode(&s, &out);
	assert_int_equal(out.len, 0);
	strv_push(&s.args, "true");
	spec_encode(&s, &out);
	assert_int_equal(spec_decode_exec(out.data, out.len, &full, &e), 0);
	assert_string_equal(full.args.v[0], "true");
	assert_int_equal(spec_decode(out.data, out.len, &full, &e), -EINVAL);
}

/* No byte of the struct is left out by the encoding, padding aside: clearing any field shows. */
static void test_every_field(void **state)
{
	auto_str full = STR_INIT(65536);
	auto_spec s = { 0 };
	size_t seen = 0;

	(void)state;
	fill(&s);
	spec_encode(&s, &full);
	for (const char *p = full.data; p < full.data + full.len; p += strlen(p) + 1)
		seen++;
	assert_int_equal(seen, LINES);
}

static int decode(const char *data, size_t len)
{
	auto_spec s = { 0 };
	struct err e = { 0 };
	/* exactly as long as it is, so that a sanitizer sees whoever reads on */
	char *copy = xmalloc(len);
	int r;

	memcpy(copy, data, len);
	r = spec_decode(copy, len, &s, &e);
	free(copy);
	assert_true(r == 0 || e.text[0]);
	return r;
}

#define BIND "mounts=\0mounts.target=/t\0mounts.source=/s\0"
#define GOOD "id=x\0args=sh\0state_dir=/s\0upper=u\0work=w\0mountpoint=m\0cgroup=p/x\0run_root=/r\0"

static void test_garbage(void **state)
{
	static const struct {
		const char *data;
		size_t len;
	} bad[] = {
#define BAD(literal) { GOOD literal, sizeof(GOOD literal) - 1 }
		BAD("unknown=1\0"), BAD("no equals sign\0"), BAD("=\0"), BAD("\0"),
		BAD("tty=1"), /* cut off */
		BAD("tty=yes\0"), BAD("tty=\0"), BAD("memory=\0"), BAD("memory=1x\0"),
		BAD("memory=99999999999999999999\0"), BAD("stop_signal=-1\0"),
		BAD("stop_signal=4294967296\0"), BAD("network=many\0"),
		BAD("mounts.source=/x\0"), /* of no mount */
		BAD("mounts=/t\0"), BAD("mounts=\0"), BAD("mounts=\0mounts.target=/t\0"),
		BAD(BIND "mounts.type=3\0"), BAD(BIND "mounts.type=-1\0"),
		BAD(BIND "mounts.mode=777777\0"), BAD(BIND "mounts.other=1\0"),
		BAD(BIND "mounts.source=b\0"), BAD(BIND "mounts.type=2\0"),
		BAD(BIND "mounts.uid_maps.inside=1\0"), BAD(BIND "mounts.\0"),
		BAD(BIND "mounts.=\0"), BAD("devices=\0"), BAD("hooks=\0"),
		BAD("hooks=\0hooks.path=/x\0hooks.phase=6\0"),
		BAD("resources.devices=\0resources.devices.access=rwmx\0"), BAD("id=twice\0"),
#undef BAD
		{ "", 0 }, { "\0", 1 }, { "id=x\0", 5 }, /* too few fields */
	};

	(void)state;
	assert_int_equal(decode(GOOD, sizeof GOOD - 1), 0);
	assert_int_equal(decode(GOOD BIND, sizeof(GOOD BIND) - 1), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(decode(bad[i].data, bad[i].len), -EINVAL);
}

/* Any prefix and any flipped byte: an error or a spec, never a crash. */
static void test_mutations(void **state)
{
	auto_str full = STR_INIT(65536);
	auto_spec s = { 0 };

	(void)state;
	fill(&s);
	spec_encode(&s, &full);
	for (size_t n = 0; n < full.len; n++)
		decode(full.data, n);
	for (size_t i = 0; i < full.len; i++) {
		static const char bytes[] = { '\0', '=', '\xff', '9' };
		char keep = full.data[i];
		for (size_t k = 0; k < sizeof bytes; k++) {
			full.data[i] = bytes[k];
			decode(full.data, full.len);
		}
		full.data[i] = keep;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_every_field),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_mutations),
	};

	return cmocka_run_group_tests_name("runtime_spec", tests, NULL, NULL);
}
