#include "runtime/spec.h"
#include "test_base.h"

static char *text(const char *s)
{
	return xstrdup(s);
}

/* Every field set, each to a value of its own; what is added to the struct must be added here. */
static void fill(struct spec *s)
{
	*s = (struct spec){
		.id = text("id"),
		.cwd = text("/w d"),
		.user = text("u:g"),
		.tty = true,
		.stdin_open = true,
		.console_rows = 24,
		.console_columns = 80,
		.init = true,
		.no_new_privs = true,
		.caps = { .bounding = UINT64_C(0x8000000100000001) },
		.state_dir = text("/state"),
		.upper = text("up"),
		.work = text("wk"),
		.mountpoint = text("mnt"),
		.volatile_root = true,
		.hostname = text("host"),
		.notify_path = text("/run/n"),
		.network = SPEC_NETWORK_HOST,
		.cgroup = text("p/id"),
		.resources.memory = INT64_MAX,
		.resources.nano_cpus = 1500000000,
		.resources.pids = -1,
		.shm_size = UINT64_MAX,
		.stop_signal = 15,
		.run_root = text("/run"),
		.name = text("name"),
		.machine = text("a:b"),
		.address = text("10.0.0.2"),
		.auto_remove = true,
	};
	strv_push(&s->args, "sh");
	strv_push(&s->args, "");
	strv_push(&s->args, "a=b\nc");
	strv_push(&s->env, "A=1=2");
	strv_push(&s->env, "=odd");
	strv_push(&s->lower, "layers/a");
	strv_push(&s->release, "/claim");
	s->mounts = xcalloc(2, sizeof *s->mounts);
	s->mounts[0] = (struct spec_mount){
		.type = SPEC_BIND, .source = text("/src"), .target = text("/to"), .read_only = true
	};
	s->mounts[1] = (struct spec_mount){
		.type = SPEC_TMPFS, .target = text("/t"), .size = 1 << 20, .mode = 01777
	};
	s->n_mounts = 2;
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
	same_list(&a.release, &b.release);
	assert_string_equal(b.cwd, "/w d");
	assert_true(b.console_rows == 24 && b.console_columns == 80);
	assert_true(b.tty && b.stdin_open && b.init && b.no_new_privs && b.volatile_root &&
		    b.auto_remove);
	assert_true(b.caps.bounding == a.caps.bounding && b.shm_size == a.shm_size &&
		    b.resources.memory == INT64_MAX);
	assert_int_equal(b.resources.pids, -1);
	assert_int_equal(b.network, SPEC_NETWORK_HOST);
	assert_int_equal(b.stop_signal, 15);
	assert_int_equal(b.n_mounts, 2);
	assert_int_equal(b.mounts[0].type, SPEC_BIND);
	assert_string_equal(b.mounts[0].source, "/src");
	assert_true(b.mounts[0].read_only);
	assert_int_equal(b.mounts[1].type, SPEC_TMPFS);
	assert_int_equal(b.mounts[1].size, 1 << 20);
	assert_int_equal(b.mounts[1].mode, 01777);
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
	/* 32 single fields that are set, args 3, env 2, lower, release, and 6 lines a mount */
	assert_int_equal(seen, 32 + 3 + 2 + 1 + 1 + 12);
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
		BAD("mount.source=/x\0"), /* of no mount */
		BAD("mount=/t\0mount.type=2\0"), BAD("mount=/t\0mount.mode=777777\0"),
		BAD("mount=/t\0mount.other=1\0"), BAD("mount=/t\0mount.source=a\0mount.source=b\0"),
#undef BAD
		{ "", 0 }, { "\0", 1 }, { "id=x\0", 5 }, /* too few fields */
	};

	(void)state;
	assert_int_equal(decode(GOOD, sizeof GOOD - 1), 0);
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
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_mutations),
	};

	return cmocka_run_group_tests_name("runtime_spec", tests, NULL, NULL);
}
