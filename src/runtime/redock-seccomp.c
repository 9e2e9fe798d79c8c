/*
 * redock-seccomp: makes seccomp filters, as arrays of struct sock_filter on stdout.
 *
 *	redock-seccomp default CAPMASK             the default filter of one with these capabilities
 *	redock-seccomp profile CAPMASK < PROFILE   Docker's profile format, or runtime-spec's
 *
 * A program of its own, so that what starts containers need not load libseccomp: a filter is made
 * once, when a container is created.
 */
#include "base/json.h"
#include "base/mem.h"
#include "runtime/posture.h"
#include "runtime/seccomp-rules.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>

#define PROFILE_MAX (4u << 20)
#define RULES_MAX   65536u

#if defined(__x86_64__)
#define MACHINE SECCOMP_X86_64
static const char native_name[] = "SCMP_ARCH_X86_64";
static const char *const go_names[] = { "amd64", NULL };
#elif defined(__aarch64__)
#define MACHINE SECCOMP_AARCH64
static const char native_name[] = "SCMP_ARCH_AARCH64";
static const char *const go_names[] = { "arm64", NULL };
#endif

struct profile {
	scmp_filter_ctx filter;
	uint64_t caps;
	uint32_t default_action;
	unsigned rules;
	int newest; /* highest number of our machine's that the profile names */
	bool x32;
	bool listened; /* somebody answers SCMP_ACT_NOTIFY */
};

