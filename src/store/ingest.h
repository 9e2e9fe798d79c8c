#pragma once
/*
 * The one door through which an image from elsewhere (registry, archive) enters the store. It
 * belongs to the writing half (write.h): for the helper programs alone.
 *
 *   ingest_begin()        an operation below tmp/; nothing is collected while one lives
 *   ingest_index()        if there is one: its bytes are kept, the caller picks a manifest
 *   ingest_manifest()     its bytes are kept as they came, so that its digest survives a push
 *   ingest_config()       then ingest_wants_layer() can tell which layers have to be got
 *   ingest_layer_*()      each layer in a process of its own, as many at once as one likes:
 *                         verifies, writes the blob and unpacks the tree in one pass
 *   ingest_finish()       all gets its names, in the order blobs, layers, image
 *   ingest_free()         what has no name yet is removed
 *
 * Nothing has a name in the store before its digest, its size and its diff-id are verified.
 * What came of an interrupted layer stays in partial/<hex>, and the next attempt goes on there.
 *
 * A docker archive has no manifest: ingest_config_alone() instead of manifest and config, layers
 * without known digests, and ingest_finish() writes an OCI manifest.
 */
#include "store/manifest.h"
#include "store/store.h"
#include "store/write.h"

struct ingest;

struct ingest_options {
	const struct teller *teller; /* may be NULL */
	uint64_t max_bytes;          /* of one unpacked layer; 0: UNPACKED_MAX */
};
int ingest_begin(struct store *, const struct ingest_options *, struct ingest **ret, struct err *e);
/* Ends the processes of layers that have not been waited for. NULL is fine. */
void ingest_free(struct ingest *);
static inline void ingest_cleanup(struct ingest **in)
{
	ingest_free(*in);
}
#define auto_ingest __attribute__((cleanup(ingest_cleanup))) struct ingest

/* ---- documents: verified, kept verbatim ---- */

struct ingest_document {
	const void *data;
	size_t len;
	const char *media_type;      /* as in manifest_parse() */
	const struct digest *digest; /* what it must have; NULL: any */
	int64_t size;                /* what it must have; -1: any */
};
/* An index; its digest is then the one under which the image is known (RepoDigests). *ret is the
 * caller's to release. */
int ingest_index(
	struct ingest *, const struct ingest_document *, struct manifest *ret, struct err *e);
int ingest_manifest(struct ingest *, const struct ingest_document *, struct err *e);
/* Valid from then on until the end; NULL before. */
const struct manifest *ingest_get_manifest(const struct ingest *);
/* False when the store has that config: then it has been taken from there. After the manifest. */
bool ingest_wants_config(struct ingest *);
int ingest_config(struct ingest *, const void *data, size_t len, struct err *e);
int ingest_config_alone(struct ingest *, const void *data, size_t len, struct err *e);

/* ---- layers, by their place: 0 is the lowest. After the config ---- */

size_t ingest_layers(const struct ingest *);
/* False when nothing of it has to come: the store has its blob (and then unpacks it by itself, if
 * it must), or a layer below is the same one. */
bool ingest_wants_layer(struct ingest *, size_t i);
/* A process begins to take layer `i` from a pipe; returns the end to write to, O_CLOEXEC and
 * blocking, for the caller to close when all is written. *ret_have bytes are here already, from an
 * earlier attempt: the pipe gets what follows those, perhaps nothing. More attempts may write
 * to the same pipe, one after the other. When the process has ended early, writes fail with EPIPE
 * (ignore SIGPIPE), and ingest_layer_wait() says why. */
int ingest_layer_open(struct ingest *, size_t i, uint64_t *ret_have, struct err *e);
/* The same from `size` bytes of a regular file, read by pread(2) from `at` on. */
int ingest_layer_file(struct ingest *, size_t i, int fd, uint64_t at, uint64_t size, struct err *e);
/* The same from all of regular file `name` in `dir`, on the store's file system: it becomes the
 * blob as it is, by another link to it. Nobody may write to it any more. */
int ingest_layer_link(struct ingest *, size_t i, int dir, const char *name, struct err *e);
/* The process of layer `i`, to poll for its end; borrowed, -1 when there is none. */
int ingest_layer_pidfd(const struct ingest *, size_t i);
/* Waits until it has ended, and tells what it says. -EBADMSG: what came is not what was asked for
 * (after that nothing of it is kept: a second attempt starts from its first byte). -EPIPE: the
 * stream ended too early, and what came is kept. */
int ingest_layer_wait(struct ingest *, size_t i, struct err *e);

/* ---- the end ---- */

/* Names the image (none of them: it is known by its id alone) after all is on the disk. Layers that
 * were not wanted are unpacked first where that is needed. `ret` gets the image's id. */
int ingest_finish(struct ingest *, const struct image_ref *names, size_t n_names,
	struct digest *ret_id, struct err *e);
/* The manifest's digest; after ingest_finish(). */
const struct digest *ingest_manifest_digest(const struct ingest *);
