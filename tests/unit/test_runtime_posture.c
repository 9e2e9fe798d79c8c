/* The default confinement, whole, against a golden file: no change of it goes unnoticed. */
#include "runtime/posture.h"
#include "base/str.h"
#include "test_base.h"

static void add_list(struct str *out, const char *title, const char *const *list)
{
	str_addf(out, "%s\n", title);
	for (; *list; list++)
		str_addf(out, "  %s\n", *list);
}

static void add_pairs(struct str *out, const char *title, const char *const *list)
{
	str_addf(out, "%s\n", title);
	for (; *list; list += 2)
		str_addf(out, "  %s = %s\n", list[0], list[1]);
}

/* What of it the runtime is told. */
static void describe_spec(struct str *out)
{
	auto_spec s = { 0 };

	posture_fill(&s);
	str_add(out, "namespaces\n");
	for (size_t i = 0; i < s.n_namespaces; i++)
		str_addf(out, "  %08llx%s\n", (unsigned long long)s.namespaces[i].flag,
			s.namespaces[i].path ? " by path" : "");
	str_add(out, "mounts\n");
	for (size_t i = 0; i < s.n_mounts; i++)
		str_addf(out, "  %s %s%s%s size=%llu attributes=%llx\n", s.mounts[i].fs_type,
			s.mounts[i].target, s.mounts[i].options ? " " : "",
			s.mounts[i].options ? s.mounts[i].options : "",
			(unsigned long long)s.mounts[i].size,
			(unsigned long long)s.mounts[i].attrs);
	str_addf(out, "umask %lld, groups %zu, new privileges %s, filter %s\n", (long long)s.umask,
		s.groups.n, s.no_new_privs ? "no" : "yes", s.seccomp ? s.seccomp : "built in");
}

static void describe(struct str *out)
{
	str_addf(out, "capabilities %08llx\n", (unsigned long long)posture_caps);
	for (unsigned n = 0; posture_cap_name(n); n++)
		if (posture_caps & UINT64_C(1) << n)
			str_addf(out, "  %s\n", posture_cap_name(n));
	add_list(out, "masked", posture_masked);
	add_list(out, "read-only", posture_read_only);
	str_add(out, "devices\n");
	for (const struct posture_device *d = posture_devices; d->name; d++)
		str_addf(out, "  %s %u:%u\n", d->name, d->major, d->minor);
	add_list(out, "device rules", posture_device_rules);
	add_pairs(out, "links in /dev", posture_dev_links);
	add_pairs(out, "sysctls", posture_net_sysctls);
	describe_spec(out);
	str_addf(out, "processes %u\nshm %u\n", POSTURE_PIDS_LIMIT, POSTURE_SHM_SIZE);
}

static void test_golden(void **state)
{
	auto_str now = STR_INIT(65536);
	auto_free char *golden = get_text(AT_FDCWD, GOLDEN);

	(void)state;
	describe(&now);
	assert_string_equal(str_text(&now), golden);
}

static bool has_device_rule(const struct spec *s, char type, int64_t major, int64_t minor)
{
	for (size_t i = 0; i < s->resources.n_devices; i++) {
		const struct cgroup_device *d = &s->resources.devices[i];
		if (d->allow && d->type == type && d->major == major && d->minor == minor)
			return true;
	}
	return false;
}

/* The tables are what the specification gets: no more and no less. */
static void test_fill(void **state)
{
	auto_spec s = { .shm_size = 1 << 20 };
	size_t masked = 0, devices = 0, rules = 0;

	(void)state;
	posture_fill(&s);
	assert_true(s.caps.bounding == posture_caps && s.caps.permitted == posture_caps &&
		    s.caps.effective == posture_caps && !s.caps.inheritable && !s.caps.ambient);
	for (; posture_masked[masked]; masked++)
		assert_true(strv_has(&s.masked, posture_masked[masked]));
	for (size_t i = masked; i < s.masked.n; i++) /* T39: of each CPU that the host has */
		assert_true(str_ends(s.masked.v[i], "/thermal_throttle"));
	for (size_t i = 0; posture_read_only[i]; i++)
		assert_string_equal(s.read_only_paths.v[i], posture_read_only[i]);
	while (posture_devices[devices].name)
		devices++;
	assert_int_equal(s.n_devices, devices);
	while (posture_device_rules[rules])
		rules++;
	assert_true(s.resources.deny_devices && s.resources.n_devices == rules);
	assert_true(has_device_rule(&s, 'c', 1, 3) && has_device_rule(&s, 'c', 136, -1));
	assert_int_equal(s.resources.pids, POSTURE_PIDS_LIMIT);
	for (size_t i = 0; i < s.n_mounts; i++)
		if (str_eq(s.mounts[i].target, "/dev/shm"))
			assert_int_equal(s.mounts[i].size, 1 << 20);
}

static void test_privilege(void **state)
{
	auto_spec s = { 0 };
	size_t devices;

	(void)state;
	posture_fill(&s);
	devices = s.n_devices;
	posture_privilege(&s);
	assert_true(s.caps.bounding == posture_caps_all() && !s.caps.ambient);
	assert_string_equal(s.seccomp, "");
	assert_int_equal(s.masked.n + s.read_only_paths.n, 0);
	assert_true(!s.resources.deny_devices && has_device_rule(&s, 'a', -1, -1));
	assert_true(s.n_devices >= devices);
	for (size_t i = 0; i < s.n_devices; i++) {
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(s.devices[i].path, s.devices[k].path);
		assert_false(str_starts(s.devices[i].path, "/dev/pts/"));
	}
	for (size_t i = 0; i < s.n_mounts; i++)
		assert_false(s.mounts[i].attrs & 1); /* MOUNT_ATTR_RDONLY */
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(posture_cap_name(0), "CHOWN");
	assert_string_equal(posture_cap_name(21), "SYS_ADMIN");
	assert_string_equal(posture_cap_name(40), "CHECKPOINT_RESTORE");
	assert_null(posture_cap_name(41));
	assert_null(posture_cap_name(64));
	assert_int_equal(posture_cap_number("SYS_ADMIN"), 21);
	assert_int_equal(posture_cap_number("cap_chown"), 0);
	assert_int_equal(posture_cap_number("CAP_"), -1);
	assert_int_equal(posture_cap_number("ALL"), -1);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_fill),
		cmocka_unit_test(test_privilege),
		cmocka_unit_test(test_names),
	};

	if (argc > 1 && str_eq(argv[1], "print")) { /* how the golden file is made anew */
		auto_str now = STR_INIT(65536);
		describe(&now);
		fputs(str_text(&now), stdout);
		return 0;
	}
	return cmocka_run_group_tests_name("runtime_posture", tests, NULL, NULL);
}