static int action_of(
	const struct profile *p, const char *name, int64_t code, uint32_t *ret, struct err *e)
{
	static const struct {
		const char *name;
		uint32_t action;
	} actions[] = {
		{ "SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD },
		{ "SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD },
		{ "SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS },
		{ "SCMP_ACT_TRAP", SCMP_ACT_TRAP },
		{ "SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(0) },
		{ "SCMP_ACT_TRACE", SCMP_ACT_TRACE(0) },
		{ "SCMP_ACT_ALLOW", SCMP_ACT_ALLOW },
		{ "SCMP_ACT_LOG", SCMP_ACT_LOG },
		{ "SCMP_ACT_NOTIFY", SCMP_ACT_NOTIFY },
	};

	if (code < 0 || code > 4095)
		return err_set(e, EINVAL, "%lld is not an error number", (long long)code);
	/* without an answer the process would wait for ever */
	if (str_eq(name, "SCMP_ACT_NOTIFY") && !p->listened) {
		err_set(e, ENOTSUP, "'%s' asks somebody who answers, and nobody listens", name);
		return err_hint(e, "SCMP_ACT_ERRNO or SCMP_ACT_LOG instead");
	}
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
		if (str_eq(actions[i].name, name)) {
			bool has_code = actions[i].action == SCMP_ACT_ERRNO(0) ||
					actions[i].action == SCMP_ACT_TRACE(0);
			*ret = actions[i].action | (has_code ? (uint32_t)code : 0);
			return 0;
		}
	return err_set(e, EINVAL, "'%s' is not an action", name);
}

static bool has_one_of(const json_t *list, const char *const *names)
{
	auto_strv texts = { 0 };
	auto_json *holder = json_pack("{s:O}", "l", list);

	json_get_strv(holder, "l", &texts);
	for (; *names; names++)
		if (strv_has(&texts, *names))
			return true;
	return false;
}

/* How many of the named capabilities we have; *ret_all is how many there are. */
static size_t count_caps(const json_t *list, uint64_t caps, size_t *ret_all)
{
	size_t n = 0, i;
	json_t *item;

	*ret_all = json_array_size(list);
	json_array_foreach(list, i, item)
	{
		const char *name = json_string_value(item);
		int cap = name ? posture_cap_number(name) : -1;
		n += cap >= 0 && caps >> cap & 1;
	}
	return n;
}

/* "4.8" against the running kernel. */
static bool kernel_is_at_least(const char *wanted)
{
	struct utsname u;
	char *end;
	unsigned long a = strtoul(wanted, &end, 10),
		      b = *end == '.' ? strtoul(end + 1, NULL, 10) : 0;
	unsigned long major, minor;

	if (uname(&u) < 0)
		return false;
	major = strtoul(u.release, &end, 10);
	minor = *end == '.' ? strtoul(end + 1, NULL, 10) : 0;
	return major > a || (major == a && minor >= b);
}

/* Docker's "includes" and "excludes": for whom a rule is. */
static bool applies(const json_t *rule, uint64_t caps)
{
	const json_t *in = json_object_get(rule, "includes"),
		     *ex = json_object_get(rule, "excludes");
	const json_t *arches = json_object_get(in, "arches");
	const char *kernel = json_str(in, "minKernel", "");
	size_t all;

	if (json_array_size(arches) && !has_one_of(arches, go_names))
		return false;
	if (count_caps(json_object_get(in, "caps"), caps, &all) != all)
		return false;
	if (*kernel && !kernel_is_at_least(kernel))
		return false;
	arches = json_object_get(ex, "arches");
	if (json_array_size(arches) && has_one_of(arches, go_names))
		return false;
	if (count_caps(json_object_get(ex, "caps"), caps, &all))
		return false;
	kernel = json_str(ex, "minKernel", "");
	return !*kernel || !kernel_is_at_least(kernel);
}

static int compare_of(const char *name)
{
	static const char *const names[] = { [SCMP_CMP_NE] = "SCMP_CMP_NE",
		[SCMP_CMP_LT] = "SCMP_CMP_LT",
		[SCMP_CMP_LE] = "SCMP_CMP_LE",
		[SCMP_CMP_EQ] = "SCMP_CMP_EQ",
		[SCMP_CMP_GE] = "SCMP_CMP_GE",
		[SCMP_CMP_GT] = "SCMP_CMP_GT",
		[SCMP_CMP_MASKED_EQ] = "SCMP_CMP_MASKED_EQ" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i] && str_eq(names[i], name))
			return (int)i;
	return -1;
}

/* A number as the JSON of Go programs has it: unsigned, up to 64 bits. */
static uint64_t number(const json_t *object, const char *key)
{
	const json_t *v = json_object_get(object, key);

	return json_is_real(v) ? (uint64_t)json_real_value(v) : (uint64_t)json_integer_value(v);
}

#define ARGS_MAX 6
struct args {
	struct scmp_arg_cmp v[64];
	unsigned n;
	bool twice; /* one argument has two conditions: each of them is enough */
};

static int read_args(const json_t *list, struct args *ret, struct err *e)
{
	unsigned seen = 0;
	json_t *item;
	size_t i;

	ret->n = 0;
	ret->twice = false;
	if (json_array_size(list) > ARRAY_SIZE(ret->v))
		return err_set(e, EINVAL, "a rule has too many arguments");
	json_array_foreach(list, i, item)
	{
		uint64_t index = number(item, "index");
		int op = compare_of(json_str(item, "op", ""));
		if (index >= ARGS_MAX || op < 0)
			return err_set(e, EINVAL,
				"a rule's argument has no index from 0 to 5 or no operator");
		ret->twice = ret->twice || seen & 1u << index;
		seen |= 1u << index;
		ret->v[ret->n++] = (struct scmp_arg_cmp){ (unsigned)index, (enum scmp_compare)op,
			number(item, "value"), number(item, "valueTwo") };
	}
	return 0;
}

static int add_rule(struct profile *p, const char *name, uint32_t action, const struct args *args,
	struct err *e)
{
	int nr = seccomp_syscall_resolve_name(name), r = 0;

	if (nr == __NR_SCMP_ERROR)
		return 0; /* a call that this libseccomp does not know yet, or no machine's of ours
			   */
	if (nr > p->newest)
		p->newest = nr;
	if (++p->rules > RULES_MAX)
		return err_set(e, E2BIG, "the profile has too many rules");
	if (action == p->default_action)
		return 0;
	if (args->twice)
		for (unsigned i = 0; i < args->n && r == 0; i++)
			r = seccomp_rule_add_array(p->filter, action, nr, 1, &args->v[i]);
	else
		r = seccomp_rule_add_array(p->filter, action, nr, args->n, args->v);
	if (r < 0)
		return err_set(e, -r, "cannot add a rule for '%s': %s", name, strerror(-r));
	return 0;
}

/* A list that is none would be a rule that is silently not there. */
static int list_of_texts(const json_t *object, const char *key, struct strv *ret, struct err *e)
{
	const json_t *list = json_object_get(object, key);

	json_get_strv(object, key, ret);
	if (list && !json_is_null(list) &&
		(!json_is_array(list) || ret->n != json_array_size(list)))
		return err_set(e, EINVAL, "'%s' is not a list of strings", key);
	return 0;
}

static int add_syscalls(struct profile *p, const json_t *rule, struct err *e)
{
	auto_strv names = { 0 };
	const char *single = json_str(rule, "name", NULL);
	struct args args;
	uint32_t action;

	if (!json_is_object(rule))
		return err_set(e, EINVAL, "a rule is not an object");
	if (!applies(rule, p->caps))
		return 0;
	if (list_of_texts(rule, "names", &names, e) < 0)
		return -e->code;
	if (single)
		strv_push(&names, single);
	if (action_of(p, json_str(rule, "action", ""), json_int(rule, "errnoRet", EPERM), &action,
		    e) < 0 ||
		read_args(json_object_get(rule, "args"), &args, e) < 0)
		return -e->code;
	for (size_t i = 0; i < names.n; i++)
		if (add_rule(p, names.v[i], action, &args, e) < 0)
			return -e->code;
	return 0;
}

/* "SCMP_ARCH_X86_64" and its kin; seccomp_arch_resolve_name(3) has them in lower case, without the
 * prefix. */
static int add_arch(struct profile *p, const char *name, struct err *e)
{
	char lower[32];
	size_t n = 0;
	uint32_t token;
	int r;

	if (str_starts(name, "SCMP_ARCH_"))
		name += strlen("SCMP_ARCH_");
	for (; name[n] && n < sizeof lower - 1; n++)
		lower[n] = name[n] >= 'A' && name[n] <= 'Z' ? (char)(name[n] | 0x20) : name[n];
	lower[n] = '\0';
	token = seccomp_arch_resolve_name(lower);
	if (token == 0)
		return err_set(e, EINVAL, "'%s' is not an architecture", name);
	p->x32 = p->x32 || token == SCMP_ARCH_X32;
	r = seccomp_arch_add(p->filter, token);
	return r < 0 && r != -EEXIST
		       ? err_set(e, -r, "cannot add architecture '%s': %s", name, strerror(-r))
		       : 0;
}

static int add_arches(struct profile *p, const json_t *profile, struct err *e)
{
	const json_t *map = json_object_get(profile, "archMap");
	auto_strv names = { 0 };
	json_t *item;
	size_t i;

	if (list_of_texts(profile, "architectures", &names, e) < 0)
		return -e->code;
	json_array_foreach(
		map, i, item) if (str_eq(json_str(item, "architecture", ""), native_name))
		json_get_strv(item, "subArchitectures", &names);
	for (i = 0; i < names.n; i++)
		if (add_arch(p, names.v[i], e) < 0)
			return -e->code;
	return 0;
}

/* Calls newer than all that the profile names: ENOSYS, so that a program falls back as on an older
 * kernel, where the profile would say EPERM and the program give up. In front of the filter: its
 * jumps are relative. */
static unsigned newer_calls(const struct profile *p, struct sock_filter *code)
{
	const uint32_t audit = MACHINE == SECCOMP_X86_64 ? AUDIT_ARCH_X86_64 : AUDIT_ARCH_AARCH64;
	const struct sock_filter stub[] = {
		{ BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, arch) },
		{ BPF_JMP | BPF_JEQ | BPF_K, 0, 4, audit },
		{ BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr) },
		/* x32's numbers are the filter's own business if it has that machine */
		{ BPF_JMP | BPF_JGE | BPF_K, p->x32 ? 2 : 0, 0, 0x40000000 },
		{ BPF_JMP | BPF_JGT | BPF_K, 0, 1, (uint32_t)p->newest },
		{ BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | ENOSYS },
	};

	if ((p->default_action & 0xffff0000u) != SCMP_ACT_ERRNO(0) || p->newest <= 0)
		return 0;
	memcpy(code, stub, sizeof stub);
	return ARRAY_SIZE(stub);
}

static int write_code(const void *code, size_t size, struct err *e)
{
	int r = fs_write_all(STDOUT_FILENO, code, size);

	return r < 0 ? err_set(e, -r, "cannot write the filter: %s", strerror(-r)) : 0;
}

static int export(struct profile *p, struct err *e)
{
	auto_free struct sock_filter *code = xcalloc(BPF_MAXINSNS + 1, sizeof *code);
	auto_close int file = memfd_create("filter", MFD_CLOEXEC);
	unsigned n = newer_calls(p, code);
	int r = file < 0 ? -errno : seccomp_export_bpf(p->filter, file);
	ssize_t size;

	if (r < 0 || lseek(file, 0, SEEK_SET) < 0)
		return err_set(e, r < 0 ? -r : errno, "cannot make the filter: %s", strerror(-r));
	size = fs_read_full(file, code + n, (BPF_MAXINSNS + 1 - n) * sizeof *code);
	if (size <= 0 || (size_t)size / sizeof *code + n > BPF_MAXINSNS)
		return err_set(e, E2BIG, "the filter has more than %d instructions", BPF_MAXINSNS);
	return write_code(code, (size_t)size + n * sizeof *code, e);
}

static int compile(const json_t *profile, struct profile *p, struct err *e)
{
	json_t *rule;
	size_t i;

	if (action_of(p, json_str(profile, "defaultAction", ""),
		    json_int(profile, "defaultErrnoRet", EPERM), &p->default_action, e) < 0)
		return err_wrap(e, "defaultAction");
	p->filter = seccomp_init(p->default_action);
	if (!p->filter)
		return err_set(e, EINVAL, "cannot make a filter with this default action");
	/* a binary tree, where libseccomp would compare one number after the other */
	seccomp_attr_set(p->filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (add_arches(p, profile, e) < 0)
		return -e->code;
	if (json_object_get(profile, "syscalls") &&
		json_typeof(json_object_get(profile, "syscalls")) != JSON_ARRAY &&
		!json_is_null(json_object_get(profile, "syscalls")))
		return err_set(e, EINVAL, "'syscalls' is not a list");
	json_array_foreach(json_object_get(profile, "syscalls"), i,
		rule) if (add_syscalls(p, rule, e) < 0) return err_wrap(e, "syscalls[%zu]", i);
	return export(p, e);
}

static int compile_profile(uint64_t caps, bool listened, struct err *e)
{
	struct profile p = { .caps = caps, .newest = -1, .listened = listened };
	auto_free char *text = xmalloc(PROFILE_MAX + 1);
	ssize_t n = fs_read_full(STDIN_FILENO, text, PROFILE_MAX + 1);
	auto_json *json = NULL;
	int r;

	if (n < 0 || n > (ssize_t)PROFILE_MAX)
		return err_set(e, E2BIG, "the profile is larger than %u bytes", PROFILE_MAX);
	if (json_parse(text, (size_t)n, "seccomp profile", &json, e) < 0)
		return -e->code;
	if (!json_is_object(json))
		return err_set(e, EINVAL, "the seccomp profile is not an object");
	r = compile(json, &p, e);
	seccomp_release(p.filter);
	return r;
}

static int make_default(uint64_t caps, struct err *e)
{
	auto_free struct seccomp_program *p = xcalloc(1, sizeof *p);

	seccomp_rules(MACHINE, caps, p);
	return write_code(p->code, p->used * sizeof *p->code, e);
}

int main(int argc, char **argv)
{
	struct err e = { 0 };
	char *end = NULL;
	uint64_t caps = argc == 3 ? strtoull(argv[2], &end, 16) : 0;
	int r;

	if (argc != 3 || !*argv[2] || *end ||
		(!str_eq(argv[1], "default") && !str_eq(argv[1], "profile") &&
			!str_eq(argv[1], "listened"))) {
		fprintf(stderr,
			"usage: redock-seccomp default|profile|listened CAPMASK (hexadecimal)\n");
		return 2;
	}
	r = str_eq(argv[1], "default") ? make_default(caps, &e)
				       : compile_profile(caps, str_eq(argv[1], "listened"), &e);
	if (r < 0)
		fprintf(stderr, "%s\n%s\n", e.text, e.hint);
	return r < 0;
}
