/* features.md and features-linux.md: what a caller may ask of this runtime. */
#include "base/json.h"
#include "base/mem.h"
#include "runtime/oci/cli.h"
#include "runtime/oci/config.h"
#include "runtime/oci/mounts.h"
#include "runtime/oci/names.h"
#include "runtime/posture.h"

static json_t *text_list(const char *(*nth)(unsigned n))
{
	json_t *list = json_array();
	const char *text;

	for (unsigned n = 0; (text = nth(n)); n++)
		json_array_append_new(list, json_string(text));
	return list;
}

static const char *nth_hook(unsigned n)
{
	static const char *const names[] = { "prestart", "createRuntime", "createContainer",
		"startContainer", "poststart", "poststop" };

	return n < ARRAY_SIZE(names) ? names[n] : NULL;
}

static json_t *capabilities(void)
{
	json_t *list = json_array();

	for (unsigned n = 0; n < 64; n++)
		if (posture_cap_name(n))
			json_array_append_new(list, json_sprintf("CAP_%s", posture_cap_name(n)));
	return list;
}

/* What seccomp(2) and libseccomp have; the helper program knows the same words. */
static json_t *seccomp(void)
{
	return json_pack(
		"{s:b, s:[s,s,s,s,s,s,s,s,s], s:[s,s,s,s,s,s,s], s:[s,s,s,s,s,s,s,s], s:[s,s,s], "
		"s:[s,s,s]}",
		"enabled", 1, "actions", "SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL",
		"SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_LOG", "SCMP_ACT_NOTIFY",
		"SCMP_ACT_TRACE", "SCMP_ACT_TRAP", "operators", "SCMP_CMP_EQ", "SCMP_CMP_GE",
		"SCMP_CMP_GT", "SCMP_CMP_LE", "SCMP_CMP_LT", "SCMP_CMP_MASKED_EQ", "SCMP_CMP_NE",
		"archs", "SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM", "SCMP_ARCH_PPC64LE",
		"SCMP_ARCH_RISCV64", "SCMP_ARCH_S390X", "SCMP_ARCH_X32", "SCMP_ARCH_X86",
		"SCMP_ARCH_X86_64", "knownFlags", "SECCOMP_FILTER_FLAG_TSYNC",
		"SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_LOG", "supportedFlags",
		"SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
		"SECCOMP_FILTER_FLAG_LOG");
}

int verb_features(struct invocation *i, struct err *e)
{
	auto_json *all =
		json_pack("{s:s, s:s, s:o, s:o, s:{s:o, s:o, s:{s:b, s:b, s:b, s:b, s:b}, s:o, "
			  "s:{s:b}, s:{s:b}, s:{s:{s:b}}, s:{s:b}}, s:{s:s}}",
			"ociVersionMin", "1.0.0", "ociVersionMax", CONFIG_SPEC_VERSION, "hooks",
			text_list(nth_hook), "mountOptions", text_list(mount_nth_option), "linux",
			"namespaces", text_list(name_nth_namespace), "capabilities", capabilities(),
			"cgroup", "v1", 1, "v2", 1, "systemd", 1, "systemdUser", 0, "rdma", 0,
			"seccomp", seccomp(), "apparmor", "enabled", 1, "selinux", "enabled", 1,
			"mountExtensions", "idmap", "enabled", 1, "intelRdt", "enabled", 0,
			"annotations", "io.github.redock.version", REDOCK_VERSION);
	auto_free char *text = NULL;

	if (!all)
		return err_set(e, EINVAL, "cannot make the list of features");
	text = json_dumps(all, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	puts(text);
	return 0;
}
