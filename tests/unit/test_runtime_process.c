/*
 * Containers made from specifications, and processes executed in them: what each part of a
 * specification is inside.  Runs as root, with Debian's static busybox as the container's programs.
 */
#include "test_container.h"

/* ---- the process ---- */

static void test_identity(void **state)
{
	auto_spec s = { 0 };

	(void)state;
	fill(&s, "id -u; id -G; umask; grep -E 'Cap(Prm|Eff|Inh|Amb)' /proc/self/status; cat "
		 "/proc/self/oom_score_adj; ulimit -n; hostname; cat /proc/sys/kernel/domainname; "
		 "uname -m");
	s.user = xstrdup("user");
	strv_push(&s.groups, "staff");
	strv_push(&s.groups, "77");
	strv_push(&s.groups, "77");
	s.umask = 077;
	s.oom_score_adj = 345;
	s.set_oom_score_adj = true;
	s.domainname = xstrdup("domain");
	s.personality = 8;                             /* PER_LINUX32 */
	s.caps.inheritable = s.caps.ambient = 1 << 10; /* CAP_NET_BIND_SERVICE */
	s.rlimits[0] = (struct spec_rlimit){ RLIMIT_NOFILE, 100, 200 };
	expect(&s, "1000\n1000 50 77\n0077\n"
		   "CapInh:\t0000000000000400\nCapPrm:\t0000000000000400\n"
		   "CapEff:\t0000000000000400\nCapAmb:\t0000000000000400\n"
		   "345\n100\ninside\ndomain\n"
#ifdef __x86_64__
		   "i686"
#else
		   "armv8l"
#endif
	);
}

/* T22: nothing inheritable, nothing ambient, and a user other than root has none at all. */
static void test_caps(void **state)
{
	auto_spec s = { 0 }, u = { 0 };

	(void)state;
	fill(&s, "grep Cap /proc/self/status");
	expect(&s, "CapInh:\t0000000000000000\nCapPrm:\t00000000800405fb\n"
		   "CapEff:\t00000000800405fb\nCapBnd:\t00000000800405fb\n"
		   "CapAmb:\t0000000000000000");
	fill(&u, "grep Cap /proc/self/status");
	u.user = xstrdup("1234");
	expect(&u, "CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\n"
		   "CapEff:\t0000000000000000\nCapBnd:\t00000000800405fb\n"
		   "CapAmb:\t0000000000000000");
}

/* What cannot be given is said, and the container runs. */
static void test_warnings(void **state)
{
	auto_spec s = { 0 };
	auto_strv warnings = { 0 };
	auto_free char *out = NULL;
	struct rlimit own, low = { 500, 500 };

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &own), 0);
	fill(&s, "ulimit -Hn; ulimit -Sn");
	s.rlimits[0] = (struct spec_rlimit){ RLIMIT_NOFILE, 2000000000, 2000000000 };
	if (posture_caps_all() >> 24 & 1) /* CAP_SYS_RESOURCE: the kernel's own bound says no */
		skip();
	(void)low;
	out = run(&s, &warnings);
	assert_int_equal(warnings.n, 1);
	assert_non_null(strstr(warnings.v[0], "nofile"));
	assert_int_equal(strtol(out, NULL, 10), own.rlim_max);
}

static void test_no_new_privs_and_filters(void **state)
{
	auto_spec s = { 0 }, none = { 0 };

	(void)state;
	fill(&s, "grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status");
	s.no_new_privs = true;
	expect(&s, "NoNewPrivs:\t1\nSeccomp:\t2");
	fill(&none, "grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status");
	none.seccomp = xstrdup("");
	expect(&none, "NoNewPrivs:\t0\nSeccomp:\t0");
}

/* A filter from a file: this one refuses mkdir(2) alone. With an init of ours as without. */
static void test_filter_from_file(void **state)
{
	static const struct {
		unsigned short code;
		unsigned char jt, jf;
		unsigned k;
	} code[] = { { 0x20, 0, 0, 0 }, { 0x15, 0, 1, SYS_mkdirat }, { 0x06, 0, 0, 0x00050026 },
#ifdef SYS_mkdir
		{ 0x15, 0, 1, SYS_mkdir }, { 0x06, 0, 0, 0x00050026 },
#endif
		{ 0x06, 0, 0, 0x7fff0000 } };
	struct err e = { 0 };

	(void)state;
	assert_int_equal(
		fs_write_file(place.fd, "filter", code, sizeof code, 0600, FS_VOLATILE, &e), 0);
	for (int variant = 0; variant < 4; variant++) {
		auto_spec s = { 0 };
		fill(&s, "grep ^Seccomp: /proc/self/status; mkdir /dev/x 2>&1");
		s.seccomp = xstrdup("filter");
		s.init = variant & 1;
		s.no_new_privs = variant & 2;
		expect(&s, "Seccomp:\t2\nmkdir: can't create directory '/dev/x': Function not "
			   "implemented");
	}
	put_text(place.fd, "filter", "odd");
	auto_spec bad = { 0 };
	fill(&bad, "true");
	bad.seccomp = xstrdup("filter");
	assert_int_equal(refused(&bad, &e), 125);
}

