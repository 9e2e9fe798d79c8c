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

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(posture_cap_name(0), "CHOWN");
	assert_string_equal(posture_cap_name(21), "SYS_ADMIN");
	assert_string_equal(posture_cap_name(40), "CHECKPOINT_RESTORE");
	assert_null(posture_cap_name(41));
	assert_null(posture_cap_name(64));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),
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
