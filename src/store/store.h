#pragma once
/*
 * What is on disk: blobs, layers and images, as a valid OCI image layout with the unpacked layers
 * beside it.
 *
 *   oci-layout, index.json        index.json is derived from images/, under its own lock
 *   blobs/sha256/<hex>            manifests, configs, layer archives (ours: uncompressed tar)
 *   layers/<32 hex>/{fs,diff-id,size}
 *                                 an unpacked layer; the name is the start of its diff-id, the
 *                                 file holds all of it (short names: mount(2) takes 4096 bytes)
 *   images/<key>/manifest         one directory an image name: its manifest's digest, and in a
 *                                 second line the one by which a registry knows it
 *   partial/<hex>                 what has come of a blob so far
 *   pins/<container id>           symbolic link to the digest of the manifest that the container
 * was made from, which is kept for it tmp/                          half-made things; whatever no
 * live process locks is removed
 *
 * This half only reads, and is linked into every command.  What writes (archives, digests) is the
 * helper program redock-store, spoken to through the functions at the end of this header.
 */
#include "base/err.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/str.h"
#include "store/reference.h"

#include <stdbool.h>
#include <stdint.h>

struct store;

/* Opens (making it if needed) the store below the directory `rootfd`; keeps its own dup. */
int store_open(int rootfd, struct store **ret, struct err *e);
void store_close(struct store *);

/* How a container says whether it is well: Docker's Healthcheck. */
struct image_health {
	struct strv test; /* empty; {"NONE"}; {"CMD", ARG...}; {"CMD-SHELL", COMMAND} */
	int64_t interval, timeout, start_period, start_interval; /* nanoseconds, 0: not said */
	int64_t retries;
};

/* What a container needs of an image: parsed from its config (T31: only these fields have any
 * effect). */
struct image {
	struct image_ref ref;
	struct digest manifest, config; /* config is the image id */
	struct strv layers;             /* diff-ids, "sha256:…", lowest first */
	struct strv blobs;              /* the layers' blob digests, the same order */
	struct strv env, entrypoint, cmd;
	struct strv shell;   /* of commands in shell form; empty: /bin/sh -c */
	struct strv labels;  /* KEY=value, sorted, without those that redock keeps for itself */
	struct strv exposed; /* "80/tcp", "8000-8010/udp", sorted */
	struct strv volumes; /* absolute paths without "..", sorted */
	struct image_health health;
	char *user, *workdir, *stop_signal, *author, *comment;
	char *architecture, *os; /* "amd64", "linux"; NULL: not said */
	int64_t created;
	uint64_t size; /* of its blobs, as the manifest says: see store_image_bytes() */
};
void image_release(struct image *);
#define auto_image __attribute__((cleanup(image_release))) struct image

/* The manifest that the name stands for now; -ENOENT as store_image(). */
int store_image_digest(struct store *, const struct image_ref *, struct digest *ret, struct err *e);
/* The same, and the digest by which the registry that it came from knows it (of the index, if there
 * is one): empty when it came from none. */
int store_image_origin(struct store *, const struct image_ref *, struct digest *ret,
	struct digest *ret_origin, struct err *e);
/* Loads image `ref`; -ENOENT "no image named '…'". */
int store_image(struct store *, const struct image_ref *, struct image *ret, struct err *e);
/* The same by a manifest's digest, whether a name stands for it or not (`ref` stays empty): for
 * what was made from an image whose tag has moved on. -ENOENT when it is gone. */
int store_manifest(struct store *, const struct digest *manifest, struct image *ret, struct err *e);
/* Loads image `ref` as store_image() does and keeps it for container `id` (64 hexadecimal digits),
 * whatever becomes of its name: with the store's lock held shared, so that no collection comes
 * between. Waits for that at most 60 s. On failure nothing is pinned. */
int store_pin(struct store *, const char *id, const struct image_ref *, enum fs_durability,
	struct image *ret, struct err *e);
/* Pins `manifest` for container `id`, in place of what was pinned for it: its pin is lost. */
int store_pin_again(struct store *, const char *id, const struct digest *manifest, struct err *e);
/* The container needs its image no more; a missing pin is success. Nothing is dropped yet. */
int store_unpin(struct store *, const char *id, struct err *e);
/* Ids of all containers that pin an image, in no order. */
int store_pins(struct store *, struct strv *ret, struct err *e);
/* The manifest that container `id` pins; -ENOENT when it pins none. */
int store_pin_digest(struct store *, const char *id, struct digest *ret, struct err *e);
/* An image's config as it is. */
int store_config(struct store *, const struct digest *config, json_t **ret, struct err *e);
/* All image names, sorted; the caller frees the array. */
int store_image_refs(struct store *, struct image_ref **ret, size_t *ret_n, struct err *e);
/* Directory fd of layers/, for overlay's relative lowerdir names. Owned by the store. */
int store_layers_fd(struct store *);
/* The name of layer `diff_id` below layers/ ("<32 hex>/fs"), after checking that the layer is whole
 * and is that one. `ret` holds 48 bytes. */
int store_layer_name(struct store *, const char *diff_id, char ret[48], struct err *e);