/* A filter that asks: its listener comes to who has made the process. */
static void test_filter_that_notifies(void **state)
{
	static const struct sock_filter code[] = {
		{ BPF_LD | BPF_W | BPF_ABS, 0, 0, 0 },
		{ BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SYS_sethostname },
		{ BPF_RET | BPF_K, 0, 0, SECCOMP_RET_USER_NOTIF },
		{ BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW },
	};
	struct err e = { 0 };

	(void)state;
	assert_int_equal(
		fs_write_file(place.fd, "filter", code, sizeof code, 0600, FS_VOLATILE, &e), 0);
	for (int variant = 0; variant < 4; variant++) {
		auto_spec s = { 0 };
		struct process p = PROCESS_INIT;
		struct seccomp_notif ask = { 0 };
		struct seccomp_notif_resp answer = { .error = -EDOM };
		auto_free char *out = NULL;
		int status;
		fill(&s, "hostname x 2>&1");
		s.seccomp = xstrdup("filter");
		s.seccomp_listener = xstrdup("/agent");
		s.init = variant & 1;
		s.no_new_privs = variant & 2;
		if (process_create(&s, -1, &p, &e) < 0 ||
			process_start(&s, &p, -1, &status, &e) < 0)
			fail_msg("%s", e.text);
		assert_true(p.seccomp >= 0);
		assert_int_equal(ioctl(p.seccomp, SECCOMP_IOCTL_NOTIF_RECV, &ask), 0);
		assert_int_equal(ask.data.nr, SYS_sethostname);
		answer.id = ask.id;
		assert_int_equal(ioctl(p.seccomp, SECCOMP_IOCTL_NOTIF_SEND, &answer), 0);
		out = read_all(p.std_out);
		assert_non_null(strstr(out, strerror(EDOM)));
		wait_for(p.pid);
		process_release(&p);
	}
}

static void test_failures(void **state)
{
	static const struct {
		const char *program;
		int status;
	} cases[] = { { "/none", 127 }, { "nothing", 127 }, { "/data/plain", 126 },
		{ "/data", 126 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases) * 2; i++) {
		auto_spec s = { 0 };
		struct err e = { 0 };
		fill(&s, "");
		strv_release(&s.args);
		strv_push(&s.args, cases[i / 2].program);
		s.init = i % 2;
		assert_int_equal(refused(&s, &e), cases[i / 2].status);
	}
}

/* ---- the root ---- */

static void test_root(void **state)
{
	auto_spec s = { 0 };

	(void)state;
	fill(&s, "touch /new 2>&1; wc -c </proc/keys; ls /sys/firmware | wc -l; touch "
		 "/proc/sys/kernel/panic "
		 "2>&1; stat -c '%t:%T %a %u' /dev/mine; readlink /dev/ptmx; cat "
		 "/proc/sys/kernel/msgmax; ls /proc/self/fd | wc -l");
	s.read_only_root = true;
	*spec_add_device(&s) =
		(struct spec_device){ xstrdup("/dev/mine"), 'c', 1, 5, 0640, 1000, 0 };
	strv_push(&s.sysctls, "kernel.msgmax=4242");
	expect(&s, "touch: /new: Read-only file system\n0\n0\n"
		   "touch: /proc/sys/kernel/panic: Read-only file system\n1:5 640 "
		   "1000\npts/ptmx\n4242\n4");
}

static void test_refused_sysctl(void **state)
{
	auto_spec s = { 0 };
	struct err e = { 0 };

	(void)state;
	fill(&s, "true");
	strv_push(&s.sysctls, "kernel.core_pattern=x");
	assert_int_equal(refused(&s, &e), 125);
	assert_int_equal(e.code, EPERM);
}

