#pragma once
/*
 * Memory and ownership.  Out of memory aborts, so every size that comes from outside has its
 * bound before it reaches an allocation.  `auto_*` variables release what they hold when they
 * go out of scope; `take_*` moves the value out and disarms them.  Clean-ups keep errno.
 */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof *(a))

void *xmalloc(size_t size) __attribute__((malloc, alloc_size(1)));
void *xcalloc(size_t count, size_t size) __attribute__((malloc, alloc_size(1, 2)));
void *xrealloc_array(void *old, size_t count, size_t size);
char *xstrdup(const char *s) __attribute__((malloc));
char *xstrndup(const char *s, size_t n) __attribute__((malloc));
char *xasprintf(const char *format, ...) __attribute__((format(printf, 1, 2), malloc));

static inline void cleanup_free(void *p)
{
	int keep = errno;
	free(*(void **)p);
	errno = keep;
}

/* Closes *fd if it is open and sets it to -1. */
static inline void close_fd(int *fd)
{
	int keep = errno;
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = keep;
}

static inline void cleanup_dir(DIR **d)
{
	int keep = errno;
	if (*d)
		closedir(*d);
	errno = keep;
}

static inline void cleanup_file(FILE **f)
{
	int keep = errno;
	if (*f)
		fclose(*f);
	errno = keep;
}

#define auto_free  __attribute__((cleanup(cleanup_free)))
#define auto_close __attribute__((cleanup(close_fd)))
#define auto_dir   __attribute__((cleanup(cleanup_dir)))
#define auto_file  __attribute__((cleanup(cleanup_file)))

static inline void *take_void(void *pp)
{
	void *p = *(void **)pp;
	*(void **)pp = NULL;
	return p;
}
#define take_ptr(pp) ((__typeof__(*(pp)))take_void(pp))

static inline int take_fd(int *fd)
{
	int f = *fd;
	*fd = -1;
	return f;
}
