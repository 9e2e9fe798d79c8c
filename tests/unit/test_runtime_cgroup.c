/* Control groups: what is read from the kernel's files, undamaged and damaged; notations; the
 * program for devices, executed here by a small interpreter. */
#include "test_base.h"

#include "runtime/cgroup-tree.h"
#include "runtime/posture.h"

#include <linux/bpf.h>

static void keyed_finds_whole_keys(void **state)
{
	const char *text = "oom 1\noom_kill 3\noom_group_kill 7\n";
	uint64_t n = 99;

	assert_int_equal(cg_keyed(text, "oom_kill", &n), 0);
	assert_int_equal(n, 3);
	assert_int_equal(cg_keyed(text, "kill", &n), -ENOENT);
	assert_int_equal(cg_keyed("oom_kill", "oom_kill", &n), -ENOENT);
	assert_int_equal(cg_keyed("oom_kill ", "oom_kill", &n), -ENOENT);
	assert_int_equal(cg_keyed("oom_kill -1\n", "oom_kill", &n), -ENOENT);
	assert_int_equal(cg_keyed("oom_kill 99999999999999999999\n", "oom_kill", &n), -ENOENT);
	assert_int_equal(cg_keyed("oom_kill 3 4\n", "oom_kill", &n), -ENOENT);
	assert_int_equal(cg_keyed("", "oom_kill", &n), -ENOENT);
	assert_int_equal(n, 3); /* written on success only */
}

static void numbers_and_max(void **state)
{
	uint64_t n = 99;

	assert_int_equal(cg_number_or_max("18446744073709551615\n", &n), 0);
	assert_true(n == UINT64_MAX);
	assert_int_equal(cg_number_or_max("max\n", &n), 0);
	assert_int_equal(n, 0);
	n = 5;
	assert_int_equal(cg_number_or_max("maximum", &n), -EINVAL);
	assert_int_equal(cg_number_or_max("", &n), -EINVAL);
	assert_int_equal(cg_number_or_max("12 13", &n), -EINVAL);
	assert_int_equal(cg_number_or_max("18446744073709551616", &n), -EINVAL);
	assert_int_equal(n, 5);
}

static void io_stat_is_summed(void **state)
{
	uint64_t r, w;

	cg_io_stat("8:0 rbytes=100 wbytes=20 rios=1 wios=2 dbytes=0 dios=0\n"
		   "253:0 rbytes=7 wbytes=1\n",
		&r, &w);
	assert_int_equal(r, 107);
	assert_int_equal(w, 21);
	/* cut off, without numbers, with more than fits */
	cg_io_stat("8:0 rbytes=100 wbytes", &r, &w);
	assert_int_equal(r, 100);
	assert_int_equal(w, 0);
	cg_io_stat("8:0 rbytes= wbytes=x rbytes=99999999999999999999 xrbytes=4\n\n \n", &r, &w);
	assert_int_equal(r, 0);
	assert_int_equal(w, 0);
	cg_io_stat("", &r, &w);
	assert_int_equal(r, 0);
}

static void blkio_stat_is_summed(void **state)
{
	uint64_t r, w;

	cg_blkio_stat("8:0 Read 100\n8:0 Write 20\n8:0 Sync 5\n8:0 Total 120\n8:16 Read 1\n"
		      "Total 121\n",
		&r, &w);
	assert_int_equal(r, 101);
	assert_int_equal(w, 20);
	cg_blkio_stat("8:0 Read\n8: Read 4\n:0 Read 5\n8:0 Write -3\n8:0 Read 6", &r, &w);
	assert_int_equal(r, 6);
	assert_int_equal(w, 0);
}