static void test_mounts(void **state)
{
	auto_spec s = { 0 };
	struct spec_mount *m;

	(void)state;
	fill(&s, "cat /vol/file; touch /ro/x 2>&1; cat /copy/file; stat -c %a /tmp2; touch /copy/y "
		 "&& "
		 "echo wrote; grep -c ' /tmp2 .*size=1024k' /proc/mounts; grep -c ' /ro/sub ' "
		 "/proc/mounts; grep ' /ro ' /proc/mounts | grep -c noexec");
	m = add_bind(&s, volume, "/data");
	m->copy_up = true;
	add_bind(&s, volume, "/vol");
	m = add_bind(&s, volume, "/ro");
	m->read_only = true;
	m->attrs = MOUNT_ATTR_NOEXEC;
	m = spec_add_mount(&s);
	*m = (struct spec_mount){ .type = SPEC_TMPFS,
		.target = xstrdup("/copy"),
		.options = xstrdup("tmpcopyup,mode=700") };
	m = spec_add_mount(&s);
	*m = (struct spec_mount){
		.type = SPEC_TMPFS, .target = xstrdup("/tmp2"), .mode = 0711, .size = 1 << 20
	};
	assert_true(mkdirat(place.fd, "root/copy", 0755) == 0 || errno == EEXIST);
	put_text(place.fd, "root/copy/file", "copied\n");
	expect(&s,
		"of the image\ntouch: /ro/x: Read-only file system\ncopied\n711\nwrote\n1\n0\n1");
	/* the image's own is as it was, and the volume has its copy */
	assert_int_equal(faccessat(place.fd, "root/copy/y", F_OK, 0), -1);
	assert_int_equal(faccessat(place.fd, "volume/file", F_OK, 0), 0);
}

/* T06, T07: procfs and sysfs go on real directories only. */
static void test_hostile_targets(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		static const char *const dirs[] = { "root/proc", "root/sys" };
		const char *dir = dirs[i / 2];
		auto_spec s = { 0 };
		struct err e = { 0 };
		assert_int_equal(unlinkat(place.fd, dir, AT_REMOVEDIR), 0);
		if (i % 2)
			assert_int_equal(symlinkat("/tmp", place.fd, dir), 0);
		else
			put_text(place.fd, dir, "");
		fill(&s, "true");
		assert_int_equal(refused(&s, &e), 125);
		assert_non_null(strstr(e.text, "ordinary directory"));
		assert_int_equal(unlinkat(place.fd, dir, 0), 0);
		assert_int_equal(mkdirat(place.fd, dir, 0755), 0);
	}
}

/* T08, T09: a link in the root leads nowhere but inside. */
static void test_links_stay_inside(void **state)
{
	auto_spec s = { 0 };
	auto_free char *outside = xasprintf("%s/outside", place.path);
	struct err e = { 0 };

	(void)state;
	assert_int_equal(mkdirat(place.fd, "outside", 0755), 0);
	assert_int_equal(
		unlinkat(place.fd, "root/dev", AT_REMOVEDIR) == 0 || errno == ENOTEMPTY, 1);
	assert_int_equal(symlinkat(outside, place.fd, "root/link"), 0);
	fill(&s, "true");
	add_bind(&s, volume, "/link/made");
	assert_int_equal(refused(&s, &e), 125); /* inside there is no such directory */
	assert_int_equal(unlinkat(place.fd, "outside", AT_REMOVEDIR), 0); /* still empty */
	assert_int_equal(unlinkat(place.fd, "root/link", 0), 0);
	assert_true(mkdirat(place.fd, "root/dev", 0755) == 0 || errno == EEXIST);
}

/* ---- namespaces ---- */

static char *link_of(const char *kind)
{
	auto_free char *path = xasprintf("/proc/self/ns/%s", kind);
	char text[64] = { 0 };

	assert_true(readlink(path, text, sizeof text - 1) > 0);
	return xstrdup(text);
}

static void test_namespaces(void **state)
{
	static const struct {
		int64_t flag;
		const char *kind;
	} kinds[] = { { CLONE_NEWPID, "pid" }, { CLONE_NEWIPC, "ipc" }, { CLONE_NEWUTS, "uts" },
		{ CLONE_NEWCGROUP, "cgroup" } };
	struct utsname before, after;

	(void)state;
	assert_int_equal(uname(&before), 0);
	for (size_t i = 0; i < ARRAY_SIZE(kinds) * 2; i++) {
		auto_free char *script = xasprintf("readlink /proc/self/ns/%s", kinds[i / 2].kind);
		auto_free char *path = xasprintf("/proc/self/ns/%s", kinds[i / 2].kind);
		auto_free char *host = link_of(kinds[i / 2].kind), *out = NULL, *joined = NULL;
		auto_spec own = { 0 }, shared = { 0 };
		fill(&own, script);
		own.init = i % 2;
		out = run(&own, NULL);
		assert_true(str_starts(out, kinds[i / 2].kind));
		assert_string_not_equal(out, host);
		fill(&shared, script);
		shared.init = i % 2;
		for (size_t k = 0; k < shared.n_namespaces; k++) /* that of a path: ours */
			if (shared.namespaces[k].flag == kinds[i / 2].flag)
				shared.namespaces[k].path = xstrdup(path);
		joined = run(&shared, NULL);
		assert_string_equal(joined, host);
	}
	/* whoever joins a namespace leaves its name alone */
	assert_int_equal(uname(&after), 0);
	assert_string_equal(before.nodename, after.nodename);
}

