#pragma once
/*
 * The writing half of the store: what runs inside redock-store and nowhere else.
 *
 * Every change is an operation: a directory below tmp/ with a lock file that its process holds.
 * All is written and brought to the disk there, then gets its names under the store's lock, in
 * the order blobs, layer, image.  So a process that dies anywhere leaves the old state whole, and
 * its directory to the next operation, which sees that nobody holds the lock and removes it.
 */
#include "base/err.h"
#include "store/internal.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#define ENTRY_NAME_MAX  4096
#define ENTRY_DEPTH_MAX 255
#define ENTRIES_MAX     4000000
#define ENTRY_EXTRA_MAX ((size_t)1 << 20) /* extended attributes or one pax header */
#define UNPACKED_MAX    ((uint64_t)1 << 40)
/* A layer that expands more than this is a bomb, once it is large enough to hurt. */
#define RATIO_MAX  200
#define RATIO_FROM ((uint64_t)1 << 30)

/* Lines for the person who waits, and the moment when a tree has been read. Any may be NULL. */
struct teller {
	void (*progress)(void *arg, const char *line);
	void (*moment)(void *arg, const char *line); /* how far it is */
	void (*read_done)(void *arg);
	void *arg;
};
void tell(const struct teller *, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "unpacked 12 MB", if *told, a moment of time_monotonic(), is a while ago. */
void tell_bytes(const struct teller *, const char *done, uint64_t bytes, int64_t *told);

/* ---- op.c: operations and the store's lock ---- */

struct op {
	struct store *store;
	int dir_fd, lock_fd;
	char name[33];
	unsigned trash;
};
#define OP_INIT                                                                                    \
	{                                                                                          \
		.dir_fd = -1, .lock_fd = -1                                                        \
	}
#define OP_INGESTS "ingest" /* a file in its directory: it lets an image in */
/* Begins one, and removes what dead ones left behind. */
int op_begin(struct store *, struct op *ret, struct err *e);
/* Removes all that has not been published. */
void op_end(struct op *);
#define auto_op __attribute__((cleanup(op_end))) struct op
/* The store's lock; closing the fd unlocks. */
int op_lock(struct op *, struct err *e);
/* Moves `name` below `dirfd` into the operation's directory, where op_end() removes it: a rename
 * takes no time, so that a lock need not be held while a tree is removed. Missing is fine. */
int op_discard(struct op *, int dirfd, const char *name, struct err *e);
/* Brings a tree of `entries` files and directories to the disk. */
int tree_sync(int fd, uint64_t entries, struct err *e);

/* ---- blob.c: files named by their digest ---- */

struct blob {
	int fd; /* -1: only the digest is wanted */
	void *sha;
	char *buffer;
	size_t used;
	uint64_t size, flushed;
	/* if > 0: a pipe that is told how many bytes the file has, as uint64_t, when there are more
	 */
	int follower;
	uint64_t written;
	uint64_t skip;               /* so many bytes are in the file already, at its beginning */
	bool stream;                 /* no file of the store's, and no digest */
	const struct teller *teller; /* of a stream: is told how much was copied; may be NULL */
	int64_t told;
	void (*stalled)(void *arg); /* called once if nobody reads the stream; may be NULL */
	void *stalled_arg;
};
#define BLOB_INIT                                                                                  \
	{                                                                                          \
		.fd = -1                                                                           \
	}
/* Makes file `name` below `dirfd`; NULL: no file. */
int blob_create(int dirfd, const char *name, struct blob *ret, struct err *e);
/* They go to the end of `fd` (taken over; -1: no file), which has the first `have` of them already.
 */
int blob_continue(int fd, uint64_t have, struct blob *ret, struct err *e);
/* The bytes go to `fd` (borrowed) and nobody wants to know their digest. */
void blob_to_stream(int fd, struct blob *ret);
/* They are counted, and that is all. */
void blob_to_nowhere(struct blob *ret);
int blob_write(struct blob *, const void *data, size_t len, struct err *e);
/* The first `size` bytes of a file, into a stream, without a way through our own memory. */
int blob_send(struct blob *, int fd, uint64_t size, struct err *e);
/* Flushes, and computes the digest; what has been written is not on the disk yet. */
int blob_digest(struct blob *, struct digest *ret, struct err *e);
/* Flushes, syncs (a stream is only flushed, and `ret` may be NULL); the file stays open until the
 * release. */
int blob_finish(struct blob *, struct digest *ret, struct err *e);
void blob_release(struct blob *);
#define auto_blob __attribute__((cleanup(blob_release))) struct blob

/* ---- stream.c: an archive, compressed or not, as a sequence of entries ---- */

struct archive_entry;
struct tar_stream;
struct tar_stream_options {
	int fd;
	/* Instead of that, if not NULL: the next piece of the archive, its size (more than a few
	 * bytes, unless it is the last), 0 at the end, -errno. */
	ssize_t (*read)(void *arg, const void **ret, struct err *e);
	void *read_arg;
	struct blob *blob;  /* gets the uncompressed stream */
	uint64_t max_bytes; /* of that; 0: UNPACKED_MAX */
	const struct teller *teller;
	const char *done; /* what is told of it; NULL: "unpacked" */
};
int tar_stream_open(const struct tar_stream_options *, struct tar_stream **ret, struct err *e);
void tar_stream_close(struct tar_stream *);
/* 1 and an entry that is valid until the next call, or 0 at the end of the archive. */
int tar_stream_next(struct tar_stream *, struct archive_entry **ret, struct err *e);
/* The next piece of the entry's content: 1, or 0 at its end. */
int tar_stream_data(
	struct tar_stream *, const void **ret, size_t *ret_len, int64_t *ret_offset, struct err *e);
/* Reads what follows the archive's end, so that the blob gets the whole stream. */
int tar_stream_drain(struct tar_stream *, struct err *e);
/* What an archive's first bytes say: none that is known is a plain one. */
enum compression { COMPRESSION_NONE, COMPRESSION_GZIP, COMPRESSION_ZSTD, COMPRESSION_OTHER };
enum compression compression_of(const void *data, size_t n);
enum compression tar_stream_compression(const struct tar_stream *);

/* ---- apply.c: a layer's archive becomes a tree ---- */

struct layer_apply {
	int archive_fd;
	struct tar_stream *stream; /* instead of that, if not NULL: open already, borrowed */
	int tree_fd;               /* an empty directory, the layer's root */
	int scratch_fd;            /* a directory for a scratch file, outside the tree */
	struct blob *blob;         /* as in tar_stream_options */
	uint64_t max_bytes; /* quota for the stream and for the files' sizes; 0: UNPACKED_MAX */
	const struct teller *teller;
	uint64_t *ret_bytes; /* if not NULL: the sizes of all files together */
};
/* Returns the number of entries in *ret_entries. The tree is not synced. */
int layer_apply(const struct layer_apply *, uint64_t *ret_entries, struct err *e);

/* ---- diff.c: trees become a layer's archive ---- */

/* Writes what overlay directories `fds` (the topmost first) hold. One: a layer, with whiteouts.
 * More: the complete tree that overlayfs would show. Equal trees make equal archives. */
int layer_diff(const int *fds, size_t n, struct blob *blob, uint64_t *ret_entries, struct err *e);

/* The same of one tree, to be compared: without the times of directories, which an archive need not
 * say, so that they are those of when it was unpacked. */
int layer_content(int fd, struct blob *blob, struct err *e);

/* Files as they are, into an archive that is no layer. */
struct packer;
struct packer *packer_new(struct blob *blob);
void packer_free(struct packer *);
static inline void packer_cleanup(struct packer **p)
{
	packer_free(*p);
}
#define auto_packer __attribute__((cleanup(packer_cleanup))) struct packer
/* `name` in `dir` (itself, if it is a symbolic link) under the name `as`, and all below it, mounts
 * too, except what the kernel makes up (/proc). `as` "": a directory's content becomes the top. */
int packer_put(struct packer *, int dir, const char *name, const char *as, struct err *e);

/* ---- tar.c: one entry of a pax archive ---- */

struct xattr_list;
struct tar_entry {
	const char *path, *link; /* link: target of a symbolic or hard link */
	char type;               /* typeflag of ustar: '0' '1' '2' '3' '4' '5' '6' */
	mode_t mode;
	uid_t uid;
	gid_t gid;
	uint64_t size;
	struct timespec mtime;
	dev_t device;
	const struct xattr_list *xattrs;
};
int tar_put_entry(struct blob *, const struct tar_entry *, struct err *e);
int tar_put_padding(struct blob *, uint64_t size, struct err *e);
int tar_put_end(struct blob *, struct err *e);

/* ---- xattr.c ---- */

struct xattr {
	char *name, *value;
	size_t len;
};
struct xattr_list {
	struct xattr *v;
	size_t n;
	bool opaque; /* of an overlay directory: what lies below it is hidden */
};
/* Those that belong to the content, by name. -EOPNOTSUPP for what overlay features leave that
 * cannot be saved (redirects, metadata-only copies). */
int xattr_read(int fd, const char *path, struct xattr_list *ret, struct err *e);
void xattr_release(struct xattr_list *);
#define auto_xattrs __attribute__((cleanup(xattr_release))) struct xattr_list
/* True for a name that a layer may carry. */
bool xattr_is_content(const char *name);
int xattr_set(int fd, const char *name, const void *value, size_t len, struct err *e);
int xattr_set_opaque(int fd, struct err *e);

/* ---- links.c: which inode was first met under which path ---- */

struct links {
	struct link_seen *v;
	size_t n, size;
};
/* The path under which it was met before; NULL the first time, when `path` is remembered. */
const char *links_meet(struct links *, dev_t dev, ino_t ino, const char *path);
void links_release(struct links *);

/* ---- document.c: configs and manifests ---- */

/* $SOURCE_DATE_EPOCH (reproducible-builds.org), else now, in RFC 3339. */
void document_now(char ret[36]);
/* An image's config: the parent's (NULL: a new one) with the request's settings, one more history
 * entry and, if not NULL, one more layer. `flatten`: that layer is all there is. */
json_t *document_config(const json_t *parent, const json_t *request, const char *diff_id,
	bool flatten, const char *now);
struct document_blob {
	struct digest digest;
	uint64_t size;
};
json_t *document_manifest(const json_t *parent, const struct document_blob *config,
	const struct document_blob *layer, bool flatten);

/* ---- publish.c, collect.c ---- */

struct publish_blob {
	char name[72]; /* in the operation's directory */
	bool partial;  /* no: below partial/ */
	struct document_blob is;
};
struct publish_layer {
	char name[24]; /* in the operation's directory: fs/ and what layer_seal() wrote */
	struct digest diff_id;
};
struct publish {
	struct publish_blob *blobs;
	size_t n_blobs;
	struct publish_layer *layers;
	size_t n_layers;
	const struct image_ref *names;
	size_t n_names;
	struct digest manifest, config;
	struct digest origin; /* as the registry knows it; empty: it does not */
	bool collect;         /* then drop what is not needed any more, also if the names are new */
};
void publish_release(struct publish *); /* not the names */
struct publish_blob *publish_add_blob(struct publish *);
void publish_add_layer(struct publish *, const char *name, const struct digest *diff_id);
int publish(struct op *, const struct publish *, struct err *e);
/* Says in the layer's directory what it is: last, when all of it is there. */
int layer_seal(int layer_fd, const struct digest *diff_id, uint64_t bytes, enum fs_durability,
	struct err *e);
/* Drops all blobs and layers that neither images nor pins need. With the store's lock held. */
int collect_garbage(struct op *, struct err *e);
/* Calls `each` for those: none while another process lets an image in. The same lock, shared. */
typedef int collect_each_fn(void *arg, int dirfd, const char *name, struct err *e);
int collect_each(struct op *, collect_each_fn *each, void *arg, struct err *e);
/* Writes index.json anew from images/. */
int index_write(struct store *, struct err *e);
/* 1 if it says what images/ does, 0; -errno: it cannot be read. */
int index_is_current(struct store *, struct err *e);

/* ---- change.c: the operations themselves ---- */

/* The request as client.c writes it. ret_id is the image's id, empty after a removal. */
int change_run(struct store *, const json_t *request, int data_fd, const struct teller *,
	struct digest *ret_id, struct err *e);
/* Writes the whole tree of a container as an archive. */
int change_export(struct store *, const json_t *request, int upper_fd, int out_fd,
	const struct teller *, struct err *e);

/* ---- files_run.c: files in and out, without the store ---- */

/* False when the request is for something else. */
bool files_run(
	const json_t *request, const struct teller *, json_t **ret_stat, int *ret, struct err *e);
/* Calls the teller's read_done once if the stream's reader takes nothing for a while. */
void files_watch_reader(struct blob *, const struct teller *);
