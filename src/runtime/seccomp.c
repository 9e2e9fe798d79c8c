#include "runtime/seccomp.h"
#include "base/mem.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
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
