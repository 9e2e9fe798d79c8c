/* config.json: what each member becomes, and what is refused, with the words that name it. */
#include "runtime/oci/config.h"
#include "test_base.h"

#include <linux/sched.h>
#include <sched.h>

#define START "{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"r\"},"
#define LINUX "\"linux\":{\"namespaces\":[{\"type\":\"mount\"}]"

/* The text with what `process` and `linux` add. */
static int parse(const char *process, const char *members, struct oci_config *c, struct err *e)
{
	auto_free char *text = xasprintf(START "%s%s%s" LINUX "%s%s}}",
		*process ? "\"process\":{\"cwd\":\"/\",\"args\":[\"x\"]," : "", process,
		*process ? "}," : "", *members ? "," : "", members);

	memset(e, 0, sizeof *e);
	return oci_config_parse(text, strlen(text), "/bundle", c, e);
}

static void test_smallest(void **state)
{
	auto_oci_config c = OCI_CONFIG_INIT;
	struct err e;

	(void)state;
	assert_int_equal(parse("", "", &c, &e), 0);
	assert_string_equal(c.spec.rootfs, "/bundle/r");
	assert_false(c.has_process);
	assert_int_equal(c.spec.n_devices, 6); /* those that every container has */
	assert_int_equal(c.spec.umask, -1);
	assert_int_equal(c.spec.resources.memory_swappiness, -1);
}

static void test_process(void **state)
{
	auto_oci_config c = OCI_CONFIG_INIT;
	struct err e;

	(void)state;
	assert_int_equal(
		parse("\"user\":{\"uid\":1,\"gid\":2,\"umask\":63,\"additionalGids\":[5]},"
		      "\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"soft\":3,"
		      "\"hard\":18446744073709551615}],"
		      "\"scheduler\":{\"policy\":\"SCHED_DEADLINE\",\"runtime\":1,\"deadline\":2,"
		      "\"flags\":[\"SCHED_FLAG_RESET_ON_FORK\"]},"
		      "\"ioPriority\":{\"class\":\"IOPRIO_CLASS_BE\",\"priority\":6},"
		      "\"execCPUAffinity\":{\"initial\":\"0\",\"final\":\"0-1\"},"
		      "\"capabilities\":{\"bounding\":[\"CAP_KILL\"]}",
			"", &c, &e),
		0);
	assert_string_equal(c.spec.user, "1:2");
	assert_true(c.spec.only_groups);
	assert_int_equal(c.spec.umask, 63);
	assert_string_equal(c.spec.groups.v[0], "5");
	assert_int_equal(c.spec.rlimits[0].soft, 3);
	assert_int_equal(c.spec.rlimits[0].hard, -1);
	assert_true(c.spec.set_scheduler);
	assert_int_equal(c.spec.sched_policy, SCHED_DEADLINE);
	assert_int_equal(c.spec.sched_flags, SCHED_FLAG_RESET_ON_FORK);
	assert_int_equal(c.spec.sched_deadline, 2);
	assert_int_equal(c.spec.io_priority, 2 << 13 | 6);
	assert_string_equal(c.spec.exec_cpus, "0");
	assert_string_equal(c.spec.exec_final_cpus, "0-1");
	assert_null(c.spec.cpus); /* not for the first process */
	assert_int_equal(c.spec.caps.bounding, 1 << 5);
	assert_int_equal(c.spec.caps.effective, 0);
}

static void test_resources(void **state)
{
	auto_oci_config c = OCI_CONFIG_INIT;
	const struct cgroup_resources *r = &c.spec.resources;
	struct err e;

	(void)state;
	assert_int_equal(
		parse("",
			"\"resources\":{\"memory\":{\"limit\":5,\"swap\":-1,\"kernelTCP\":7},"
			"\"pids\":{\"limit\":9},\"rdma\":{},\"network\":{},"
			"\"devices\":[{\"allow\":false,\"access\":\"rwm\"},"
			"{\"allow\":true,\"type\":\"c\",\"major\":10,\"access\":\"r\"}]},"
			"\"intelRdt\":{},\"cgroupsPath\":\"a:b:c\"",
			&c, &e),
		0);
	assert_int_equal(r->memory, 5);
	assert_int_equal(r->memory_swap, -1);
	assert_int_equal(r->memory_kernel_tcp, 7);
	assert_int_equal(r->pids, 9);
	assert_true(r->deny_devices);
	assert_int_equal(r->devices[0].major, 10);
	assert_int_equal(r->devices[0].minor, -1);
	assert_string_equal(r->devices[0].access, "r");
	assert_string_equal(c.cgroups_path, "a:b:c");
}