static void cpu_lists(void **state)
{
	static const char *const wrong[] = { "a", "1-", "-1", "3-1", "1,,2", "1,", "0-8192", "1 2",
		"99999999999999999999", "0\n1", "1-2-3" };
	struct cg_cpus a, b;

	assert_int_equal(cg_cpu_list("0-2,64\n", &a), 0);
	assert_true(a.bits[0] == 7 && a.bits[1] == 1);
	assert_int_equal(cg_cpu_list("1,2", &b), 0);
	assert_true(cg_cpus_within(&b, &a));
	assert_false(cg_cpus_within(&a, &b));
	assert_int_equal(cg_cpu_list("\n", &b), 0);
	assert_true(cg_cpus_within(&b, &a));
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		if (cg_cpu_list(wrong[i], &a) != -EINVAL)
			fail_msg("'%s' was taken", wrong[i]);
}

static void mountinfo(void **state)
{
	const char *text =
		"25 1 0:22 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755\n"
		"26 25 0:23 / /odd/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
		"27 25 0:24 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,memory\n"
		"28 25 0:25 / relative rw - cgroup cgroup rw,pids\n"
		"29 25 0:26 - cgroup cgroup rw,freezer\n"
		"30 25 0:27 / /cut rw - cgroup cgroup rw,blk";
	auto_free char *cpu = cg_mounted_at(text, "cpuacct");

	assert_string_equal(cpu, "/odd/cpu,cpuacct");
	assert_null(cg_mounted_at(text, "memory"));
	assert_null(cg_mounted_at(text, "pids"));
	assert_null(cg_mounted_at(text, "freezer"));
	assert_null(cg_mounted_at(text, "blkio"));
	assert_null(cg_mounted_at("", "cpu"));
	assert_null(cg_mounted_at("\n\n - cgroup \n", "cpu"));
}

static void notations(void **state)
{
	static const char *const wrong[] = { "read_bps", "read_bps 8:0", "read_bps 8:0 x",
		"read_bps 8 1", "read_bps 8:0 1 2", "bps 8:0 1", "read_bps  8:0 1",
		"read_bps 8:-1 1", "", "read_bps 8:0 9999999999999999999999" };
	struct cgroup_resources r = CGROUP_RESOURCES_INIT;
	struct cg_throttle t;
	struct cg_hugetlb h;
	struct err e;

	assert_int_equal(cg_throttle_parse("write_iops 8:16 300", &t, &e), 0);
	assert_true(t.kind == CG_WRITE_IOPS && t.major == 8 && t.minor == 16 && t.value == 300);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		if (cg_throttle_parse(wrong[i], &t, &e) != -EINVAL)
			fail_msg("'%s' was taken", wrong[i]);
	assert_int_equal(cg_hugetlb_parse("2MB 4194304", &h, &e), 0);
	assert_string_equal(h.size, "2MB");
	assert_int_equal(cg_hugetlb_parse("../2MB 1", &h, &e), -EINVAL);
	assert_int_equal(cg_hugetlb_parse("2MB", &h, &e), -EINVAL);
	assert_int_equal(cgroup_allow_device(&r, "b 8:* r", &e), 0);
	assert_true(
		r.devices[0].type == 'b' && r.devices[0].major == 8 && r.devices[0].minor == -1);
	assert_int_equal(cgroup_allow_device(&r, "d 8:0 r", &e), -EINVAL);
	assert_int_equal(cgroup_allow_device(&r, "c 8:0", &e), -EINVAL);
	assert_int_equal(cgroup_allow_device(&r, "c 8:0 x", &e), -EINVAL);
	assert_int_equal(cgroup_allow_device(&r, "c 8 r", &e), -EINVAL);
	assert_int_equal(cgroup_allow_device(&r, "c 8:0 rwmr", &e), -EINVAL);
	assert_int_equal(r.n_devices, 1);
	cgroup_resources_release(&r);
}

