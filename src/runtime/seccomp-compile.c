#include "runtime/seccomp-compile.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/proc.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/mman.h>

#define FILTER_MAX (4096u * 8 + 1) /* BPF_MAXINSNS instructions */

bool seccomp_needs_compile(uint64_t caps)
{
	/* those of seccomp-rules.c; a test compares */
	static const unsigned bring[] = { CAP_DAC_READ_SEARCH, CAP_SYS_ADMIN, CAP_SYS_BOOT,
		CAP_SYS_MODULE, CAP_SYS_PACCT, CAP_SYS_PTRACE, CAP_SYS_RAWIO, CAP_SYS_TIME,
		CAP_SYS_TTY_CONFIG, CAP_SYS_NICE, CAP_SYSLOG, CAP_BPF, CAP_PERFMON };

	for (size_t i = 0; i < ARRAY_SIZE(bring); i++)
		if (caps >> bring[i] & 1)
			return true;
	return false;
}

static int memory_file(const char *text, struct err *e)
{
	auto_close int fd = memfd_create("seccomp", MFD_CLOEXEC);

	if (fd < 0 || fs_write_all(fd, text, strlen(text)) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return err_errno(e, "cannot hold the seccomp profile");
	return take_fd(&fd);
}

/* What the helper has written; its complaints are an error's text and hint, a line each. */
static int result(int status, int out, int complaints, int dirfd, const char *name, struct err *e)
{
	auto_free char *code = xmalloc(FILTER_MAX);
	char text[1200], *hint;
	ssize_t n;

	if (status != 0) {
		n = fs_pread_full(complaints, text, sizeof text - 1, 0);
		text[n > 0 ? n : 0] = '\0';
		hint = text + strcspn(text, "\n");
		if (*hint)
			*hint++ = '\0';
		hint[strcspn(hint, "\n")] = '\0';
		err_set(e, EINVAL, "%s", *text ? text : "redock-seccomp failed");
		if (*hint)
			err_hint(e, "%s", hint);
		return err_wrap(e, "cannot make a seccomp filter");
	}
	n = fs_pread_full(out, code, FILTER_MAX, 0);
	if (n <= 0 || n == FILTER_MAX)
		return err_set(e, EIO, "redock-seccomp has not written a filter");
	return fs_write_file(dirfd, name, code, (size_t)n, 0600, FS_VOLATILE, e);
}

int seccomp_compile(const char *profile, uint64_t caps, bool listened, int dirfd, const char *name,
	struct err *e)
{
	auto_free char *path = proc_helper_path("redock-seccomp");
	auto_close int in = memory_file(profile ? profile : "", e), out = memory_file("", e),
		       complaints = memory_file("", e);
	struct proc_spawn p = PROC_SPAWN_INIT;
	char mask[24];
	const char *mode = !profile ? "default" : listened ? "listened" : "profile";
	char *const argv[] = { (char *)"redock-seccomp", (char *)mode, mask, NULL };
	pid_t pid;

	if (in < 0 || out < 0 || complaints < 0)
		return -e->code;
	snprintf(mask, sizeof mask, "%llx", (unsigned long long)caps);
	p.path = path;
	p.argv = argv;
	p.fds[0] = in;
	p.fds[1] = out;
	p.fds[2] = complaints;
	pid = proc_start(&p, NULL, e);
	if (pid < 0)
		return err_wrap(e, "cannot make a seccomp filter");
	return result(proc_wait(pid), out, complaints, dirfd, name, e);
}
