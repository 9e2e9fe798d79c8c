/* options.h: what is refused, and what capabilities and limits become. */
#include "engine/local/options.h"
#include "base/mem.h"
#include "engine/local/volumes.h"
#include "runtime/posture.h"
#include "test_base.h"

#include <linux/capability.h>
#include <string.h>
#include <sys/resource.h>

#define CAP(name) (UINT64_C(1) << CAP_##name)

/* A configuration that nobody has anything against. */
static struct container_config good(void)
{
	struct container_config c = { 0 };

	c.image = xstrdup("base");
	c.hostname = xstrdup("host");
	c.workdir = xstrdup("/");
	c.network = xstrdup("bridge");
	strv_push(&c.cmd, "true");
	return c;
}

static int check(struct container_config *c)
{
	struct err e = { 0 };
	int r = options_check(c, &e);

	assert_true(r == 0 || (*e.text && r == -e.code));
	container_config_release(c);
	return r;
}

static void set(char **member, const char *text)
{
	free(*member);
	*member = xstrdup(text);
}

/* Each refused by itself, with everything else in order. */
#define REFUSED(...)                                                                               \
	do {                                                                                       \
		struct container_config c = good();                                                \
		__VA_ARGS__;                                                                       \
		if (check(&c) >= 0)                                                                \
			fail_msg("accepted: %s", #__VA_ARGS__);                                    \
	} while (0)
#define ACCEPTED(...)                                                                              \
	do {                                                                                       \
		struct container_config c = good();                                                \
		__VA_ARGS__;                                                                       \
		if (check(&c) < 0)                                                                 \
			fail_msg("refused: %s", #__VA_ARGS__);                                     \
	} while (0)

static void mount(
	struct container_config *c, enum mount_type type, const char *source, const char *target)
{
	struct mount_config *m = container_config_add_mount(c);

	m->type = type;
	m->source = source ? xstrdup(source) : NULL;
	m->target = target ? xstrdup(target) : NULL;
}

static void ulimit(struct container_config *c, const char *name, int64_t soft, int64_t hard)
{
	struct ulimit_config *u = container_config_add_ulimit(c);

	u->name = xstrdup(name);
	u->soft = soft;
	u->hard = hard;
}

static void port(struct container_config *c, uint16_t host, uint16_t inside, const char *protocol)
{
	struct port_config *p = container_config_add_port(c);

	p->host_port = host;
	p->container_port = inside;
	p->protocol = xstrdup(protocol);
}

static void processes(void **state)
{
	ACCEPTED((void)c);
	REFUSED(set(&c.workdir, "tmp"));
	REFUSED(set(&c.hostname, "a b"));
	REFUSED(set(&c.hostname, "a\nb"));
	REFUSED(set(&c.user, "a\nb"));
	REFUSED(strv_push(&c.env, "=x"));
	REFUSED(strv_push(&c.groups, "a:b"));
	REFUSED(strv_push(&c.labels, "redock.machine=x:y"));
	REFUSED(strv_push(&c.labels, "=x"));
	ACCEPTED(set(&c.stop_signal, "SIGRTMIN+1"));
	REFUSED(set(&c.stop_signal, "NOPE"));
	REFUSED(c.stop_timeout = -2);
	ACCEPTED(c.stop_timeout = STOP_AT_ONCE);
	REFUSED(c.console_rows = 65536);
}

static void supervision(void **state)
{
	REFUSED(c.auto_remove = true, c.restart = RESTART_ALWAYS);
	REFUSED(c.restart = RESTART_ALWAYS, c.restart_max = 3);
	ACCEPTED(c.restart = RESTART_ON_FAILURE, c.restart_max = 3);
	REFUSED(c.health.interval = 999999);
	ACCEPTED(c.health.interval = 1000000);
	REFUSED(c.health.retries = -1);
	REFUSED(strv_push(&c.health.test, "CMD"));
	REFUSED(strv_push(&c.health.test, "SHELL"), strv_push(&c.health.test, "x"));
	ACCEPTED(strv_push(&c.health.test, "NONE"));
	REFUSED(set(&c.log_driver, "syslog"));
	ACCEPTED(set(&c.log_driver, "journald"));
}

static void mounts(void **state)
{
	ACCEPTED(mount(&c, MOUNT_BIND, "/tmp", "/a"), mount(&c, MOUNT_VOLUME, "v", "/b"));
	REFUSED(mount(&c, MOUNT_BIND, "/tmp", "/a"), mount(&c, MOUNT_VOLUME, "v", "/a"));
	REFUSED(mount(&c, MOUNT_BIND, "/nonexistent/x", "/a"));
	REFUSED(mount(&c, MOUNT_BIND, "tmp", "/a"));
	REFUSED(mount(&c, MOUNT_BIND, "/tmp", "a"));
	REFUSED(mount(&c, MOUNT_BIND, "/tmp", "/"));
	REFUSED(mount(&c, MOUNT_BIND, "/tmp", "/proc"));
	REFUSED(mount(&c, MOUNT_BIND, "/tmp", "/proc/sys/kernel"));
	ACCEPTED(mount(&c, MOUNT_BIND, "/tmp", "/proc/uptime"));
	REFUSED(mount(&c, MOUNT_VOLUME, "../v", "/a"));
	REFUSED(mount(&c, MOUNT_VOLUME, ".v", "/a"));
	REFUSED(mount(&c, MOUNT_VOLUME, "v", "/a"), c.mounts[0].driver = xstrdup("nfs"));
	REFUSED(mount(&c, MOUNT_VOLUME, "v", "/a"),
		strv_push(&c.mounts[0].driver_opts, "type=../x"));
	REFUSED(mount(&c, MOUNT_TMPFS, "/x", "/a"));
	REFUSED(mount(&c, MOUNT_TMPFS, NULL, "/a"), strv_push(&c.mounts[0].options, "bind"));
	REFUSED(mount(&c, MOUNT_TMPFS, NULL, "/a"), strv_push(&c.mounts[0].options, "uid=1,exec"));
	ACCEPTED(mount(&c, MOUNT_TMPFS, NULL, "/a"), strv_push(&c.mounts[0].options, "uid=1"));
}

static void networks(void **state)
{
	ACCEPTED(port(&c, 8080, 80, "tcp"), port(&c, 8080, 80, "udp"));
	REFUSED(port(&c, 8080, 80, "tcp"), port(&c, 8080, 81, "tcp"));
	REFUSED(port(&c, 8080, 0, "tcp"));
	REFUSED(port(&c, 8080, 80, "icmp"));
	REFUSED(port(&c, 8080, 80, "tcp"), c.ports[0].host_port_end = 80);
	REFUSED(port(&c, 8080, 80, "tcp"), c.ports[0].host_address = xstrdup("here"));
	REFUSED(port(&c, 8080, 80, "tcp"), set(&c.network, "host"));
	REFUSED(port(&c, 8080, 80, "tcp"), set(&c.network, "none"));
	REFUSED(port(&c, 8080, 80, "tcp"), set(&c.network, "container:x"));
	REFUSED(strv_push(&c.extra_hosts, "a b:1.2.3.4"));
	REFUSED(strv_push(&c.extra_hosts, "a:1.2.3.4\n6.6.6.6 b"));
	ACCEPTED(strv_push(&c.extra_hosts, "a:host-gateway"), strv_push(&c.extra_hosts, "b:::1"));
	REFUSED(strv_push(&c.dns, "1.2.3.4\nnameserver 6.6.6.6"));
	REFUSED(strv_push(&c.dns_search, "a\nb"));
	REFUSED(strv_push(&c.dns_options, "ndots:1\nx"));
}

static void resources(void **state)
{
	REFUSED(c.resources.memory = 1 << 20);
	REFUSED(c.resources.memory_swap = 64 << 20);
	REFUSED(c.resources.memory = 64 << 20, c.resources.memory_swap = 32 << 20);
	REFUSED(c.resources.memory = 64 << 20, c.resources.memory_reservation = 65 << 20);
	REFUSED(c.resources.nano_cpus = 1000000000, c.resources.cpu_quota = 50000);
	REFUSED(c.resources.nano_cpus = 1000);
	REFUSED(c.resources.nano_cpus = INT64_C(100000) * 1000000000);
	REFUSED(c.resources.cpu_period = 5);
	REFUSED(c.resources.cpu_shares = 1);
	REFUSED(c.resources.blkio_weight = 5);
	REFUSED(c.resources.cpuset_cpus = xstrdup("8000"));
	REFUSED(c.resources.cpuset_cpus = xstrdup("1-0"));
	REFUSED(c.resources.cpuset_cpus = xstrdup("0,"));
	REFUSED(ulimit(&c, "nofiles", 1, 1));
	REFUSED(ulimit(&c, "nofile", 2, 1));
	REFUSED(ulimit(&c, "nofile", -1, 1));
	REFUSED(ulimit(&c, "nofile", 1, 1), ulimit(&c, "nofile", 1, 1));
	ACCEPTED(ulimit(&c, "nofile", 1, -1));
	REFUSED(c.oom_score_adj = -1001);
}

/* T26: no spelling gets at a sysctl that is the host's. */
static void sysctls(void **state)
{
	static const char *const bad[] = { "kernel.core_pattern=x", "kernel/core_pattern=x",
		"kernel.shm_rmid_forced=1\nkernel.core_pattern=x", "net.../x=1",
		"net.ipv4/../../kernel/core_pattern=x", "kernel.shm_rmid_forced=1+\n",
		"vm.swappiness=1", "fs.file-max=1", "net.ipv4.ip_forward", "", "=", "net.=1",
		"kernel.msgmax+kernel.core_pattern=1", "kernel.domainname=x", "net.ipv4 .x=1" };
	static const char *const fine[] = { "net.ipv4.ip_forward=1", "net/ipv4/ip_forward=1",
		"kernel.msgmax=65536", "kernel.shm_rmid_forced=1", "fs.mqueue.msg_max=10" };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		REFUSED(strv_push(&c.sysctls, bad[i]));
	for (size_t i = 0; i < ARRAY_SIZE(fine); i++)
		ACCEPTED(strv_push(&c.sysctls, fine[i]));
	REFUSED(strv_push(&c.sysctls, fine[0]), set(&c.network, "host"));
	REFUSED(strv_push(&c.sysctls, fine[2]), set(&c.ipc_mode, "host"));
}

static void isolation(void **state)
{
	REFUSED(set(&c.pid_mode, "mine"));
	ACCEPTED(set(&c.pid_mode, "host"), set(&c.ipc_mode, "shareable"));
	REFUSED(set(&c.uts_mode, "container:x"));
	REFUSED(set(&c.userns_mode, "keep-id"));
	REFUSED(strv_push(&c.security, "seccomp=nofile"));
	REFUSED(strv_push(&c.security, "no-new-privileges=maybe"));
	REFUSED(strv_push(&c.security, "systempaths=masked"));
	ACCEPTED(strv_push(&c.security, "systempaths=unconfined"));
	REFUSED(strv_push(&c.cap_add, "NET_ADMN"));
	REFUSED(c.privileged = true, strv_push(&c.cap_drop, "CHOWN"));
}

static uint64_t caps(const char *add, const char *add2, const char *drop)
{
	struct container_config c = { 0 };
	struct err e = { 0 };
	uint64_t mask = 0;

	if (add)
		strv_push(&c.cap_add, add);
	if (add2)
		strv_push(&c.cap_add, add2);
	if (drop)
		strv_push(&c.cap_drop, drop);
	assert_int_equal(caps_parse(&c, &mask, &e), 0);
	container_config_release(&c);
	return mask;
}

/* As Docker has it: oci/caps, TweakCapabilities. */
static void capabilities(void **state)
{
	assert_true(caps(NULL, NULL, NULL) == posture_caps);
	assert_true(caps("cap_net_admin", NULL, NULL) == (posture_caps | CAP(NET_ADMIN)));
	assert_true(caps(NULL, NULL, "CHOWN") == (posture_caps & ~CAP(CHOWN)));
	assert_true(caps("NET_RAW", NULL, "ALL") == CAP(NET_RAW));
	assert_true(caps("NET_RAW", "SYS_ADMIN", "all") == (CAP(NET_RAW) | CAP(SYS_ADMIN)));
	assert_true(caps("CHOWN", NULL, "CHOWN") == posture_caps);
	assert_false(caps("ALL", NULL, "NET_RAW") & CAP(NET_RAW));
	assert_true(caps("ALL", NULL, "NET_RAW") & CAP(SYS_ADMIN));
}

static void suggestions(void **state)
{
	auto_container_config c = { 0 };
	struct err e = { 0 };
	uint64_t mask;

	strv_push(&c.cap_add, "NET_ADMN");
	assert_true(caps_parse(&c, &mask, &e) < 0);
	assert_non_null(strstr(e.hint, "NET_ADMIN"));
	ulimit(&c, "nofiles", 1, 1);
	assert_true(limits_check(&c, &e) < 0);
	assert_non_null(strstr(e.hint, "nofile"));
}

static void defaults(void **state)
{
	struct resources r = { .memory = 64 << 20, .pids_limit = -1 };
	struct cgroup_resources out = CGROUP_RESOURCES_INIT;

	resources_to_cgroup(&r, true, &out);
	assert_true(out.memory == 64 << 20);
	assert_true(out.memory_swap == 128 << 20 || out.memory_swap == 0); /* 0: not counted here */
	r = (struct resources){ 0 };
	out = (struct cgroup_resources)CGROUP_RESOURCES_INIT;
	resources_to_cgroup(&r, true, &out);
	if (cgroup_layout() != CGROUP_NONE)
		assert_int_equal(out.pids, POSTURE_PIDS_LIMIT);
	resources_to_cgroup(&r, false, &out);
	assert_int_equal(out.pids, 0);
}

static void volume_names(void **state)
{
	static const char *const bad[] = { "", ".", "..", "-rf", "a/b", "../x", "a b", "a\nb", ".x",
		"~/x", "\xc3\xa9" };
	struct err e = { 0 };
	char longest[130];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (volume_name_check(bad[i], &e) >= 0)
			fail_msg("accepted: %s", bad[i]);
	memset(longest, 'a', sizeof longest - 1);
	longest[129] = '\0';
	assert_true(volume_name_check(longest, &e) < 0);
	longest[128] = '\0';
	assert_int_equal(volume_name_check(longest, &e), 0);
}

static void volume_options(void **state)
{
	static const struct {
		const char *v[4];
		int expected;
	} cases[] = {
		{ { NULL }, 0 },
		{ { "type=tmpfs", "device=tmpfs", "o=size=1m,uid=1000", NULL }, 0 },
		{ { "type=nfs", "device=:/x", "o=addr=1.2.3.4,rw", NULL }, 0 },
		{ { "type=none", "device=/srv", "o=bind", NULL }, 0 },
		{ { "device=/srv", "o=bind,ro", NULL }, 0 },
		{ { "type=none", "device=srv", "o=bind", NULL }, -EINVAL },
		{ { "device=/dev/vdb", NULL }, -EINVAL },
		{ { "type=ext4", NULL }, -EINVAL },
		{ { "type=ext4; rm", "device=x", NULL }, -EINVAL },
		{ { "shell=sh", NULL }, -EINVAL },
		{ { "type=tmpfs", "o=size=1m\nx", NULL }, -EINVAL },
	};
	struct err e = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (volume_options_check((char *const *)cases[i].v, &e) != cases[i].expected)
			fail_msg("case %zu: %s", i, e.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(processes),
		cmocka_unit_test(supervision),
		cmocka_unit_test(mounts),
		cmocka_unit_test(networks),
		cmocka_unit_test(resources),
		cmocka_unit_test(sysctls),
		cmocka_unit_test(isolation),
		cmocka_unit_test(capabilities),
		cmocka_unit_test(suggestions),
		cmocka_unit_test(defaults),
		cmocka_unit_test(volume_names),
		cmocka_unit_test(volume_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
