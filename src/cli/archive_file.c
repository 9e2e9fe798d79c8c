#include "cli/archive_file.h"
#include "base/mem.h"
#include "base/str.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

static bool is_special(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && !S_ISREG(st.st_mode);
}

int archive_file_open(const char *path, struct archive_file *ret, struct err *e)
{
	*ret = (struct archive_file){ .path = path, .fd = 1 };
	if (!path || str_eq(path, "-")) {
		ret->path = NULL;
		return 0;
	}
	if (is_special(path)) { /* a pipe, a device: written to as it is */
		ret->fd = open(path, O_WRONLY | O_CLOEXEC);
		return ret->fd < 0 ? err_errno(e, "cannot open '%s'", path) : 0;
	}
	ret->temporary = xasprintf("%s.%d.part", path, getpid());
	ret->fd = open(ret->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (ret->fd < 0) {
		err_errno(e, "cannot create '%s'", path);
		free(take_ptr(&ret->temporary));
		return -e->code;
	}
	return 0;
}

int archive_file_end(struct archive_file *f, int result, struct err *e)
{
	if (f->path && close(f->fd) < 0 && result >= 0)
		result = err_errno(e, "cannot write '%s'", f->path);
	if (f->temporary && result >= 0 && rename(f->temporary, f->path) < 0)
		result = err_errno(e, "cannot write '%s'", f->path);
	if (f->temporary && result < 0)
		unlink(f->temporary);
	free(take_ptr(&f->temporary));
	return result;
}
