#pragma once
/*
 * gzip streams (RFC 1952) of any number of members, by ISA-L's igzip, which has assembly for x86-64
 * and arm64.
 */
#include "base/err.h"

#include <stddef.h>
#include <sys/types.h>

/* The next piece of the compressed stream: its size, 0 at the end, -errno. */
typedef ssize_t gunzip_read(void *arg, const void **ret, struct err *e);

struct gunzip;
struct gunzip *gunzip_new(gunzip_read *, void *arg);
void gunzip_free(struct gunzip *);
/* The next piece of what it unpacks to, valid until the next call: its size, 0 at the end. -EINVAL
 * for a damaged stream, and for one that ends too early; zeros behind it are padding (as gzip(1)).
 */
ssize_t gunzip_next(struct gunzip *, const void **ret, struct err *e);
