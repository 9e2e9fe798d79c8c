/* Filters that redock-seccomp makes, as a process under them meets them (runs as root). */
#include "runtime/seccomp-compile.h"
#include "runtime/posture.h"
#include "runtime/seccomp.h"
#include "test_base.h"

#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static struct place place;

static int setup(void **state)
{
	(void)state;
	place_make(&place);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	place_remove(&place);
	return 0;
}

#define KILLED 1000

/* errno of one call (0: it succeeded) in a child under the filter in `name`; KILLED and the signal
 * if it does not live through that. */
static int under(const char *name, long number, unsigned long a, unsigned long b)
{
	auto_close int fd = openat(place.fd, name, O_RDONLY | O_CLOEXEC);
	struct err e = { 0 };
	int status, ends[2], got = -1, listener;
	pid_t pid;

	assert_true(fd >= 0);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		signal(SIGSYS, SIG_DFL); /* cmocka has a handler */
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
			seccomp_apply_file(fd, 0, false, &listener, &e) < 0)
			_exit(99);
		got = syscall(number, a, b, 0, 0, 0, 0) < 0 ? errno : 0;
		_exit(fs_write_all(ends[1], &got, sizeof got) < 0);
	}
	close(ends[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status))
		got = KILLED + WTERMSIG(status);
	else if (read(ends[0], &got, sizeof got) != sizeof got)
		fail_msg("the child ended with %d", status);
	close(ends[0]);
	return got;
}

static int compile(const char *profile, uint64_t caps, struct err *e)
{
	return seccomp_compile(profile, caps, false, place.fd, "filter", e);
}

static void good(const char *profile, uint64_t caps)
{
	struct err e = { 0 };

	if (compile(profile, caps, &e) < 0)
		fail_msg("%s", e.text);
}

#define BIT(n) (UINT64_C(1) << (n))

/* Docker's rules that go with capabilities: mount(2) of bad pointers fails in the kernel, not in
 * the filter. */
static void test_default(void **state)
{
	struct err e = { 0 };

	(void)state;
	assert_int_equal(compile(NULL, posture_caps, &e), 0);
	assert_int_equal(under("filter", SYS_unshare, CLONE_NEWNS, 0), EPERM);
	assert_int_equal(under("filter", SYS_mount, 1, 1), EPERM);
	assert_int_equal(under("filter", SYS_getpid, 0, 0), 0);
	assert_int_equal(compile(NULL, posture_caps | BIT(CAP_SYS_ADMIN), &e), 0);
	assert_int_equal(under("filter", SYS_unshare, CLONE_NEWNS, 0), 0);
	assert_int_equal(under("filter", SYS_mount, 1, 1), EFAULT);
	assert_int_equal(under("filter", SYS_clone3, 0, 0), EINVAL);
	assert_int_equal(under("filter", SYS_kexec_load, 0, ~0ul), EPERM);
	assert_int_equal(compile(NULL, BIT(CAP_SYSLOG), &e), 0);
	assert_int_equal(under("filter", SYS_syslog, 99, 0), EINVAL);
	assert_int_equal(under("filter", SYS_mount, 1, 1), EPERM);
}

/* What says that no filter has to be made makes no difference to the filter. */
static void test_needs_compile(void **state)
{
	auto_free char *plain = NULL;
	size_t plain_len;
	struct err e = { 0 };

	(void)state;
	assert_false(seccomp_needs_compile(posture_caps));
	assert_int_equal(compile(NULL, 0, &e), 0);
	assert_int_equal(fs_read_file(place.fd, "filter", 1 << 20, &plain, &plain_len, &e), 0);
	for (unsigned n = 0; posture_cap_name(n); n++) {
		auto_free char *code = NULL;
		size_t len;
		bool same;
		assert_int_equal(compile(NULL, BIT(n), &e), 0);
		assert_int_equal(fs_read_file(place.fd, "filter", 1 << 20, &code, &len, &e), 0);
		same = len == plain_len && memcmp(code, plain, len) == 0;
		if (same == seccomp_needs_compile(BIT(n)))
			fail_msg("CAP_%s", posture_cap_name(n));
	}
}

#define ALLOW_MOST                                                                                 \
	"{\"names\":[\"read\",\"write\",\"exit_group\",\"close\",\"rt_sigreturn\"],"               \
	"\"action\":\"SCMP_ACT_ALLOW\"},"
#define PROFILE(rules)                                                                             \
	"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":77,\"syscalls\":[" ALLOW_MOST   \
		rules "]}"