static void conversions(void **state)
{
	int64_t last = 0;

	assert_int_equal(cg_weight_of_shares(2), 1);
	assert_int_equal(cg_weight_of_shares(1024), 100);
	assert_int_equal(cg_weight_of_shares(262144), 10000);
	assert_int_equal(cg_weight_of_shares(INT64_MAX), 10000);
	for (int64_t shares = 0; shares < 270000; shares++) {
		int64_t weight = cg_weight_of_shares(shares);
		assert_true(weight >= last && weight >= 1 && weight <= 10000);
		last = weight;
	}
	assert_int_equal(cg_io_weight_of_blkio(10), 1);
	assert_int_equal(cg_io_weight_of_blkio(1000), 10000);
	assert_int_equal(cg_io_weight_of_blkio(500), 4950);
}

/* The few instructions that the program has, as the kernel executes them. */
static uint64_t execute(const struct bpf_insn *program, size_t n, struct bpf_cgroup_dev_ctx ctx)
{
	uint64_t reg[11] = { 0 };

	for (size_t i = 0, steps = 0; i < n && steps < 100000; i++, steps++) {
		const struct bpf_insn *in = &program[i];
		uint32_t dst = (uint32_t)reg[in->dst_reg], imm = (uint32_t)in->imm;
		switch (in->code) {
		case BPF_LDX | BPF_MEM | BPF_W:
			assert_int_equal(in->src_reg, 1);
			assert_true(in->off >= 0 && in->off % 4 == 0 && in->off < 12);
			reg[in->dst_reg] = ((uint32_t *)&ctx)[in->off / 4];
			break;
		case BPF_ALU | BPF_MOV | BPF_X:
			reg[in->dst_reg] = (uint32_t)reg[in->src_reg];
			break;
		case BPF_ALU | BPF_MOV | BPF_K:
			reg[in->dst_reg] = imm;
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			reg[in->dst_reg] = dst & imm;
			break;
		case BPF_ALU | BPF_RSH | BPF_K:
			reg[in->dst_reg] = dst >> imm;
			break;
		case BPF_JMP32 | BPF_JNE | BPF_K:
			i += dst != imm ? (size_t)in->off : 0;
			break;
		case BPF_JMP32 | BPF_JSET | BPF_K:
			i += dst & imm ? (size_t)in->off : 0;
			break;
		case BPF_JMP | BPF_JA:
			i += (size_t)in->off;
			break;
		case BPF_JMP | BPF_EXIT:
			return reg[0];
		default:
			fail_msg("instruction %zu has code %#x", i, in->code);
		}
	}
	fail_msg("the program does not end");
	return 0;
}

