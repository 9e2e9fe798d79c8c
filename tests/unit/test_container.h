#pragma once
/* Containers for tests of runtime/: a root file system with busybox, and how to run something in
 * it. */
#include "runtime/exec.h"
#include "runtime/posture.h"
#include "runtime/process.h"
#include "test_base.h"

#include <linux/filter.h>
#include <linux/mount.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#define BUSYBOX "/bin/busybox"

static struct place place;
static char rootfs[64], volume[64];

static inline int setup(void **state)
{
	static const char *const applets[] = { "sh", "cat", "ls", "id", "stat", "touch", "mount",
		"grep", "readlink", "hostname", "true", "sleep", "head", "tty", "wc", "env",
		"mkdir", "stty", "date", "uname", "chown" };
	auto_close int in = open(BUSYBOX, O_RDONLY | O_CLOEXEC), out = -1;
	struct stat st;

	(void)state;
	if (in < 0)
		return -1;
	place_make(&place);
	assert_int_equal(mkdirat(place.fd, "root", 0755), 0);
	assert_int_equal(mkdirat(place.fd, "volume", 0755), 0);
	snprintf(rootfs, sizeof rootfs, "%s/root", place.path);
	snprintf(volume, sizeof volume, "%s/volume", place.path);
	for (const char *const *d = (const char *const[]){ "root/bin", "root/etc", "root/data",
		     "root/dev", "root/proc", "root/sys", NULL };
		*d; d++)
		assert_int_equal(mkdirat(place.fd, *d, 0755), 0);
	out = openat(place.fd, "root/bin/busybox", O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	assert_int_equal(fstat(in, &st), 0);
	assert_int_equal(sendfile(out, in, NULL, (size_t)st.st_size), st.st_size);
	for (size_t i = 0; i < ARRAY_SIZE(applets); i++) {
		auto_free char *path = xasprintf("root/bin/%s", applets[i]);
		assert_int_equal(symlinkat("busybox", place.fd, path), 0);
	}
	put_text(place.fd, "root/etc/group", "root:x:0:\nadm:x:4:\nstaff:x:50:\n");
	put_text(place.fd, "root/etc/passwd",
		"root:x:0:0::/:/bin/sh\nuser:x:1000:1000::/:/bin/sh\n");
	put_text(place.fd, "root/data/file", "of the image\n");
	put_text(place.fd, "root/data/plain", "no program");
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	place_remove(&place);
	return 0;
}

/* Nobody makes the group of these tests. */
static inline void limit_nothing(struct spec *s)
{
	cgroup_resources_release(&s->resources);
}

static inline void fill(struct spec *s, const char *script)
{
	posture_fill(s);
	s->id = xstrdup("test");
	s->rootfs = xstrdup(rootfs);
	s->state_dir = xstrdup(place.path);
	s->cgroup = xstrdup("redock-unit-test/none");
	limit_nothing(s);
	s->network = SPEC_NETWORK_HOST;
	s->hostname = xstrdup("inside");
	strv_push(&s->args, "/bin/sh");
	strv_push(&s->args, "-c");
	strv_push(&s->args, script);
	strv_push(&s->env, "PATH=/bin");
}

static inline char *read_all(int fd)
{
	char *text = xcalloc(1, 65536);
	size_t len = 0;
	ssize_t n;

	while (len < 65535 && (n = read(fd, text + len, 65535 - len)) > 0)
		len += (size_t)n;
	while (len && text[len - 1] == '\n')
		text[--len] = '\0';
	return text;
}

static inline int wait_for(pid_t pid)
{
	int status = 0;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Runs it to its end: its output, without the last newline. */
static inline char *run(struct spec *s, struct strv *ret_warnings)
{
	struct process p = PROCESS_INIT;
	struct err e = { 0 };
	int status;
	char *out;

	if (process_create(s, -1, &p, &e) < 0 || process_start(s, &p, -1, &status, &e) < 0)
		fail_msg("%s", e.text);
	out = read_all(p.std_out);
	wait_for(p.pid);
	if (ret_warnings) {
		*ret_warnings = p.warnings;
		p.warnings = (struct strv){ 0 };
	}
	process_release(&p);
	return out;
}

static inline void expect(struct spec *s, const char *wanted)
{
	auto_free char *out = run(s, NULL);

	assert_string_equal(out, wanted);
}

/* The error of one that cannot be started. */
static inline int refused(struct spec *s, struct err *e)
{
	struct process p = PROCESS_INIT;
	int status = 125;

	if (process_create(s, -1, &p, e) == 0) {
		assert_true(process_start(s, &p, -1, &status, e) < 0);
		kill(p.pid, SIGKILL);
		wait_for(p.pid);
		process_release(&p);
	}
	assert_true(e->text[0]);
	return status;
}

static inline struct spec_mount *add_bind(struct spec *s, const char *source, const char *target)
{
	struct spec_mount *m = spec_add_mount(s);

	m->type = SPEC_BIND;
	m->source = xstrdup(source);
	m->target = xstrdup(target);
	return m;
}
