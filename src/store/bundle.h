#pragma once
/*
 * A collection of images outside of the store, as `load` gets it: a tar archive, plain or
 * compressed, from a file or a pipe, or a directory. Its files by their names.
 *
 * An archive's files are written into an operation's directory as they come, since a pipe cannot be
 * read twice and says at its end what its beginning was; a layer's file then becomes the blob.
 */
#include "store/write.h"

struct bundle;
/* `fd`: of the archive or the directory. `op` and both outlive it. */
int bundle_open(struct op *op, int fd, const struct teller *, struct bundle **ret, struct err *e);
void bundle_free(struct bundle *);
static inline void bundle_cleanup(struct bundle **b)
{
	bundle_free(*b);
}
#define auto_bundle __attribute__((cleanup(bundle_cleanup))) struct bundle

bool bundle_has(const struct bundle *, const char *name);
/* A regular file of it, links followed inside it: an fd to read, its size. */
int bundle_file(struct bundle *, const char *name, uint64_t *ret_size, struct err *e);
/* All of a small one; the caller frees. */
int bundle_read(
	struct bundle *, const char *name, size_t max, char **ret, size_t *ret_len, struct err *e);
/* The name of it in the operation's directory; NULL: it lies elsewhere. */
const char *bundle_spooled(struct bundle *, const char *name);