static void test_refused(void **state)
{
	static const struct {
		const char *process, *members, *says;
	} cases[] = {
		{ "\"user\":{\"uid\":-1}", "", "process.user.uid" },
		{ "\"user\":{\"uid\":4294967295}", "", "process.user.uid" },
		{ "\"user\":{\"umask\":512}", "", "process.user.umask" },
		{ "\"rlimits\":[{\"type\":\"RLIMIT_X\",\"soft\":1,\"hard\":1}]", "", "RLIMIT_X" },
		{ "\"rlimits\":[{\"type\":\"RLIMIT_AS\",\"soft\":2,\"hard\":1}]", "", "above" },
		{ "\"oomScoreAdj\":1001", "", "process.oomScoreAdj" },
		{ "\"env\":\"A=b\"", "", "process.env" },
		{ "\"capabilities\":[\"CAP_KILL\"]", "", "process.capabilities" },
		{ "\"scheduler\":{\"nice\":1}", "", "process.scheduler.policy" },
		{ "\"scheduler\":{\"policy\":\"SCHED_X\"}", "", "SCHED_X" },
		{ "\"scheduler\":{\"policy\":\"SCHED_FIFO\",\"nice\":1}", "", "nice" },
		{ "\"scheduler\":{\"policy\":\"SCHED_OTHER\",\"priority\":1}", "", "priority" },
		{ "\"scheduler\":{\"policy\":\"SCHED_IDLE\",\"period\":1}", "", "times" },
		{ "\"ioPriority\":{\"class\":\"IOPRIO_CLASS_X\"}", "", "IOPRIO_CLASS_X" },
		{ "\"ioPriority\":{\"class\":\"IOPRIO_CLASS_BE\",\"priority\":8}", "",
			"process.ioPriority.priority" },
		{ "\"execCPUAffinity\":{\"final\":\"one\"}", "", "process.execCPUAffinity" },
		{ "", "\"memoryPolicy\":{\"mode\":\"MPOL_BIND\"}", "linux.memoryPolicy" },
		{ "", "\"netDevices\":{\"eth0\":{}}", "linux.netDevices" },
		{ "", "\"intelRdt\":{\"closID\":\"a\"}", "linux.intelRdt" },
		{ "", "\"resources\":{\"rdma\":{\"a\":{}}}", "linux.resources.rdma" },
		{ "", "\"resources\":{\"network\":{\"classID\":1}}", "linux.resources.network" },
		{ "", "\"resources\":{\"unified\":{\"../x.y\":\"1\"}}", "linux.resources.unified" },
		{ "", "\"resources\":{\"hugepageLimits\":[{\"pageSize\":\"../\",\"limit\":1}]}",
			"page size" },
		{ "", "\"resources\":{\"devices\":[{\"allow\":true,\"type\":\"cb\"}]}",
			"linux.resources.devices[0]" },
		{ "", "\"devices\":[{\"type\":\"c\",\"path\":\"/dev/x\"}]", "major or minor" },
		{ "", "\"maskedPaths\":[\"proc\"]", "linux.maskedPaths" },
		{ "", "\"sysctl\":{\"a\":\"1\\n\"}", "linux.sysctl" },
		{ "", "\"rootfsPropagation\":\"sideways\"", "linux.rootfsPropagation" },
		{ "", "\"personality\":{\"domain\":\"VMS\"}", "linux.personality" },
		{ "", "\"seccomp\":{}", "linux.seccomp.defaultAction" },
		{ "", "\"timeOffsets\":{\"realtime\":{}}", "linux.timeOffsets" },
		{ "", "\"uidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":0}]",
			"linux.uidMappings[0].size" },
		{ "", "\"uidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":1}]",
			"'user' namespace" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_oci_config c = OCI_CONFIG_INIT;
		struct err e;
		assert_true(parse(cases[i].process, cases[i].members, &c, &e) < 0);
		if (!strstr(e.text, cases[i].says))
			fail_msg("'%s' has nothing of '%s'", e.text, cases[i].says);
	}
}

static void test_whole(void **state)
{
	static const char *const cases[][2] = {
		{ "", "config.json" },
		{ "[]", "" },
		{ "{\"root\":{\"path\":\"r\"}}", "ociVersion" },
		{ "{\"ociVersion\":\"2.0.0\",\"root\":{\"path\":\"r\"}}", "2.0.0" },
		{ "{\"ociVersion\":\"1.0.0\"}", "root" },
		{ START "\"linux\":{\"namespaces\":[{\"type\":\"pid\"}]}}", "mount namespace" },
		{ START LINUX ",\"x\":[{}]},\"hostname\":\"h\"}", "uts" },
		{ START LINUX "},\"process\":{\"cwd\":\"/\",\"args\":[]}}", "process.args" },
		{ START LINUX "},\"process\":{\"cwd\":\"rel\",\"args\":[\"a\"]}}", "process.cwd" },
		{ START LINUX "},\"hooks\":{\"poststop\":[{\"path\":\"rel\"}]}}",
			"hooks.poststop[0]" },
		{ START LINUX "},\"mounts\":[{\"destination\":\"/x\",\"type\":\"bind\"}]}",
			"mounts[0]" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_oci_config c = OCI_CONFIG_INIT;
		auto_free char *text = xstrdup(cases[i][0]);
		struct err e = { 0 };
		assert_true(oci_config_parse(text, strlen(text), "/b", &c, &e) < 0);
		if (!strstr(e.text, cases[i][1]))
			fail_msg("'%s' has nothing of '%s'", e.text, cases[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_smallest),
		cmocka_unit_test(test_process),
		cmocka_unit_test(test_resources),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
