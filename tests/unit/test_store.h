#pragma once
/* What the store's tests share: a private directory, small archives, and looking at results. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "store/write.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

struct place_to_test {
	char path[64];
	int fd;
};

static inline void place_make(struct place_to_test *p)
{
	memcpy(p->path, "/tmp/redock-store-XXXXXX", 25);
	assert_non_null(mkdtemp(p->path));
	p->fd = open(p->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(p->fd >= 0);
}

static inline void place_remove(struct place_to_test *p)
{
	struct err e = { 0 };

	close_fd(&p->fd);
	assert_int_equal(fs_remove_tree(AT_FDCWD, p->path, &e), 0);
}

static inline int make_dir(int at, const char *name)
{
	struct err e = { 0 };
	int fd = fs_open_dir_make(at, name, 0755, &e);

	assert_true(fd >= 0);
	return fd;
}

static inline void put_file(int at, const char *name, const char *text)
{
	int fd = openat(at, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(fs_write_all(fd, text, strlen(text)), 0);
	close(fd);
}

static inline void check_file(int at, const char *name, const char *text)
{
	auto_free char *there = NULL;
	struct err e = { 0 };

	if (fs_read_file(at, name, 1 << 20, &there, NULL, &e) < 0)
		fail_msg("%s", e.text);
	assert_string_equal(there, text);
}

static inline bool exists(int at, const char *name)
{
	struct stat st;

	return fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}