static void test_docker_format(void **state)
{
	const char *profile =
		PROFILE("{\"names\":[\"mount\"],\"action\":\"SCMP_ACT_ALLOW\","
			"\"includes\":{\"caps\":[\"CAP_SYS_ADMIN\"]}},"
			"{\"name\":\"getpid\",\"action\":\"SCMP_ACT_ALLOW\",\"excludes\":{\"caps\":"
			"[\"CAP_SYS_ADMIN\"]}},"
			"{\"names\":[\"getuid\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{"
			"\"minKernel\":\"4.8\"}},"
			"{\"names\":[\"geteuid\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{"
			"\"minKernel\":\"99.0\"}},"
			"{\"names\":[\"getgid\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{"
			"\"arches\":[\"s390x\"]}},"
			"{\"names\":[\"getegid\",\"no_such_call\"],\"action\":\"SCMP_ACT_ALLOW\","
			"\"includes\":{\"arches\":[\"amd64\",\"arm64\"]}},"
			"{\"names\":[\"umask\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":38},"
			"{\"names\":[\"sync\"],\"action\":\"SCMP_ACT_KILL_PROCESS\"}");

	(void)state;
	good(profile, 0);
	assert_int_equal(under("filter", SYS_mount, 1, 1), 77);
	assert_int_equal(under("filter", SYS_getpid, 0, 0), 0);
	assert_int_equal(under("filter", SYS_getuid, 0, 0), 0);
	assert_int_equal(under("filter", SYS_geteuid, 0, 0), 77);
	assert_int_equal(under("filter", SYS_getgid, 0, 0), 77);
	assert_int_equal(under("filter", SYS_getegid, 0, 0), 0);
	assert_int_equal(under("filter", SYS_umask, 0, 0), ENOSYS);
	assert_int_equal(under("filter", SYS_sync, 0, 0), KILLED + SIGSYS);
	/* newer than anything that the profile names: as on an older kernel */
	assert_int_equal(under("filter", 900, 0, 0), ENOSYS);
	good(profile, BIT(CAP_SYS_ADMIN));
	assert_int_equal(under("filter", SYS_mount, 1, 1), EFAULT);
	assert_int_equal(under("filter", SYS_getpid, 0, 0), 77);
}

static void test_arguments(void **state)
{
	(void)state;
	/* two conditions of two arguments: both; of one argument: either */
	good(PROFILE("{\"names\":[\"dup3\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":["
		     "{\"index\":0,\"value\":9998,\"op\":\"SCMP_CMP_EQ\"},"
		     "{\"index\":1,\"value\":3,\"op\":\"SCMP_CMP_GE\"}]},"
		     "{\"names\":[\"umask\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":["
		     "{\"index\":0,\"value\":1,\"op\":\"SCMP_CMP_EQ\"},"
		     "{\"index\":0,\"value\":2,\"op\":\"SCMP_CMP_EQ\"}]},"
		     "{\"names\":[\"personality\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":["
		     "{\"index\":0,\"value\":240,\"valueTwo\":16,\"op\":\"SCMP_CMP_MASKED_EQ\"}]}"),
		0);
	assert_int_equal(under("filter", SYS_dup3, 9998, 5), EBADF);
	assert_int_equal(under("filter", SYS_dup3, 9998, 2), 77);
	assert_int_equal(under("filter", SYS_dup3, 9997, 5), 77);
	assert_int_equal(under("filter", SYS_umask, 1, 0), 0);
	assert_int_equal(under("filter", SYS_umask, 2, 0), 0);
	assert_int_equal(under("filter", SYS_umask, 3, 0), 77);
	assert_int_equal(under("filter", SYS_personality, 0x21, 0), 77);
	assert_int_equal(under("filter", SYS_personality, 0x10, 0), 0);
}

static void test_specification_format(void **state)
{
	(void)state;
	good("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"SCMP_ARCH_X86\","
	     "\"SCMP_ARCH_X86_64\",\"SCMP_ARCH_AARCH64\"],\"syscalls\":[{\"names\":[\"umask\"],"
	     "\"action\":\"SCMP_ACT_ERRNO\"},{\"names\":[\"sync\"],\"action\":\"SCMP_ACT_TRAP\"}]}",
		0);
	assert_int_equal(under("filter", SYS_umask, 0, 0), EPERM);
	assert_int_equal(under("filter", SYS_sync, 0, 0), KILLED + SIGSYS);
	assert_int_equal(under("filter", SYS_getpid, 0, 0), 0);
}

static void test_bad(void **state)
{
	static const char *const bad[] = { "", "[]", "{}", "x",
		"{\"defaultAction\":\"SCMP_ACT_X\"}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"defaultAction\":\"SCMP_ACT_ALLOW\"}",
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":70000}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"SCMP_ARCH_VAX\"]}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[1]}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"umask\"]}]}",
		PROFILE("{\"names\":[\"umask\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":"
			"6,"
			"\"op\":\"SCMP_CMP_EQ\"}]}"),
		PROFILE("{\"names\":[\"umask\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":"
			"0,"
			"\"op\":\"=\"}]}") };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err e = { 0 };
		unlinkat(place.fd, "filter", 0);
		assert_int_equal(compile(bad[i], 0, &e), -EINVAL);
		assert_non_null(strstr(e.text, "seccomp"));
		assert_int_equal(faccessat(place.fd, "filter", F_OK, 0), -1);
	}
}

/* A process that asks somebody who is not there waits for ever. */
static void test_notify(void **state)
{
	static const char *const asking[] = {
		PROFILE("{\"names\":[\"mkdir\"],\"action\":\"SCMP_ACT_NOTIFY\"}"),
		"{\"defaultAction\":\"SCMP_ACT_NOTIFY\"}",
	};
	struct err e = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(asking); i++) {
		unlinkat(place.fd, "filter", 0);
		assert_int_equal(compile(asking[i], 0, &e), -EINVAL);
		assert_non_null(strstr(e.text, "SCMP_ACT_NOTIFY"));
		assert_non_null(strstr(e.hint, "SCMP_ACT_ERRNO"));
		assert_int_equal(faccessat(place.fd, "filter", F_OK, 0), -1);
	}
	assert_int_equal(seccomp_compile(asking[0], 0, true, place.fd, "filter", &e), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_default),
		cmocka_unit_test(test_needs_compile),
		cmocka_unit_test(test_docker_format),
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_specification_format),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_notify),
	};

	return cmocka_run_group_tests_name("runtime_profile", tests, setup, teardown);
}