/* "c 1:3 rw" asked of the program for the rules; with "!" before one it denies. */
static bool asked(const char *const *rules, bool deny, char type, uint32_t major, uint32_t minor,
	const char *access)
{
	struct cgroup_resources r = CGROUP_RESOURCES_INIT;
	struct bpf_cgroup_dev_ctx ctx = { 0, major, minor };
	auto_free struct bpf_insn *program = NULL;
	struct err e;
	uint32_t bits = 0;
	bool result;
	size_t n;

	for (; *rules; rules++) {
		bool denies = **rules == '!';
		assert_int_equal(cgroup_allow_device(&r, *rules + denies, &e), 0);
		r.devices[r.n_devices - 1].allow = !denies;
	}
	bits |= strchr(access, 'm') ? BPF_DEVCG_ACC_MKNOD : 0;
	bits |= strchr(access, 'r') ? BPF_DEVCG_ACC_READ : 0;
	bits |= strchr(access, 'w') ? BPF_DEVCG_ACC_WRITE : 0;
	ctx.access_type = bits << 16 | (type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
	program = xcalloc(CG_DEVICE_INSNS(r.n_devices), sizeof *program);
	n = cg_device_program(r.devices, r.n_devices, deny, program);
	assert_true(n <= CG_DEVICE_INSNS(r.n_devices));
	result = execute(program, n, ctx);
	cgroup_resources_release(&r);
	return result;
}

static void device_program(void **state)
{
	static const char *const none[] = { NULL };
	static const char *const mixed[] = { "c 1:3 rwm", "b 8:* r", "!b 8:1 r", "c *:* m",
		"!c 10:229 rwm", NULL };
	static const char *const parts[] = { "c 1:3 r", "c 1:3 w", NULL };
	static const char *const hole[] = { "a *:* rwm", "!c 1:3 w", NULL };

	assert_false(asked(none, true, 'c', 1, 3, "r"));
	assert_true(asked(none, false, 'c', 1, 3, "r"));
	assert_true(asked(mixed, true, 'c', 1, 3, "rw"));
	assert_false(asked(mixed, true, 'b', 1, 3, "r"));
	assert_true(asked(mixed, true, 'b', 8, 0, "r"));
	assert_false(asked(mixed, true, 'b', 8, 0, "rw"));
	assert_false(asked(mixed, true, 'b', 8, 1, "r"));
	assert_true(asked(mixed, true, 'c', 200, 77, "m"));
	assert_false(asked(mixed, true, 'c', 200, 77, "r"));
	assert_false(asked(mixed, true, 'c', 10, 229, "m"));
	/* each kind of access is decided by the last rule that speaks of it */
	assert_true(asked(parts, true, 'c', 1, 3, "rw"));
	assert_false(asked(parts, true, 'c', 1, 3, "rwm"));
	assert_true(asked(hole, true, 'c', 1, 3, "r"));
	assert_false(asked(hole, true, 'c', 1, 3, "rw"));
	assert_true(asked(hole, true, 'b', 1, 3, "rw"));
}

static void default_devices(void **state)
{
	struct cgroup_resources r = CGROUP_RESOURCES_INIT;

	cgroup_default_devices(&r);
	assert_true(r.deny_devices);
	assert_int_equal(r.n_devices, 9);
	cgroup_resources_release(&r);
	assert_true(asked(posture_device_rules, true, 'c', 136, 5, "rw"));
	assert_false(asked(posture_device_rules, true, 'c', 10, 200, "rw"));
	assert_false(asked(posture_device_rules, true, 'b', 8, 0, "m"));
}

static void scope_properties(void **state)
{
	struct cgroup_resources r = CGROUP_RESOURCES_INIT;
	auto_strv argv = { 0 };

	r.memory = 64 << 20;
	r.memory_swap = 96 << 20;
	r.nano_cpus = 1500000000;
	r.cpu_shares = 1024;
	r.pids = -1;
	r.cpuset_cpus = (char *)"0-1";
	cg_scope_properties(&r, &argv);
	assert_true(strv_has(&argv, "--property=MemoryMax=67108864"));
	assert_true(strv_has(&argv, "--property=MemorySwapMax=33554432"));
	assert_true(strv_has(&argv, "--property=CPUQuotaPerSecUSec=1500000"));
	assert_true(strv_has(&argv, "--property=CPUWeight=100"));
	assert_true(strv_has(&argv, "--property=TasksMax=18446744073709551615"));
	assert_true(strv_has(&argv, "--set=AllowedCPUs=0-1"));
}

static void paths_stay_inside(void **state)
{
	static const char *const wrong[] = { "", "/a", "a/", "a//b", "../a", "a/../b", "a/..", "..",
		".", "a/./b", "a\nb" };
	struct cgroup_resources r = CGROUP_RESOURCES_INIT;
	struct err e;

	if (cgroup_layout() == CGROUP_NONE)
		return; /* no path is ever used */
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		if (cgroup_create(wrong[i], &r, &e) != -EINVAL)
			fail_msg("'%s' was taken", wrong[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keyed_finds_whole_keys),
		cmocka_unit_test(numbers_and_max),
		cmocka_unit_test(io_stat_is_summed),
		cmocka_unit_test(blkio_stat_is_summed),
		cmocka_unit_test(cpu_lists),
		cmocka_unit_test(mountinfo),
		cmocka_unit_test(notations),
		cmocka_unit_test(conversions),
		cmocka_unit_test(device_program),
		cmocka_unit_test(default_devices),
		cmocka_unit_test(scope_properties),
		cmocka_unit_test(paths_stay_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
