#pragma once
/* What the tests of base/, runtime/ and engine/local/ share: a private directory and small files.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/fs.h"
#include "base/mem.h"

#include <fcntl.h>
#include <string.h>

struct place {
	char path[40];
	int fd;
};

static inline void place_make(struct place *p)
{
	snprintf(p->path, sizeof p->path, "/tmp/redock-test-XXXXXX");
	assert_non_null(mkdtemp(p->path));
	p->fd = open(p->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(p->fd >= 0);
}

static inline void place_remove(struct place *p)
{
	struct err e = { 0 };

	close_fd(&p->fd);
	assert_int_equal(fs_remove_tree(AT_FDCWD, p->path, &e), 0);
}

static inline void put_text(int at, const char *name, const char *text)
{
	auto_close int fd = openat(at, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(fs_write_all(fd, text, strlen(text)), 0);
}

static inline char *get_text(int at, const char *name)
{
	struct err e = { 0 };
	char *text = NULL;

	assert_int_equal(fs_read_file(at, name, 64u << 20, &text, NULL, &e), 0);
	return text;
}
