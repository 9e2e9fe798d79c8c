/* Which kernel parameters a container may set, and how they are written (T26). */
#include "runtime/sysctl.h"
#include "test_base.h"

#include <sched.h>

static void test_parse(void **state)
{
	static const struct {
		const char *text, *key, *value;
	} good[] = {
		{ "net.ipv4.ip_forward=1", "net/ipv4/ip_forward", "1" },
		{ "net/ipv4/ip_forward=1", "net/ipv4/ip_forward", "1" },
		{ "net.ipv4.conf.eth0/100.forwarding=0", "net/ipv4/conf/eth0.100/forwarding", "0" },
		{ "net/ipv4/conf/eth0.100/forwarding=0", "net/ipv4/conf/eth0.100/forwarding", "0" },
		{ "kernel.sem=1 2 3 4", "kernel/sem", "1 2 3 4" },
		{ "kernel.msgmax=", "kernel/msgmax", "" },
		{ "-net/x=a=b", "net/x", "a=b" },
	};
	static const char *const bad[] = { "", "=", "=1", "net.ipv4", "net..x=1", "net//x=1",
		".net=1", "/net=1", "net.=1", "net/=1", "net.x\n=1", "net.x=1\n2", "net.x =1",
		"net.x\t=1", "kernel.shm_rmid_forced=1+kernel.core_pattern=|/x\n", "kernel+x=1",
		"net.../x=1", "net/../kernel/core_pattern=x", "k\xc3\xa4=1", "--x=1" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		auto_free char *key = NULL;
		const char *value;
		struct err e = { 0 };
		assert_int_equal(sysctl_parse(good[i].text, &key, &value, &e), 0);
		assert_string_equal(key, good[i].key);
		assert_string_equal(value, good[i].value);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		auto_free char *key = NULL;
		const char *value;
		struct err e = { 0 };
		assert_int_equal(sysctl_parse(bad[i], &key, &value, &e), -EINVAL);
		assert_true(e.text[0]);
	}
}

static int allowed(const struct spec *s, const char *key)
{
	struct err e = { 0 };

	return sysctl_allowed(s, key, &e);
}

static void test_allowed(void **state)
{
	static const char *const ipc[] = { "kernel/msgmax", "kernel/msgmnb", "kernel/msgmni",
		"kernel/sem", "kernel/shmall", "kernel/shmmax", "kernel/shmmni",
		"kernel/shm_rmid_forced", "fs/mqueue/msg_max" };
	static const char *const never[] = { "kernel/core_pattern", "kernel/hostname",
		"kernel/panic", "kernel/shmmaxx", "kernel/sem/x", "fs/file-max",
		"vm/overcommit_memory", "fs/mqueue", "netx/ipv4", "net", "kernel",
		"dev/tty/legacy_tiocsti" };
	auto_spec host = { .network = SPEC_NETWORK_HOST }, own = { 0 };

	(void)state;
	spec_add_namespace(&own, CLONE_NEWIPC, NULL);
	spec_add_namespace(&own, CLONE_NEWUTS, NULL);
	spec_add_namespace(&own, CLONE_NEWUSER, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(ipc); i++) {
		assert_int_equal(allowed(&own, ipc[i]), 0);
		assert_int_equal(allowed(&host, ipc[i]), -EPERM);
	}
	for (size_t i = 0; i < ARRAY_SIZE(never); i++)
		assert_int_equal(allowed(&own, never[i]), -EPERM);
	assert_int_equal(allowed(&own, "kernel/domainname"), 0);
	assert_int_equal(allowed(&host, "kernel/domainname"), -EPERM);
	assert_int_equal(allowed(&own, "user/max_user_namespaces"), 0);
	assert_int_equal(allowed(&host, "user/max_user_namespaces"), -EPERM);
	/* the one that the engine hands over counts as its own */
	assert_int_equal(allowed(&own, "net/ipv4/ip_forward"), 0);
	assert_int_equal(allowed(&host, "net/ipv4/ip_forward"), -EPERM);
}

/* Written below the directory that we hold, and only to procfs: a file of the same name is not it.
 */
static void test_only_procfs(void **state)
{
	auto_spec s = { 0 };
	struct place p;
	struct err e = { 0 };
	auto_free char *text = NULL;

	(void)state;
	place_make(&p);
	assert_int_equal(mkdirat(p.fd, "sys", 0755), 0);
	assert_int_equal(mkdirat(p.fd, "sys/net", 0755), 0);
	put_text(p.fd, "sys/net/x", "before");
	strv_push(&s.sysctls, "net.x=after");
	assert_true(sysctls_write(&s, p.fd, &e) < 0);
	text = get_text(p.fd, "sys/net/x");
	assert_string_equal(text, "before");
	assert_int_equal(unlinkat(p.fd, "sys/net/x", 0), 0);
	assert_int_equal(sysctls_write(&s, p.fd, &e), -ENOENT);
	strv_release(&s.sysctls);
	strv_push(&s.sysctls, "-net.x=after");
	assert_int_equal(sysctls_write(&s, p.fd, &e), 0);
	place_remove(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_allowed),
		cmocka_unit_test(test_only_procfs),
	};

	return cmocka_run_group_tests_name("runtime_sysctl", tests, NULL, NULL);
}