/* ---- through redock-store ---- */

/* Called with one line at a time; momentary: how far it is, and soon another. May be NULL. */
typedef void store_progress(void *arg, bool momentary, const char *line);

struct store_import {
	int fd; /* the archive, compressed or not */
	struct image_ref ref;
	char *const *cmd, *const *env;
	const char *workdir, *stop_signal, *comment, *author;
	json_t *settings; /* as of store_commit; NULL: none. Borrowed */
	store_progress *progress;
	void *progress_arg;
};
int store_import(struct store *, const struct store_import *, struct digest *ret_id, struct err *e);

struct store_commit {
	int upper_fd;         /* overlay upper directory to read */
	struct digest parent; /* manifest of the image that the container was made from */
	struct image_ref ref; /* the name to give; an empty repository: none */
	/* Members of the config's "config" that differ from the parent's, under the image-spec's
	 * names; null takes one away. Borrowed. */
	json_t *settings;
	const char *comment, *author;
	/* Called when the tree has been read, so that the container can be thawed early. */
	void (*read_done)(void *arg);
	void *read_done_arg;
};
int store_commit(struct store *, const struct store_commit *, struct digest *ret_id, struct err *e);

/* One more name for an image; `origin` is empty or what store_image_origin() says, for a name of
 * the same repository. */
int store_tag(struct store *, const struct digest *manifest, const struct digest *origin,
	const struct image_ref *name, struct err *e);

struct store_save_image {
	struct digest manifest;
	struct strv names; /* "repository:tag", or none */
};
struct store_save {
	int fd; /* gets the archive */
	bool oci;
	const struct store_save_image *images;
	size_t n;
};
int store_save(struct store *, const struct store_save *, struct err *e);

struct store_loaded_image {
	struct digest id;
	struct strv names;
};
struct store_loaded {
	struct store_loaded_image *v;
	size_t n;
};
void store_loaded_release(struct store_loaded *);
#define auto_loaded __attribute__((cleanup(store_loaded_release))) struct store_loaded
/* `fd`: an archive, a pipe of one, or the directory of an OCI image layout. */
int store_load(struct store *, int fd, store_progress *, void *progress_arg,
	struct store_loaded *ret, struct err *e);

/* One thing that is not as it should be. */
struct store_finding {
	bool bad;          /* something cannot work; false: it is in nobody's way */
	char *object;      /* "blob 0123456789ab", "image 'x:latest'" */
	char *found;       /* what is wrong with it */
	char *done, *mend; /* what has been done about it, what a person can do; or NULL */
};
struct store_findings {
	struct store_finding *v;
	size_t n;
};
void store_findings_release(struct store_findings *);
/* What is damaged is moved aside, to <root>/quarantine/<name>/, whose file `what` says what it was.
 */
#define STORE_QUARANTINE_SIZE 24
void store_quarantine_name(char ret[STORE_QUARANTINE_SIZE]);
/* Moves `name` of the directory `place` below `root` to the same place below the quarantine. */
int store_quarantine(int root, const char *quarantine, const char *place, const char *name,
	const char *why, struct err *e);

struct store_check {
	bool repair;            /* mends what can be mended, and moves the rest to the quarantine */
	bool full;              /* unpacks all layers again, to compare their trees */
	const char *quarantine; /* store_quarantine_name() */
	store_progress *progress;
	void *progress_arg;
};
int store_check(
	struct store *, const struct store_check *, struct store_findings *ret, struct err *e);

/* Untags `ref`, then drops every blob and layer that neither an image nor a pin needs. */
int store_remove(struct store *, const struct image_ref *, struct err *e);
/* For whoever has unpinned `manifest`: drops the same when neither an image's name nor another pin
 * stands for it, and does nothing otherwise. */
int store_collect(struct store *, const struct digest *manifest, struct err *e);
/* Counts the changes in an overlay upper directory later than `since` (nanoseconds since 1970, 0
 * for all): everything but the directories that are there only for what they hold. A removal may
 * count again when another follows it, since overlayfs links its white-outs to one inode. */
int store_count_changes(int upper_fd, int64_t since, uint64_t *ret, struct err *e);
/* Compares an overlay upper directory with the layers below it (directory fds, the topmost first),
 * and calls `each` for all that a container has changed, in no order. A directory is MODIFIED when
 * its owner, its mode or something in it is; a removed one is named alone. The path begins with
 * '/'. */
enum store_change { STORE_MODIFIED, STORE_ADDED, STORE_DELETED };
typedef void store_change_each(void *arg, enum store_change, const char *path);
int store_diff(int upper_fd, const int *lower_fds, size_t n, store_change_each *each, void *arg,
	struct err *e);

/* What layer `diff_id` unpacks to: the sizes of its files. `blob` stands for it where nobody wrote
 * that down. 0 when there is no such layer. */
uint64_t store_layer_bytes(struct store *, const char *diff_id, const char *blob);
/* The same for all layers of an image. */
uint64_t store_image_bytes(struct store *, const struct image *);
/* Bytes that a blob takes; 0 when there is none of that digest. */
uint64_t store_blob_usage(struct store *, const char *digest);