static void test_namespace_of_the_dead(void **state)
{
	auto_spec s = { 0 };
	struct err e = { 0 };
	struct spec_namespace *n;

	(void)state;
	fill(&s, "true");
	n = spec_add_namespace(&s, CLONE_NEWNET, "/proc/self/ns/net");
	n->pid = getpid();
	n->start = 1; /* not when we began */
	assert_int_equal(refused(&s, &e), 125);
	assert_int_equal(e.code, ESRCH);
}

static void test_user_namespace(void **state)
{
	auto_spec s = { 0 };

	(void)state;
	fill(&s, "id -u; cat /proc/self/uid_map; echo x >/dev/null && echo null; stat -c %u /bin; "
		 "grep -c ' /sys ' /proc/mounts; cat /vol/file; stat -c %u /vol; touch /data/z "
		 "2>&1");
	spec_add_namespace(&s, CLONE_NEWUSER, NULL);
	*spec_add_id_map(&s.uid_maps, &s.n_uid_maps) = (struct spec_id_map){ 0, 100000, 65536 };
	*spec_add_id_map(&s.gid_maps, &s.n_gid_maps) = (struct spec_id_map){ 0, 100000, 65536 };
	struct spec_mount *m = add_bind(&s, volume, "/vol");
	*spec_add_id_map(&m->uid_maps, &m->n_uid_maps) = (struct spec_id_map){ 0, 100000, 65536 };
	*spec_add_id_map(&m->gid_maps, &m->n_gid_maps) = (struct spec_id_map){ 0, 100000, 65536 };
	assert_true(mkdirat(place.fd, "root/vol", 0755) == 0 || errno == EEXIST);
	expect(&s, "0\n         0     100000      65536\nnull\n65534\n1\nof the image\n0\n"
		   "touch: /data/z: Permission denied");
}

static void test_time_namespace(void **state)
{
	auto_spec s = { 0 };
	auto_free char *out = NULL;

	(void)state;
	if (access("/proc/self/ns/time", F_OK) < 0)
		skip();
	fill(&s, "cat /proc/self/timens_offsets; head -c 8 /proc/uptime");
	spec_add_namespace(&s, CLONE_NEWTIME, NULL);
	strv_push(&s.time_offsets, "monotonic 100 5");
	strv_push(&s.time_offsets, "boottime 90000000 0");
	out = run(&s, NULL);
	assert_non_null(strstr(out, "monotonic         100         5"));
	assert_non_null(strstr(out, "\n90")); /* its uptime */
}

/* An engine's container: layers, with owners as the user namespace sees them, and on the disk as
 * without one. */
static void test_overlay(void **state)
{
	auto_free char *outside = NULL;

	(void)state;
	for (const char *const *d = (const char *const[]){ "u", "u/upper", "u/work", "mnt", NULL };
		*d; d++)
		assert_int_equal(mkdirat(place.fd, *d, 0755), 0);
	for (int mapped = 0; mapped < 2; mapped++) {
		auto_spec s = { 0 };
		struct stat st;
		fill(&s, "stat -c %u /bin/busybox; echo new >/new; chown 5:5 /new 2>/dev/null; cat "
			 "/data/file");
		free(take_ptr(&s.rootfs));
		strv_push(&s.lower, "root");
		s.upper = xstrdup("u/upper");
		s.work = xstrdup("u/work");
		s.mountpoint = xstrdup("mnt");
		if (mapped) {
			spec_add_namespace(&s, CLONE_NEWUSER, NULL);
			*spec_add_id_map(&s.uid_maps, &s.n_uid_maps) =
				(struct spec_id_map){ 0, 100000, 65536 };
			*spec_add_id_map(&s.gid_maps, &s.n_gid_maps) =
				(struct spec_id_map){ 0, 100000, 65536 };
		}
		expect(&s, "0\nof the image");
		assert_int_equal(fstatat(place.fd, "u/upper/new", &st, 0), 0);
		assert_int_equal(st.st_uid, 5);
		assert_int_equal(unlinkat(place.fd, "u/upper/new", 0), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_caps),
		cmocka_unit_test(test_warnings),
		cmocka_unit_test(test_no_new_privs_and_filters),
		cmocka_unit_test(test_filter_from_file),
		cmocka_unit_test(test_filter_that_notifies),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_root),
		cmocka_unit_test(test_refused_sysctl),
		cmocka_unit_test(test_mounts),
		cmocka_unit_test(test_hostile_targets),
		cmocka_unit_test(test_links_stay_inside),
		cmocka_unit_test(test_namespaces),
		cmocka_unit_test(test_namespace_of_the_dead),
		cmocka_unit_test(test_user_namespace),
		cmocka_unit_test(test_time_namespace),
		cmocka_unit_test(test_overlay),
	};

	return cmocka_run_group_tests_name("runtime_process", tests, setup, teardown);
}
