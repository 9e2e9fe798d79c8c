#include "runtime/seccomp.h"
#include "base/fs.h"
#include "base/mem.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "seccomp-default.inc"
#ifndef SECCOMP_DEFAULT_FILTER
#error "seccomp-gen.c has no filter for this machine type"
#endif

int seccomp_apply_default(struct err *e)
{
	struct sock_fprog program = {
		.len = ARRAY_SIZE(default_filter),
		.filter = (struct sock_filter *)default_filter,
	};

	/* speculation mitigations are left as they are: the kernel's own default since 5.16 */
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW,
		    &program) < 0)
		return err_errno(e, "cannot load the seccomp filter");
	return 0;
}

int seccomp_apply_file(int fd, unsigned flags, bool notify, int *ret_listener, struct err *e)
{
	auto_free struct sock_filter *code = NULL;
	struct sock_fprog program;
	struct stat st;
	long r;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size <= 0 ||
		st.st_size > (off_t)(BPF_MAXINSNS * sizeof *code) ||
		st.st_size % (off_t)sizeof *code)
		return err_set(e, EINVAL, "the seccomp filter's file is damaged");
	code = xmalloc((size_t)st.st_size);
	if (fs_pread_full(fd, code, (size_t)st.st_size, 0) != st.st_size)
		return err_set(e, EIO, "cannot read the seccomp filter");
	program = (struct sock_fprog){ (unsigned short)((size_t)st.st_size / sizeof *code), code };
	r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		flags | (notify ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0), &program);
	if (r < 0)
		return err_errno(e, "cannot load the seccomp filter");
	*ret_listener = notify ? (int)r : -1;
	return 0;
}
